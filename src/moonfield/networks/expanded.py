"""A network to first order in its weights."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from .check import weights_of, with_weights


class Expanded(eqx.Module):
    """`f(x; mode) + J(x) (w - mode)`, J the derivative of the network f in its weights at `mode`.

    One directional derivative for a row, so that no Jacobian is ever held. `network` is the network
    itself with the weights w. Of several modes (each leaf of `mode` with one more axis, first) it
    is the one nearest to w.
    """

    network: eqx.Module
    mode: PyTree

    def __call__(self, x: Any) -> Any:
        def outputs(weights: PyTree) -> Any:
            return cast(Callable, with_weights(self.network, weights))(x)

        weights = weights_of(self.network)
        mode = nearest(self.mode, weights)
        away = jax.tree.map(lambda w, m: w - m, weights, mode)
        value, change = jax.jvp(outputs, (mode,), (away,))
        return value + change


def nearest(modes: PyTree, weights: PyTree) -> PyTree:
    """The mode itself where there is one; of several the nearest in squared distance."""
    leaves = jax.tree.leaves(weights)
    pairs = list(zip(jax.tree.leaves(modes), leaves, strict=True))
    if jnp.ndim(pairs[0][0]) == jnp.ndim(pairs[0][1]):
        return modes
    squares = [jnp.sum((m - w[None]) ** 2, axis=tuple(range(1, jnp.ndim(m)))) for m, w in pairs]
    index = jnp.argmin(sum(squares))
    return jax.tree.map(lambda leaf: leaf[index], modes)
