"""Priors some of whose weights are zero."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree

from .._core.trees import named_leaves, path_name
from .base import AbstractPrior, Latents


class Pruned(AbstractPrior):
    """The weights of another prior, those that are not kept exactly zero: `w = kept * w'`.

    The latents, and so a posterior of them, stay as they are. What is pruned follows the prior
    alone from then on, so that a fit that starts from a pruned posterior trains the rest.

    Args:
        prior: of all weights.
        kept: path -> an array of truth values of the shape of the weights there. Weights at other
            paths are kept.

    Raises:
        ValueError: when a network is bound, a path is not one of its own, or a shape is another.
    """

    prior: AbstractPrior
    kept: dict[str, Bool[Array, "..."]]

    def __init__(self, prior: AbstractPrior, kept: Mapping[str, Any]):
        self.prior = prior
        self.kept = {path: jax.device_put(np.asarray(mask, bool)) for path, mask in kept.items()}

    def check(self, shapes: PyTree) -> None:
        self.prior.check(shapes)
        known = {path: leaf.shape for path, leaf in named_leaves(shapes).items()}
        for path, mask in self.kept.items():
            if path not in known:
                raise ValueError(f"There are no weights at {path!r}; there are {', '.join(known)}.")
            if mask.shape != known[path]:
                raise ValueError(
                    f"kept[{path!r}] has shape {mask.shape}, the weights have {known[path]}."
                )

    def init(self, key: Array, shapes: PyTree) -> Latents:
        return self.prior.init(key, shapes)

    def sample(self, key: Array, shapes: PyTree) -> Latents:
        return self.prior.sample(key, shapes)

    def log_prob(self, latents: Latents) -> Array:
        return self.prior.log_prob(latents)

    def transform(self, latents: Latents) -> PyTree:
        return self.without_pruned(self.prior.transform(latents))

    def without_pruned(self, weights: PyTree) -> PyTree:
        """Weights with zeros where they are not kept."""

        def one(path: tuple, leaf: Array) -> Array:
            mask = self.kept.get(path_name(path))
            return leaf if mask is None else jnp.where(mask, leaf, jnp.zeros((), leaf.dtype))

        return jax.tree_util.tree_map_with_path(one, weights)

    def supports(self, shapes: PyTree) -> Latents:
        return self.prior.supports(shapes)

    def normals(self, shapes: PyTree) -> dict[str, tuple[Array, Array]]:
        return self.prior.normals(shapes)

    def is_plain(self, path: str) -> bool:
        return path not in self.kept and self.prior.is_plain(path)

    def depth(self, latents: Latents) -> Array | None:
        return self.prior.depth(latents)

    def describe(self, path: str, shape: tuple[int, ...]) -> str:
        inner = self.prior.describe(path, shape)
        mask = self.kept.get(path)
        return inner if mask is None else f"{inner}, {float(mask.mean()):.1%} kept"
