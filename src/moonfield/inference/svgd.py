"""Stein variational gradient descent: particles that climb and repel each other."""

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
from .stein import stein_direction

_START_SD = 0.1  # of particles about their starts: also those at a given location differ


class SvgdState(NamedTuple):
    """The particles, flat (particles * size), and the optimiser's state."""

    vector: Float[Array, " parameters"]
    optimizer: PyTree


class SVGD(AbstractStepping):
    """Particles that descend in KL(q || posterior) along the steepest direction of a kernel space.

    The posterior is a set of equally weighted points (`mf.families.Particles`). The trace is the
    mean log joint density of the particles, nats: it is not an ELBO, for which particles have no
    entropy, and it falls while particles that started close together spread. It is also what
    `restarts` are compared by: more particles say more than restarts.

    Args:
        particles: how many; the cost of a step grows with it.
        optimizer: any optax transformation that descends. Left out, Adam at 0.05, lowered towards
            the end of the fit.

    Raises:
        TypeError: `optimizer` is not an optax transformation.
        ValueError: `particles` is below 1.

    Liu & Wang, 2016, "Stein variational gradient descent: a general purpose Bayesian inference
    algorithm", NeurIPS, algorithm 1. In many dimensions particles are too close together (Ba et
    al., 2022, "Understanding the variance collapse of SVGD in high dimensions", ICLR).
    """

    particles: int = eqx.field(static=True)
    optimizer: Any
    tuned: bool = eqx.field(static=True)

    def __init__(self, particles: int = 50, optimizer: Any = None):
        self.particles = int(particles)
        self.tuned = optimizer is None
        self.optimizer = ADAM if optimizer is None else optimizer
        if self.particles < 1:
            raise ValueError(f"particles must be 1 or more, got {particles}.")
        if not hasattr(self.optimizer, "init") or not hasattr(self.optimizer, "update"):
            raise TypeError(f"optimizer must be an optax transformation, got {optimizer!r}.")

    @property
    def name(self) -> str:
        return "svgd"

    @property
    def quantity(self) -> str:
        return "log joint density"

    @property
    def climbs(self) -> bool:
        return False

    def noise_shape(self, size: int) -> tuple[int, int]:
        return self.particles, 0

    def init(self, locate: Callable[[Array], Array], key: Array) -> SvgdState:
        def one(key: Array) -> Array:
            location = locate(key)
            noise = jax.random.normal(jax.random.fold_in(key, 1), location.shape, location.dtype)
            return location + _START_SD * noise

        return self._at(jax.vmap(one)(jax.random.split(key, self.particles)))

    def resume(self, approximation: AbstractApproximation) -> SvgdState:
        if not isinstance(approximation, Particles):
            raise ValueError("start must be a posterior of particles.")
        if len(approximation.points) != self.particles:
            raise ValueError(
                f"start has {len(approximation.points)} particles, the method {self.particles}."
            )
        return self._at(approximation.points)

    def _at(self, points: Array) -> SvgdState:
        vector = points.reshape(-1)
        return SvgdState(vector, self.optimizer.init(vector))

    def step(
        self,
        model: AbstractModel,
        space: Space,
        state: SvgdState,
        noise: Float[Array, "particles noise"],
        batch: Batch,
        scale: Any,
        step_size: Any,
    ) -> tuple[SvgdState, StepInfo]:
        def density(z: Array) -> Array:
            return log_joint(model, space, z, batch, scale)

        points = state.vector.reshape(self.particles, -1)
        values, scores = jax.vmap(jax.value_and_grad(density))(points)
        descent = -stein_direction(points, scores).reshape(-1)
        update, optimizer = self.optimizer.update(descent, state.optimizer, state.vector)
        vector = optax.apply_updates(state.vector, step_size * update)
        return SvgdState(jnp.asarray(vector), optimizer), StepInfo(jnp.mean(values))

    def approximation(self, vector: np.ndarray, size: int) -> Particles:
        return Particles(jax.device_put(vector.reshape(self.particles, size)))
