"""Stochastic-gradient Hamiltonian Monte Carlo."""

import functools
import time
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from ..._core.checks import whole
from ..._core.keys import Stream, stream, streams
from ..._core.results import Result
from ..._core.trees import Structure, split
from ...families import Particles
from ..approach import PATHS, near_bulk, scaled
from ..method import AbstractDirect, Outcome
from ..target import Target
from .convergence import agreement
from .library import blackjax


class SGHMC(AbstractDirect):
    """Hamiltonian Monte Carlo with friction and without an accept-reject step.

    Runs in the whitened space that `NUTS` uses, with gradients over all rows; its draws are those
    of the posterior up to a bias of the order of the step size. Models of more than 128 numbers are
    whitened number by number, by the curvature near the mode, and scaled so that no direction is
    narrower than 1.

    Args:
        chains: chains that run side by side.
        warmup: trajectories that are thrown away.
        draws: draws of each chain, one a trajectory.
        step_size: of the integrator, where the posterior has been whitened to a sd of about 1;
            below `friction`, or steps grow without bound.
        friction: momentum lost in a unit of time.
        steps: integration steps of a trajectory, one gradient each.

    Raises:
        ImportError: BlackJAX is not installed.

    Chen, Fox & Guestrin, 2014, "Stochastic gradient Hamiltonian Monte Carlo", ICML.
    """

    chains: int = eqx.field(static=True)
    warmup: int = eqx.field(static=True)
    draws: int = eqx.field(static=True)
    steps: int = eqx.field(static=True)
    step_size: float
    friction: float = eqx.field(static=True)

    def __init__(
        self,
        chains: int = 4,
        warmup: int = 200,
        draws: int = 1_000,
        step_size: float = 0.1,
        friction: float = 0.5,
        steps: int = 20,
    ):
        self.chains = whole(chains, "chains")
        self.warmup = whole(warmup, "warmup", 0)
        self.draws = whole(draws, "draws", 4)
        self.steps = whole(steps, "steps")
        self.step_size, self.friction = float(step_size), float(friction)
        if not self.step_size > 0.0 or not self.friction > 0.0:
            raise ValueError(
                f"step_size and friction must be positive, got {step_size} and {friction}."
            )
        if self.step_size >= self.friction:
            raise ValueError(
                f"step_size must be below friction, got {step_size} and {friction}: longer steps "
                "grow without bound."
            )

    @property
    def name(self) -> str:
        return "sghmc"

    def run(self, target: Target, seed: int, start: Any = None, progress: bool = False) -> Outcome:
        begun = time.perf_counter()
        structure, arrays = split(target)
        starts = streams(seed, Stream.start, PATHS + 1)
        key = stream(seed, Stream.noise)
        counts = (self.chains, self.warmup + self.draws, self.steps)
        dtype = jax.numpy.result_type(float)
        step_size = np.asarray(self.step_size, dtype)
        found = _run(structure, counts, self.friction, arrays, starts, key, step_size, start)
        draws = np.asarray(found)[:, self.warmup :]
        return Outcome(
            Particles(jax.device_put(draws.reshape(-1, draws.shape[-1]))),
            np.zeros(0),
            Result.steps_exhausted,
            self.draws,
            counts[0] * counts[1] * counts[2],
            (float("nan"), float("nan")),
            time.perf_counter() - begun,
            agreement(structure, arrays, draws),
        )


@functools.partial(jax.jit, static_argnames=("structure", "counts", "friction"))
def _run(
    structure: Structure,
    counts: tuple[int, int, int],
    friction: float,
    arrays: list[Array],
    starts: Array,
    key: Array,
    step_size: Array,
    start: Array | None,
) -> Array:
    """Draws (chains, trajectories, size)."""
    target = structure.join(arrays)
    chains, trajectories, steps = counts
    gaussian, _ = near_bulk(target, starts, start)
    if gaussian.factor.ndim == 1:
        gaussian = scaled(target.log_density, gaussian, starts[0])
    kernel = blackjax().sghmc.build_kernel(alpha=friction)

    def slope(u: Array, _: None) -> Array:
        return jax.grad(lambda u: target.log_density(gaussian.at(u)))(u)

    def chain(key: Array) -> Array:
        place, run = jax.random.split(key)
        first = jax.random.normal(place, gaussian.centre.shape, gaussian.centre.dtype)

        def draw(u: Array, key: Array) -> tuple[Array, Array]:
            u = kernel(key, u, slope, None, step_size, steps)
            return u, gaussian.at(u)

        return jax.lax.scan(draw, first, jax.random.split(run, trajectories))[1]

    return jax.vmap(chain)(jax.random.split(key, chains))
