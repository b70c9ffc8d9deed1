"""Amortised Stein variational gradient descent: a network learns to draw from the posterior."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from .._core.trees import unravel
from ..data import Batch
from ..families import AbstractApproximation, Sampler, SamplerState, first_sampler, push
from ..model import AbstractModel, Space
from ..objectives import log_joint
from .method import AbstractStepping, StepInfo
from .stein import stein_direction

_ADAM = optax.adam(0.02)
_START_SD = 0.1


class AsvgdState(NamedTuple):
    """The sampler's weights, flat, and the optimiser's state."""

    vector: Float[Array, " parameters"]
    optimizer: PyTree


class ASVGD(AbstractStepping):
    """A sampler `z = f(noise; eta)` whose draws follow the Stein direction of their batch.

    Each step draws `particles` points, finds where Stein variational gradient descent would move
    them, and changes eta so that the points move there: `eta <- eta + step * mean_i (df/deta)^T
    phi(z_i)`. The posterior is `mf.families.Sampler`, which draws as often as asked. The trace is
    the mean log joint density of the points, nats: not an ELBO.

    A sampler starts in one place and may stay in one mode. Give `steps`: weights of a sampler that
    do the same are many, so that they wander, and the automatic stop waits long for them.

    Args:
        particles: points a step.
        hidden: hidden units of the sampler.
        latent: standard normal numbers that feed them.
        optimizer: any optax transformation that descends. Left out, Adam at 0.02, lowered towards
            the end of the fit.

    Raises:
        TypeError: `optimizer` is not an optax transformation.
        ValueError: a number is below 1, or `particles` below 2.

    Wang & Liu, 2016, "Learning to draw samples: with application to amortized MLE for generative
    adversarial learning", algorithm 1; Feng, Wang & Liu, 2017, "Learning to draw samples with
    amortized Stein variational gradient descent", UAI, eq. 9.
    """

    particles: int = eqx.field(static=True)
    hidden: int = eqx.field(static=True)
    latent: int = eqx.field(static=True)
    optimizer: Any
    tuned: bool = eqx.field(static=True)

    def __init__(
        self, particles: int = 20, hidden: int = 32, latent: int = 8, optimizer: Any = None
    ):
        self.particles, self.hidden, self.latent = int(particles), int(hidden), int(latent)
        self.tuned = optimizer is None
        self.optimizer = _ADAM if optimizer is None else optimizer
        if self.particles < 2:
            raise ValueError(f"particles must be 2 or more, got {particles}.")
        for name, value in {"hidden": self.hidden, "latent": self.latent}.items():
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, got {value}.")
        if not hasattr(self.optimizer, "init") or not hasattr(self.optimizer, "update"):
            raise TypeError(f"optimizer must be an optax transformation, got {optimizer!r}.")

    @property
    def name(self) -> str:
        return "asvgd"

    @property
    def quantity(self) -> str:
        return "log joint density"

    @property
    def climbs(self) -> bool:
        return False

    def noise_shape(self, size: int) -> tuple[int, int]:
        return self.particles, size + self.latent

    def init(self, locate: Callable[[Array], Array], key: Array) -> AsvgdState:
        weights = jax.random.fold_in(key, 1)
        return self._at(first_sampler(locate(key), _START_SD, self.hidden, self.latent, weights))

    def resume(self, approximation: AbstractApproximation) -> AsvgdState:
        if not isinstance(approximation, Sampler):
            raise ValueError("start must be a posterior of the method 'asvgd'.")
        if approximation.state.inner.shape != (self.hidden, self.latent):
            raise ValueError("start must be a posterior with as many hidden units and latents.")
        return self._at(approximation.state)

    def _at(self, state: SamplerState) -> AsvgdState:
        vector, _ = ravel_pytree(state)
        return AsvgdState(vector, self.optimizer.init(vector))

    def _weights(self, vector: Array | np.ndarray, size: int) -> SamplerState:
        location, key = jax.ShapeDtypeStruct((size,), vector.dtype), jax.random.key(0)
        shapes = jax.eval_shape(
            lambda z: first_sampler(z, _START_SD, self.hidden, self.latent, key), location
        )
        return unravel(vector, shapes)

    def step(
        self,
        model: AbstractModel,
        space: Space,
        state: AsvgdState,
        noise: Float[Array, "particles noise"],
        batch: Batch,
        scale: Any,
        step_size: Any,
    ) -> tuple[AsvgdState, StepInfo]:
        def density(z: Array) -> Array:
            return log_joint(model, space, z, batch, scale)

        def points(vector: Array) -> Array:
            return jax.vmap(push, (None, 0))(self._weights(vector, space.size), noise)

        z, pull_back = jax.vjp(points, state.vector)
        values, scores = jax.vmap(jax.value_and_grad(density))(z)
        (descent,) = pull_back(-stein_direction(z, scores, independent=True) / self.particles)
        update, optimizer = self.optimizer.update(descent, state.optimizer, state.vector)
        vector = optax.apply_updates(state.vector, step_size * update)
        return AsvgdState(jnp.asarray(vector), optimizer), StepInfo(jnp.mean(values))

    def path_of(self, space: Space, index: int) -> str:
        return "weights of the sampler"

    def approximation(self, vector: np.ndarray, size: int) -> Sampler:
        return Sampler(jax.device_put(self._weights(vector, size)))
