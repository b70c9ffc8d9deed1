"""Pathfinder: the best normal approximations along the paths of an optimiser."""

import functools
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._core.checks import whole
from .._core.keys import Stream, stream, streams, uniform
from .._core.results import Result
from .._core.trees import Structure, split
from ..families import Particles, psis, systematic
from .chains import blackjax
from .method import AbstractDirect, Outcome, Placing
from .target import Target

_ITERATIONS, _MEMORY, _SEARCH, _TOLERANCE = 100, 12, 30, 1e-8


class Pathfinder(AbstractDirect):
    """Multi-path Pathfinder.

    Along each path of L-BFGS, from a random start uphill, the normal approximation with the largest
    ELBO is kept; their draws together are importance-resampled. `facts["khat"]` says whether these
    were close enough to the posterior (below 0.7). Programs are looked at in coordinates in which
    the posterior is about as wide in every direction.

    Args:
        paths: starting points.
        draws: draws in all, before and after resampling.

    Raises:
        ImportError: BlackJAX is not installed.

    Zhang, Carpenter, Gelman & Vehtari, 2022, "Pathfinder: parallel quasi-Newton variational
    inference", JMLR 23, algorithms 1 and 2.
    """

    paths: int = eqx.field(static=True)
    draws: int = eqx.field(static=True)

    def __init__(self, paths: int = 4, draws: int = 4_000):
        self.paths = whole(paths, "paths")
        self.draws = whole(draws, "draws", 20)

    @property
    def name(self) -> str:
        return "pathfinder"

    @property
    def placing(self) -> Placing | None:
        return "whitened"

    def run(self, target: Target, seed: int, start: Any = None, progress: bool = False) -> Outcome:
        begun = time.perf_counter()
        structure, arrays = split(target)
        starts = streams(seed, Stream.start, self.paths)
        each = -(-self.draws // self.paths)
        keys = (starts, stream(seed, Stream.noise))
        z, log_ratios, elbos = _paths(structure, each, arrays, *keys, start)
        compile_seconds = time.perf_counter() - begun
        ratios = np.asarray(log_ratios, np.float64).ravel()
        smoothed = psis(ratios)
        chosen = systematic(smoothed.log_weights, self.draws, uniform(seed, Stream.importance))
        points = np.asarray(z).reshape(ratios.size, -1)[chosen]
        best = int(np.argmax(elbos))
        facts = {"khat": smoothed.khat, "effective_draws": smoothed.effective_draws}
        return Outcome(
            Particles(jax.device_put(points)),
            np.zeros(0),
            Result.steps_exhausted,
            self.draws,
            self.paths * _ITERATIONS,
            _mean_and_error(np.asarray(log_ratios, np.float64)[best]),
            compile_seconds,
            facts,
        )


def _mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Of the finite values: the ELBO of a path."""
    finite = values[np.isfinite(values)]
    if finite.size < 2:
        return float("nan"), float("nan")
    return float(finite.mean()), float(finite.std(ddof=1) / np.sqrt(finite.size))


@functools.partial(jax.jit, static_argnames=("structure", "draws"))
def _paths(
    structure: Structure,
    draws: int,
    arrays: list[Array],
    starts: Array,
    key: Array,
    start: Array | None,
) -> tuple[Array, Array, Array]:
    """Draws (paths, draws, size) of the best normals, log ratios (paths, draws), and ELBOs."""
    target, pathfinder = structure.join(arrays), blackjax().vi.pathfinder
    locations = jax.vmap(target.start)(starts)
    if start is not None:
        locations = locations.at[0].set(start)

    def one(key: Array, location: Array) -> tuple[Array, Array, Array]:
        path_key, draw_key = jax.random.split(key)
        state, _ = pathfinder.approximate(
            path_key,
            target.log_density,
            location,
            num_samples=min(draws, 100),
            maxiter=_ITERATIONS,
            maxcor=_MEMORY,
            maxls=_SEARCH,
            ftol=_TOLERANCE,
        )
        z, log_q = pathfinder.sample(draw_key, state, draws)
        return z, jax.vmap(target.log_density)(z) - log_q, jnp.asarray(state.elbo)

    # One path after the other: all at once, in 1 GB more of memory, took longer, and on the CPU XLA
    # (jaxlib 0.10.2) could wait for ever in the loops of large kernels.
    keys = jax.random.split(key, len(locations))
    return jax.lax.map(lambda given: one(*given), (keys, locations))
