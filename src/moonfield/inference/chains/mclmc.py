"""Microcanonical Langevin Monte Carlo: few gradients a draw, for larger models."""

import functools
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._core.checks import whole
from ..._core.keys import Stream, stream, streams
from ..._core.results import Result
from ..._core.trees import Structure, split
from ...families import Particles
from ..approach import PATHS, near_bulk
from ..method import AbstractDirect, Outcome
from ..target import Target
from .convergence import agreement
from .library import blackjax

_GRADIENTS = 2  # of a step of the integrator


class MCLMC(AbstractDirect):
    """Microcanonical Langevin Monte Carlo, unadjusted, in the whitened space that `NUTS` uses.

    Models of more than 128 numbers are whitened number by number, while steps are tuned.

    Without an accept-reject step draws have a small bias, which the step size is tuned to keep
    below the Monte Carlo error of a few hundred draws; each costs two gradients.

    Args:
        chains: chains that run side by side.
        warmup: iterations that tune step size and decoherence length of each chain.
        draws: draws that are kept of each chain.
        thin: iterations a draw.

    Raises:
        ImportError: BlackJAX is not installed.
        ValueError: the model has a single parameter, for which there is no such dynamics.

    Robnik, De Luca, Silverstein & Seljak, 2023, "Microcanonical Hamiltonian Monte Carlo", JMLR 24.
    """

    chains: int = eqx.field(static=True)
    warmup: int = eqx.field(static=True)
    draws: int = eqx.field(static=True)
    thin: int = eqx.field(static=True)

    def __init__(self, chains: int = 4, warmup: int = 2_000, draws: int = 1_000, thin: int = 8):
        self.chains = whole(chains, "chains")
        self.warmup = whole(warmup, "warmup", 100)
        self.draws = whole(draws, "draws", 4)
        self.thin = whole(thin, "thin")

    @property
    def name(self) -> str:
        return "mclmc"

    def run(self, target: Target, seed: int, start: Any = None, progress: bool = False) -> Outcome:
        if target.size < 2:
            raise ValueError("method 'mclmc' needs two parameters or more; use 'nuts'.")
        begun = time.perf_counter()
        structure, arrays = split(target)
        starts = streams(seed, Stream.start, PATHS + 1)
        key = stream(seed, Stream.noise)
        draws = np.asarray(_run(structure, self, arrays, starts, key, start))
        iterations = self.warmup + self.draws * self.thin
        return Outcome(
            Particles(jax.device_put(draws.reshape(-1, draws.shape[-1]))),
            np.zeros(0),
            Result.steps_exhausted,
            self.draws,
            _GRADIENTS * self.chains * iterations,
            (float("nan"), float("nan")),
            time.perf_counter() - begun,
            agreement(structure, arrays, draws),
        )


@functools.partial(jax.jit, static_argnames=("structure", "method"))
def _run(
    structure: Structure,
    method: MCLMC,
    arrays: list[Array],
    starts: Array,
    key: Array,
    start: Array | None,
) -> Array:
    """Draws (chains, draws, size)."""
    target, library = structure.join(arrays), blackjax()
    gaussian, _ = near_bulk(target, starts, start)
    kernel = library.mclmc.build_kernel()
    ones = jnp.ones(gaussian.centre.size, gaussian.centre.dtype)

    def density(u: Array) -> Array:
        return target.log_density(gaussian.at(u))

    def chain(key: Array) -> Array:
        place, begin, tune, run = jax.random.split(key, 4)
        u = jax.random.normal(place, ones.shape, ones.dtype)
        state = library.mclmc.init(u, density, begin)
        state, tuned, _ = library.mclmc_find_L_and_step_size(
            kernel,
            method.warmup,
            state,
            tune,
            logdensity_fn=density,
            frac_tune1=0.4,
            frac_tune2=0.4,
            frac_tune3=0.2,
            diagonal_preconditioning=gaussian.factor.ndim == 1,  # else whitened already
        )

        def step(state: Any, key: Array) -> tuple[Any, None]:
            inverse = tuned.inverse_mass_matrix
            return kernel(key, state, density, inverse, tuned.L, tuned.step_size)[0], None

        def draw(state: Any, key: Array) -> tuple[Any, Array]:
            state, _ = jax.lax.scan(step, state, jax.random.split(key, method.thin))
            return state, gaussian.at(state.position)

        return jax.lax.scan(draw, state, jax.random.split(run, method.draws))[1]

    return jax.vmap(chain)(jax.random.split(key, method.chains))
