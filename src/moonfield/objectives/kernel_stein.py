"""The kernel Stein discrepancy."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .._core.checks import whole
from ..families import AbstractFamily
from .base import AbstractObjective
from .log_joint import LogJoint


class KernelStein(AbstractObjective):
    """Minus the squared kernel Stein discrepancy between q and the posterior, by a U-statistic.

    `-1 / (draws (draws - 1)) sum_{i != j} u(z_i, z_j)` with, for the score s of the log joint,
    `u(x, y) = s(x).s(y) k + s(x).grad_y k + s(y).grad_x k + tr(grad_x grad_y k)` (Liu, Lee &
    Jordan, 2016, "A kernelized Stein discrepancy", eqs 6 and 14), as an operator objective
    (Ranganath et al., 2016, "Operator variational inference", section 2): neither q's density nor
    the evidence enters. The kernel is the inverse multiquadric `(1 + |x - y|^2 / h^2)^(-1/2)`
    (Gorham & Mackey, 2017, "Measuring sample quality with kernels", section 4), h^2 the mean
    squared distance of the draws.

    Zero where q is the posterior. The unit depends on the kernel, so that values of different fits
    do not compare. With batches the product of two noisy scores adds a bias: prefer all rows. Uses
    gradients of the score, that is second derivatives of the model.

    Args:
        draws: draws of q in the statistic, at least 2.

    Raises:
        TypeError, ValueError: `draws` is not a whole number of 2 or more.
    """

    draws: int = eqx.field(static=True)

    def __init__(self, draws: int = 16):
        self.draws = whole(draws, "draws", least=2)

    @property
    def quantity(self) -> str:
        return "minus the squared kernel Stein discrepancy"

    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, "draws noise"],
    ) -> Float[Array, ""]:
        log_weights, z = jax.vmap(family.strata, (None, 0))(state, noise)
        draws, strata, size = z.shape
        points, weights = z.reshape(-1, size), jnp.exp(log_weights.ravel())
        stein = _stein_kernel(points, jax.vmap(jax.grad(log_joint))(points))
        apart = jnp.kron(1.0 - jnp.eye(draws), jnp.ones((strata, strata))).astype(z.dtype)
        return -weights @ (apart * stein) @ weights / (draws * (draws - 1))


def _stein_kernel(points: Array, scores: Array) -> Float[Array, "points points"]:
    """`u(z_i, z_j)` for all pairs."""
    count, size = points.shape
    gaps = points[:, None] - points[None]
    squared = jnp.sum(gaps**2, axis=2)
    width = jax.lax.stop_gradient(jnp.sum(squared) / max(1, count * (count - 1)))
    width = jnp.maximum(width, jnp.finfo(width.dtype).tiny)
    base = 1.0 + squared / width
    kernel, slope = base**-0.5, base**-1.5 / width
    along = jnp.sum((scores[:, None] - scores[None]) * gaps, axis=2)
    trace = size * slope - 3.0 * squared * base**-2.5 / width**2
    return (scores @ scores.T) * kernel + along * slope + trace
