"""Importance sampling around the posterior's bulk, and chains where that would mislead."""

import functools
import math
import time
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core.checks import whole
from .._core.compiling import RUNS_ONCE, quick_jit
from .._core.keys import Stream, stream, streams, uniform
from .._core.results import Result
from .._core.trees import Structure, split
from ..families import Particles, Smoothed, psis, systematic
from ..model import Coordinates
from .approach import DENSE, PATHS, near_bulk
from .chains import NUTS
from .method import AbstractDirect, Outcome
from .target import Target

_KHAT = 0.7  # up to here smoothed weights are good (Vehtari et al., 2024, section 3)
_SHARE = 0.25  # of the draws: how many the weighted ones must be worth
_FREEDOM = 5  # degrees of freedom of the wider half
_BLOCK = 50  # draws weighed side by side


class ImportanceSampling(AbstractDirect):
    """Independent draws, weighted; NUTS where their weights would be uneven.

    Half of twice `draws` proposals come from the Gaussian with the largest ELBO that is found from
    four starts, half from Student's t with 5 degrees of freedom in its place, so that no tail of
    the posterior is out of reach (a defensive mixture: Hesterberg, 1995, "Weighted average
    importance sampling and defensive mixture distributions", Technometrics 37). They are weighted
    by `p(data, z) / q(z)`, Pareto-smoothed, and resampled. Independent draws that are worth nearly
    their number beat chains of as many; so they are kept where k-hat is at most 0.7, they are worth
    a quarter of the proposals or more, and no start led to another place of comparable ELBO. Else
    `otherwise` runs, from the same Gaussian: `posterior.diagnostics.method` says which it was.

    The ELBO it reports is the estimate of the log marginal likelihood, the logarithm of the mean of
    `p(data, z) / q(z)`, with its Monte Carlo error. `diagnostics.facts` holds `khat`,
    `effective_draws` and `modes`: 1, and how many starts led elsewhere.

    Args:
        draws: draws that are kept, of twice as many proposals.
        otherwise: the chains for a posterior that is far from normal.

    Raises:
        ImportError: BlackJAX is needed and not installed.
    """

    draws: int = eqx.field(static=True)
    otherwise: NUTS

    def __init__(self, draws: int = 10_000, otherwise: Any = None):
        self.draws = whole(draws, "draws", 100)
        self.otherwise = NUTS() if otherwise is None else otherwise
        if not isinstance(self.otherwise, NUTS):
            raise TypeError(f"otherwise must be mf.NUTS(...), got {otherwise!r}.")

    @property
    def name(self) -> str:
        return "importance"

    def run(
        self,
        target: Target,
        seed: int,
        start: Float[Array, " size"] | None = None,
        progress: bool = False,
    ) -> Outcome:
        chains = functools.partial(self.otherwise.run, target, seed, start, progress)
        if target.size > DENSE:
            return chains()._replace(method=self.otherwise.name)
        begun = time.perf_counter()
        structure, arrays = split(target)
        keys = (streams(seed, Stream.start, PATHS + 1), stream(seed, Stream.importance))
        proposed = _propose(structure, self.draws, arrays, *keys, start)
        compile_seconds = time.perf_counter() - begun
        ratios = np.asarray(proposed.log_ratios, np.float64)
        smoothed, modes = psis(ratios), int(proposed.modes)
        if not _is_enough(smoothed, modes):
            facts = {"modes": modes, "khat_of_normal": smoothed.khat}
            outcome = chains(proposed.gaussian)
            return outcome._replace(facts={**outcome.facts, **facts}, method=self.otherwise.name)
        chosen = systematic(smoothed.log_weights, self.draws, uniform(seed, Stream.importance))
        return Outcome(
            Particles(jax.device_put(np.asarray(proposed.z)[chosen])),
            np.zeros(0),
            Result.steps_exhausted,
            self.draws,
            len(ratios),
            _log_mean(ratios),
            compile_seconds,
            {"khat": smoothed.khat, "effective_draws": smoothed.effective_draws, "modes": modes},
        )


def _is_enough(smoothed: Smoothed, modes: int) -> bool:
    worth = smoothed.effective_draws / len(smoothed.log_weights)
    return smoothed.khat <= _KHAT and worth >= _SHARE and modes == 1


def _log_mean(log_ratios: np.ndarray) -> tuple[float, float]:
    """Log of the mean of ratios, and its standard error (delta method); nan is a ratio of 0."""
    log_ratios = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    largest = log_ratios.max()
    ratios = np.exp(log_ratios - largest)
    error = ratios.std(ddof=1) / math.sqrt(len(ratios)) / ratios.mean()
    return float(largest + math.log(ratios.mean())), float(error)


class _Proposed(NamedTuple):
    gaussian: Coordinates
    modes: Int[Array, ""]
    z: Float[Array, "draws size"]
    log_ratios: Float[Array, " draws"]


@functools.partial(quick_jit, static_argnames=("structure", "draws"), options=RUNS_ONCE)
def _propose(
    structure: Structure,
    draws: int,
    arrays: list[Array],
    starts: Array,
    key: Array,
    start: Array | None,
) -> _Proposed:
    """The Gaussian near the bulk, and draws of the mixture around it, weighed."""
    target = structure.join(arrays)
    gaussian, modes = near_bulk(target, starts, start)
    size, dtype = gaussian.centre.size, gaussian.centre.dtype
    normal = jax.random.normal(key, (2 * draws, size + _FREEDOM), dtype)
    u, rest = normal[:, :size], normal[:, size:]
    wide = u * jnp.sqrt(_FREEDOM / jnp.sum(rest**2, axis=1, keepdims=True))
    u = jnp.where(jnp.arange(2 * draws)[:, None] < draws, u, wide)
    z = jax.vmap(gaussian.at)(u)
    log_density = jax.lax.map(target.log_density, z, batch_size=_BLOCK)
    log_q = _log_mixture(jnp.sum(u**2, axis=1), size) - jnp.linalg.slogdet(gaussian.factor)[1]
    return _Proposed(gaussian, modes, z, log_density - log_q)


def _log_mixture(squares: Float[Array, " draws"], size: int) -> Float[Array, " draws"]:
    """Log density at `|u|^2` of a standard normal and a standard t, mixed evenly."""
    freedom = _FREEDOM
    normal = -0.5 * squares - 0.5 * size * math.log(2.0 * math.pi)
    constant = math.lgamma(0.5 * (freedom + size)) - math.lgamma(0.5 * freedom)
    constant -= 0.5 * size * math.log(freedom * math.pi)
    student = constant - 0.5 * (freedom + size) * jnp.log1p(squares / freedom)
    return jnp.logaddexp(normal, student) - math.log(2.0)
