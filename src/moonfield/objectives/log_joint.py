"""The log joint density of a batch: the only place where anything is multiplied by N / B."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._core.slices import by_slices
from ..data import Batch
from ..families import LocalDraws
from ..model import AbstractModel, NormalPrior, RowDraws, Space, normal_prior, row_draws


class LogJoint(NamedTuple):
    """The log joint density as a function of z, nats."""

    parts: Callable[[Array], tuple[Array, Array]]  # z -> log prior, log-likelihood of all rows
    normal: NormalPrior | None = None  # what of the prior is independent normals
    by_row: RowDraws | Callable | None = None  # the same parts under draws of each row's own

    def __call__(self, z: Float[Array, " size"]) -> Float[Array, ""]:
        prior, likelihood = self.parts(z)
        return prior + likelihood


def log_joint_of(
    model: AbstractModel,
    space: Space,
    batch: Batch,
    scale: Float[Array, ""] | float,
    local: LocalDraws | None = None,
    microbatch: int | None = None,
) -> LogJoint:
    """`log p(z)` and `scale * sum_rows weight * log p(y_row | x_row, z)`, nats.

    `log p(z)` is the prior of the parameters plus the log-determinant of the bijection. `scale` is
    the number of all rows over the number of rows in the batch (1 for all rows). With `microbatch`
    only so many rows are worked on at once.

    With draws of local latent variables a row's likelihood is `log p(y_row | local_row, z)`, and
    `scale * sum_rows weight * (log p(local_row | z) - log q(local_row))` is added to `log p(z)`.
    """

    def parts(z: Array) -> tuple[Array, Array]:
        params, log_det = space.constrain(z)
        prior = model.log_prior(params) + log_det
        if local is None:
            rows = by_slices(lambda part: model.log_likelihood(params, part), batch, microbatch)
            return prior, scale * jnp.dot(batch.weights, rows)
        likelihood, local_prior = model.log_local(params, local.z, batch)
        divergence = jnp.dot(batch.weights, local.log_density - local_prior)
        return prior - scale * divergence, scale * jnp.dot(batch.weights, likelihood)

    by_row = row_draws(space, batch, scale, microbatch) if local is None else None
    return LogJoint(parts, normal_prior(space), by_row)


def log_joint(
    model: AbstractModel,
    space: Space,
    z: Float[Array, " size"],
    batch: Batch,
    scale: Float[Array, ""] | float,
    microbatch: int | None = None,
) -> Float[Array, ""]:
    """`log p(z) + scale * sum_rows weight * log p(y_row | x_row, z)`, nats."""
    return log_joint_of(model, space, batch, scale, microbatch=microbatch)(z)
