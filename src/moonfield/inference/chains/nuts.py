"""The No-U-Turn sampler: the reference for small models."""

import functools
import time
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from ..._core.checks import whole
from ..._core.compiling import QUICK_TO_COMPILE, RUNS_ONCE, quick_jit
from ..._core.keys import Stream, stream, streams
from ..._core.results import Result
from ..._core.trees import Structure, split
from ...families import Particles
from ...model import Coordinates
from ..approach import PATHS, near_bulk
from ..method import AbstractDirect, Outcome
from ..target import Target
from .adaptation import Plan, plan
from .convergence import agreement
from .library import blackjax
from .loop import Chains, Record, advance, begin

_STRICTER = ((0.95, 2), (0.99, 2))  # acceptance and rounds of draws, where chains disagree


class NUTS(AbstractDirect):
    """The No-U-Turn sampler, in a space whitened by a Gaussian near the posterior's bulk.

    Args:
        chains: chains that run side by side; they share one step size and one whitening.
        warmup: iterations that adapt these; their draws are thrown away.
        draws: draws of each chain.
        acceptance: mean acceptance that the step size is adapted to.

    Where the chains disagree, are worth fewer than 1,000 draws or diverge often, they are run again
    with shorter steps (an acceptance of 0.95, then 0.99, and twice the draws). Those of a network,
    whose modes shorter steps do not join, run once.

    `posterior.diagnostics.facts` holds the worst R-hat, the smallest bulk and tail effective sample
    sizes, the number of divergences and the mean acceptance. R-hat and sample sizes of a network,
    whose weights may be permuted, are of the log-likelihoods of rows.

    Raises:
        ImportError: BlackJAX is not installed.

    Hoffman & Gelman, 2014, "The No-U-Turn sampler", JMLR 15; multinomial trajectories
    as Betancourt, 2017, "A conceptual introduction to Hamiltonian Monte Carlo", appendix A.
    """

    chains: int = eqx.field(static=True)
    warmup: int = eqx.field(static=True)
    draws: int = eqx.field(static=True)
    acceptance: float = eqx.field(static=True)

    def __init__(
        self, chains: int = 4, warmup: int = 400, draws: int = 2_000, acceptance: float = 0.8
    ):
        self.chains = whole(chains, "chains")
        self.warmup = whole(warmup, "warmup", 20)
        self.draws = whole(draws, "draws", 4)
        self.acceptance = float(acceptance)
        if not 0.0 < self.acceptance < 1.0:
            raise ValueError(f"acceptance must lie between 0 and 1, got {acceptance}.")

    @property
    def name(self) -> str:
        return "nuts"

    def run(
        self, target: Target, seed: int, start: Any = None, gaussian: Coordinates | None = None
    ) -> Outcome:
        """Fit; a Gaussian that is known to be near the bulk need not be sought."""
        begun = time.perf_counter()
        structure, arrays = split(target)
        starts = streams(seed, Stream.start, PATHS + 1)
        chains = _begin(structure, self.chains, arrays, starts, start, gaussian)
        sampler = _Sampler(self, structure, arrays, chains, seed)
        sampler.warm_up(self.acceptance)
        compile_seconds = time.perf_counter() - begun
        facts = sampler.sample(1)
        for acceptance, rounds in _STRICTER if target.model.identified else ():
            if _is_enough(facts):
                break
            sampler.warm_up(max(acceptance, self.acceptance))
            facts = sampler.sample(rounds)
        draws = sampler.draws
        return Outcome(
            Particles(jax.device_put(draws.reshape(-1, draws.shape[-1]))),
            np.zeros(0),
            Result.steps_exhausted,
            len(draws),
            sampler.gradients,
            (float("nan"), float("nan")),
            compile_seconds,
            facts,
        )


class _Sampler:
    """Chains on their way."""

    draws: np.ndarray  # (iterations, chains, size)

    def __init__(
        self, method: NUTS, structure: Structure, arrays: list[Array], chains: Chains, seed: int
    ):
        self._method, self._chains = method, chains
        self._structure, self._arrays = structure, arrays
        self._length = max(method.warmup, method.draws)
        self._key, self._calls = stream(seed, Stream.noise), 0
        self._acceptance = method.acceptance
        self.gradients = 0

    def warm_up(self, acceptance: float) -> None:
        """Adapt step size and whitening."""
        self._acceptance = acceptance
        self._run(self._method.warmup, warmup=self._method.warmup)

    def sample(self, rounds: int) -> dict[str, Any]:
        """Draw afresh; what the chains say about themselves."""
        count = self._method.draws
        records = [self._run(count) for _ in range(rounds)]
        self.draws = np.concatenate([np.asarray(record.draws[:count]) for record in records])
        facts = agreement(self._structure, self._arrays, self.draws.swapaxes(0, 1))
        facts["divergences"] = sum(int(record.divergences) for record in records)
        accepted = sum(float(record.acceptance) for record in records)
        facts["acceptance"] = accepted / (rounds * count * self._method.chains)
        return facts

    def _run(self, count: int, warmup: int = 0) -> Record:
        key = jax.random.fold_in(self._key, self._calls)
        wanted = np.asarray(self._acceptance, self._chains.gaussian.centre.dtype)
        given = (plan(warmup, self._length), np.int32(count), key, wanted)
        self._chains, record = _advance(self._structure, self._arrays, self._chains, *given)
        self._calls += 1
        self.gradients += int(record.gradients)
        return record


def _is_enough(facts: dict[str, Any]) -> bool:
    """Whether chains agree and are worth enough draws, with few divergences."""
    return facts["r_hat"] < 1.01 and facts["ess_bulk"] > 1_000 and facts["divergences"] < 10


@functools.partial(quick_jit, static_argnames=("structure", "number"), options=RUNS_ONCE)
def _begin(
    structure: Structure,
    number: int,
    arrays: list[Array],
    keys: Array,
    start: Array | None,
    gaussian: Coordinates | None,
) -> Chains:
    """Chains that begin at draws of a Gaussian: the one given or the best found."""
    target = structure.join(arrays)
    if gaussian is None:
        gaussian, _ = near_bulk(target, keys, start)
    shape, dtype = (number, gaussian.centre.size), gaussian.centre.dtype
    u = jax.random.normal(jax.random.fold_in(keys[0], 1), shape, dtype)
    return begin(target.log_density, blackjax().nuts.init, gaussian, u)


@functools.partial(quick_jit, static_argnames=("structure",), options=QUICK_TO_COMPILE)
def _advance(
    structure: Structure,
    arrays: list[Array],
    chains: Chains,
    plan: Plan,
    count: Array,
    key: Array,
    acceptance: Array,
) -> tuple[Chains, Record]:
    density, nuts = structure.join(arrays).log_density, blackjax().nuts
    return advance(density, nuts.build_kernel(), acceptance, chains, plan, count, key)
