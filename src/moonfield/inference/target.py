"""The log joint density of all rows as a function of the unconstrained vector."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from ..data import Batch, rows_first
from ..model import AbstractModel, space
from ..objectives import log_joint


class Target(eqx.Module):
    """What methods that work in one go see: `log_density(z)`, its size, and starting points.

    A tree of arrays: pass it through compiled functions as an argument, by `split` and `join`, so
    that another data set of the same shapes compiles nothing.
    """

    model: AbstractModel
    batch: Batch  # all rows, rows last

    def log_density(self, z: Float[Array, " size"]) -> Float[Array, ""]:
        """`log p(data, z)` with the log-determinant of the bijection, nats."""
        return log_joint(self.model, space(self.model), z, rows_first(self.batch), 1.0)

    def row_log_likelihoods(self, z: Float[Array, " size"], most: int) -> Float[Array, " rows"]:
        """`log p(y_row | x_row, z)` of rows that are evenly spaced, `most` at most, nats."""
        batch = rows_first(self.batch)
        rows = np.unique(np.linspace(0, len(batch.weights) - 1, most).astype(int))
        some = jax.tree.map(lambda array: array[rows] if array.ndim else array, batch)
        params, _ = space(self.model).constrain(z)
        return self.model.log_likelihood(params, some)

    def start(self, key: Array) -> Float[Array, " size"]:
        """A random starting point, bounded in the model's own units."""
        return space(self.model).unconstrain(self.model.init(key))

    @property
    def identified(self) -> bool:
        """Whether single numbers of z mean something: not so for weights of networks."""
        return self.model.identified

    @property
    def size(self) -> int:
        """How many numbers z has."""
        return space(self.model).size
