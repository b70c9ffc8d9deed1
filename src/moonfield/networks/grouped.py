"""A network whose weights differ between groups of rows."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
from jaxtyping import Array, PyTree

from .._core.trees import path_name
from .check import with_weights


class Grouped(eqx.Module):
    """`network(row["x"])` with the weights of the group `row["group"]`.

    `weights` is the network's tree of weights; those whose paths are in `apart` have a leading axis
    of groups.
    """

    network: eqx.Module
    weights: PyTree
    apart: frozenset[str] = eqx.field(static=True)

    def __call__(self, row: dict[str, Array]) -> Any:
        def pick(path: tuple, leaf: Array) -> Array:
            return leaf[row["group"]] if path_name(path) in self.apart else leaf

        weights = jax.tree_util.tree_map_with_path(pick, self.weights)
        return cast(Callable, with_weights(self.network, weights))(row["x"])
