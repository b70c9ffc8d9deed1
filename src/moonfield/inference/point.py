"""One point that climbs the log joint density: what ensembles of maxima are made of."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from ..data import Batch
from ..families import AbstractApproximation, Particles
from ..model import AbstractModel, Space
from ..objectives import log_joint
from .advi import ADAM
from .method import AbstractStepping, StepInfo


class PointState(NamedTuple):
    """The point, and the optimiser's state."""

    vector: Float[Array, " size"]
    optimizer: PyTree


class Point(AbstractStepping):
    """Maximise `log p(data, z)` on the unconstrained scale by stochastic gradients.

    The trace is the log joint density at the point, nats: not an ELBO, which a point has not.
    """

    optimizer: Any
    tuned: bool = eqx.field(static=True)

    def __init__(self, optimizer: Any = None):
        self.tuned = optimizer is None
        self.optimizer = ADAM if optimizer is None else optimizer

    @property
    def name(self) -> str:
        return "point"

    @property
    def quantity(self) -> str:
        return "log joint density"

    def noise_shape(self, size: int) -> tuple[int, int]:
        return 1, 0

    def init(self, locate: Callable[[Array], Array], key: Array) -> PointState:
        return self._at(locate(key))

    def resume(self, approximation: AbstractApproximation) -> PointState:
        if not isinstance(approximation, Particles) or len(approximation.points) != 1:
            raise ValueError("start must be a posterior of one point.")
        return self._at(approximation.points[0])

    def _at(self, vector: Array) -> PointState:
        return PointState(vector, self.optimizer.init(vector))

    def step(
        self,
        model: AbstractModel,
        space: Space,
        state: PointState,
        noise: Float[Array, "draws noise"],
        batch: Batch,
        scale: Any,
        step_size: Any,
    ) -> tuple[PointState, StepInfo]:
        def loss(z: Array) -> Array:
            return -log_joint(model, space, z, batch, scale)

        value, gradient = jax.value_and_grad(loss)(state.vector)
        update, optimizer = self.optimizer.update(gradient, state.optimizer, state.vector)
        vector = optax.apply_updates(state.vector, step_size * update)
        return PointState(jnp.asarray(vector), optimizer), StepInfo(-value)

    def approximation(self, vector: np.ndarray, size: int) -> Particles:
        return Particles(jax.device_put(vector[None]))
