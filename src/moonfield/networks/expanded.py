"""A network to first order in its weights."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from .check import weights_of, with_weights


class Modes(NamedTuple):
    """Several modes to expand about, and what tells their neighbourhoods apart.

    Both have the leaves of the weights, `modes` with a first axis of modes, `directions` with those
    of modes and directions: inner products of a direction with `w - mode` are of variance 1 under
    the Gaussian about its mode.
    """

    modes: PyTree
    directions: PyTree

    def nearest(self, weights: PyTree) -> PyTree:
        """The mode with the smallest sum of squared inner products."""

        def products(direction: Array, mode: Array, weight: Array) -> Array:
            away = (weight[None] - mode).reshape(len(mode), -1)
            return jnp.einsum("krw,kw->kr", direction.reshape(*direction.shape[:2], -1), away)

        parts = jax.tree.map(products, self.directions, self.modes, weights)
        index = jnp.argmin(jnp.sum(sum(jax.tree.leaves(parts)) ** 2, axis=1))
        return jax.tree.map(lambda leaf: leaf[index], self.modes)


class Expanded(eqx.Module):
    """`f(x; mode) + J(x) (w - mode)`, J the derivative of the network f in its weights at `mode`.

    One directional derivative for a row, so that no Jacobian is ever held. `network` is the network
    itself with the weights w.
    """

    network: eqx.Module
    mode: PyTree

    def __call__(self, x: Any) -> Any:
        def outputs(weights: PyTree) -> Any:
            return cast(Callable, with_weights(self.network, weights))(x)

        away = jax.tree.map(lambda w, m: w - m, weights_of(self.network), self.mode)
        value, change = jax.jvp(outputs, (self.mode,), (away,))
        return value + change
