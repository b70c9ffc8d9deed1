"""The log joint density of a batch: the only place where anything is multiplied by N / B."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..data import Batch
from ..model import AbstractModel, Space


def log_joint(
    model: AbstractModel,
    space: Space,
    z: Float[Array, " size"],
    batch: Batch,
    scale: Float[Array, ""] | float,
) -> Float[Array, ""]:
    """`log p(z) + scale * sum_rows weight * log p(y_row | x_row, z)`, nats.

    `log p(z)` is the prior of the parameters plus the log-determinant of the bijection. `scale` is
    the number of all rows over the number of rows in the batch (1 for all rows).
    """
    params, log_det = space.constrain(z)
    rows = model.log_likelihood(params, batch)
    return model.log_prior(params) + log_det + scale * jnp.dot(batch.weights, rows)
