"""An equally weighted mixture of approximations: what an ensemble leaves behind."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .approximation import AbstractApproximation
from .gaussian import Gaussian
from .particles import evenly


class Members(AbstractApproximation):
    """`q(z) = mean_k q_k(z)` of approximations of one kind.

    Draws go through the members as those of `Particles` go through its points: few draws are spread
    evenly over members.

    Args:
        members: approximations of the same structure and shapes.
    """

    stacked: AbstractApproximation  # members first in each of its arrays
    count: int = eqx.field(static=True)

    def __init__(self, members: Sequence[AbstractApproximation]):
        self.stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
        self.count = len(members)

    def member(self, index: Array | int) -> AbstractApproximation:
        """One of the members."""
        return jax.tree.map(lambda leaf: leaf[index], self.stacked)

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        which = evenly(key, index, self.count)
        if isinstance(self.stacked, Gaussian):  # whose matrices are not copied for every draw
            return jax.vmap(lambda member: member.draw(key, index))(self.stacked)[which]
        return self.member(which).draw(key, index)

    def moments(self) -> tuple[Array, Array] | None:
        """Those of the mixture: variances within members, and between their means."""
        moments = jax.vmap(lambda member: member.moments())(self.stacked)
        if moments is None:
            return None
        means, sds = moments
        return jnp.mean(means, axis=0), jnp.sqrt(jnp.mean(sds**2, axis=0) + jnp.var(means, axis=0))
