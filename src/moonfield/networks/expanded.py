"""A network to first order in its weights."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
from jaxtyping import PyTree

from .check import weights_of, with_weights


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
