"""The No-U-Turn sampler: the reference for small models."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from ..._core.checks import whole
from ..._core.compiling import QUICK_TO_COMPILE, RUNS_ONCE, quick_jit
from ..._core.keys import Stream, stream, streams
from ..._core.progress import counted
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
from .loop import Chains, Record, advance, begin, empty_record

_BLOCK, _BLOCK_SECONDS = 50, 0.25  # iterations at first, and how long a block may take
_FEWEST = 20  # draws a chain that are worth keeping when interrupted
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
        self,
        target: Target,
        seed: int,
        start: Any = None,
        progress: bool = False,
        gaussian: Coordinates | None = None,
    ) -> Outcome:
        """Fit; a Gaussian that is known to be near the bulk need not be sought.

        Raises:
            KeyboardInterrupt: interrupted before there were draws; later, they are returned.
        """
        begun = time.perf_counter()
        structure, arrays = split(target)
        starts = streams(seed, Stream.start, PATHS + 1)
        chains = _begin(structure, self.chains, arrays, starts, start, gaussian)
        sampler = _Sampler(self, structure, arrays, chains, seed, progress)
        compile_seconds = time.perf_counter() - begun
        try:
            sampler.warm_up(self.acceptance)
            sampler.sample(1)
            for acceptance, rounds in _STRICTER if target.identified else ():
                if _is_enough(sampler.facts):
                    break
                sampler.warm_up(max(acceptance, self.acceptance))
                sampler.sample(rounds)
            result = Result.steps_exhausted
        except KeyboardInterrupt:
            if not sampler.facts:
                raise
            result = Result.interrupted
        draws = sampler.draws
        return Outcome(
            Particles(jax.device_put(draws.reshape(-1, draws.shape[-1]))),
            np.zeros(0),
            result,
            len(draws),
            sampler.gradients,
            (float("nan"), float("nan")),
            compile_seconds + sampler.compile_seconds,
            sampler.facts,
        )


class _Sampler:
    """Chains on their way."""

    draws: np.ndarray  # (iterations, chains, size)
    facts: dict[str, Any]  # what the chains say about these

    def __init__(
        self,
        method: NUTS,
        structure: Structure,
        arrays: list[Array],
        chains: Chains,
        seed: int,
        progress: bool,
    ):
        self._method, self._chains, self._progress = method, chains, progress
        self._structure, self._arrays = structure, arrays
        self._length = max(method.warmup, method.draws)
        self._key, self._calls = stream(seed, Stream.noise), 0
        self._acceptance = method.acceptance
        self.facts, self.gradients, self.compile_seconds = {}, 0, 0.0

    def warm_up(self, acceptance: float) -> None:
        """Adapt step size and whitening."""
        self._acceptance = acceptance
        count = self._method.warmup
        begun = time.perf_counter()
        with counted("nuts: warm-up", count, self._progress) as advance:
            if self._run(count, advance, warmup=count).interrupted:
                raise KeyboardInterrupt
        self.compile_seconds = self.compile_seconds or time.perf_counter() - begun

    def sample(self, rounds: int) -> None:
        """Draw afresh.

        Raises:
            KeyboardInterrupt: before that was done; draws are kept where there were none.
        """
        count, runs = self._method.draws, []
        with counted("nuts: draws", rounds * count, self._progress) as advance:
            for round_ in range(rounds):
                runs.append(
                    self._run(count, lambda done, before=round_ * count: advance(before + done))
                )
                if runs[-1].interrupted:
                    break
        interrupted = runs[-1].interrupted
        draws = np.concatenate([np.asarray(run.record.draws[: run.done]) for run in runs])
        if not interrupted or (not self.facts and len(draws) >= _FEWEST):
            self.draws = draws
            self.facts = agreement(self._structure, self._arrays, draws.swapaxes(0, 1))
            self.facts["divergences"] = sum(int(run.record.divergences) for run in runs)
            accepted = sum(float(run.record.acceptance) for run in runs)
            self.facts["acceptance"] = accepted / (len(draws) * self._method.chains)
        if interrupted:
            raise KeyboardInterrupt

    def _run(self, count: int, advance: Callable[[int], None], warmup: int = 0) -> "_Run":
        """So many iterations, in blocks of a fraction of a second between which one may look in."""
        record = empty_record(self._chains, self._length)
        key = jax.random.fold_in(self._key, self._calls)
        wanted = np.asarray(self._acceptance, self._chains.gaussian.centre.dtype)
        given = (plan(warmup, self._length), key, wanted)
        self._calls += 1
        done, block, interrupted = 0, _BLOCK, False
        try:
            while done < count:
                begun, last = time.perf_counter(), min(done + block, count)
                iterations = record, np.int32(done), np.int32(last)
                moved = _advance(self._structure, self._arrays, self._chains, *iterations, *given)
                self._chains, record = jax.block_until_ready(moved)
                done = last
                advance(done)
                quick = time.perf_counter() - begun < _BLOCK_SECONDS
                block = 2 * block if quick else max(1, block // 2)
        except KeyboardInterrupt:
            interrupted = True
        self.gradients += int(record.gradients)
        return _Run(record, done, interrupted)


class _Run(NamedTuple):
    record: Record
    done: int  # iterations
    interrupted: bool


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
    record: Record,
    first: Array,
    last: Array,
    plan: Plan,
    key: Array,
    acceptance: Array,
) -> tuple[Chains, Record]:
    density, nuts = structure.join(arrays).log_density, blackjax().nuts
    kernel = nuts.build_kernel()
    return advance(density, kernel, acceptance, chains, record, plan, first, last, key)
