"""The automatic stop: stationary iterates, then smaller steps, then the gain that is left."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from .._core.results import Result
from .snapshot import Snapshot, checked_count, checked_number
from .stopping import WARM_UP, Verdict, warm_up

_SEGMENT_STEPS = 500  # about how many steps are summarised by one mean and variance
_SHORT_SEGMENT_STEPS = 250  # with a tolerance of one's own
_FIRST_SEGMENTS = 10  # fewest segments of a stage before it is judged
_RHAT = 1.15
_SHARE = 0.9  # share of the parameters whose R-hat must be below it
_ANNEAL = 0.1  # steps of the annealing, as a share of the steps before it
_LOWEST = 0.02  # factor of the step size at the end of the annealing
_LOWER = 0.2  # factor of the step size from stage to stage
_LATER = 0.25  # most steps of a later stage, as a share of the steps before it
_TOLERANCE = 1.0  # nats of predicted gain that are not worth another stage
_RELATIVE_TOLERANCE = 1e-4  # the same as a share of the ELBO's size
_FIRST_LOOK = 60  # segments before what a stage gains is looked at: only a first stage is so long
_EARLY_LOOK = 4  # the same with a tolerance of one's own
_GROWTH = 1.5  # of a stage from look to look
_MOST_STEPS = 100_000


class Segment(NamedTuple):
    """Mean and variance of recorded parameters over some steps, (..., parameters)."""

    mean: np.ndarray
    variance: np.ndarray


class Automatic:
    """Decides from the iterates themselves; never from single noisy losses.

    A stage runs at one step size until the variational parameters are stationary: split R-hat
    between the two halves of the stage's last third below 1.15 for 90% of them (Dhaka et al., 2020,
    "Robust, accurate stochastic optimization for variational inference", section 4); or, in a first
    stage of 30,000 steps or more, until their average is worth no more than when the stage was two
    thirds as long, for the factors of a family may wander at one ELBO for ever. Then the step
    size falls linearly to 2% over a tenth as many steps, and the parameters of the second half of
    that annealing are averaged. What the annealing gained in ELBO over the average of the stage,
    on the same noise, predicts what a stage of five times smaller steps would gain: gain x 0.2 +
    gain x 0.04 + ... Below 1 nat (or 1e-4 of the ELBO) it is not worth its cost and the fit ends
    (in the spirit of Welandawe et al., 2022, "Robust, automated, and accurate black-box variational
    inference", section 4); otherwise that stage is run, for at most a quarter of the steps so far.

    Args:
        tolerance: nats of ELBO that more steps must be worth, in place of 1e-4 of the ELBO; below 1
            it is 1. A first stage is then looked at from 1,000 steps on.
        goes_on: whether the fit begins where another ended: its step size rises first.
        climbs: as the method's. Where it does not, a first stage is 30,000 steps at most, there is
            no other, and the fit ends with its latest parameters: an average of particles that
            have changed places lies between them, and has the better log joint density for that.
    """

    most = _MOST_STEPS

    def __init__(
        self, tolerance: float | None = None, goes_on: bool = False, climbs: bool = True
    ) -> None:
        self._goes_on, self._climbs = goes_on, climbs
        self._tolerance = tolerance
        self._about = _SEGMENT_STEPS if tolerance is None else _SHORT_SEGMENT_STEPS
        self._first_look = _FIRST_LOOK if tolerance is None else _EARLY_LOOK
        self._scale = 1.0
        self._begin = 0  # first step of the stage
        self._anneal: tuple[int, int] | None = None  # its first step, and the one after its last
        self._segments: list[Segment] = []
        self._elbo, self._best = -np.inf, None
        self._look = 0.0  # length of the stage at which its gain is looked at next

    def until(self, step: int) -> int:
        """The host takes over again at this step at the latest."""
        return self.most

    def step_sizes(self, start: int, count: int) -> np.ndarray:
        """Factors of the updates of these steps."""
        sizes = np.full(count, self._scale)
        if self._goes_on:
            sizes *= warm_up(start, count, WARM_UP)
        if self._anneal is not None:
            begin, end = self._anneal
            sizes *= np.clip((end - np.arange(start, start + count)) / (end - begin), _LOWEST, 1.0)
        return sizes

    def after(self, step: int, block_steps: int, fit: Any) -> Verdict:
        """Called with the number of steps done."""
        if step >= self.most:
            return Verdict(Result.not_converged)
        if step % self._segment_steps(block_steps):
            return Verdict()
        self._segments.append(_segment(fit.tail()))
        if self._anneal is not None:
            return self._annealed(step, fit) if step >= self._anneal[1] else Verdict(reset=True)
        if self._stationary() or self._spent(step) or self._idle(step, fit):
            self._begin_annealing(step, block_steps, fit)
        return Verdict(reset=True)

    def average(self, step: int, block_steps: int, fit: Any) -> Any:
        """The best averaged parameters, or before the first stage ended the latest ones."""
        return fit.last() if self._best is None else self._best

    def memory(self) -> Snapshot:
        """What it has to remember; segments that no later look needs are only counted."""
        count = len(self._segments)
        first = 0 if self._anneal else max(0, 2 * count // 3 - 4)  # where a window begins at least
        facts = {
            "scale": self._scale,
            "begin": self._begin,
            "anneal": self._anneal,
            "elbo": self._elbo,
            "look": self._look,
            "first": first,
            "count": count,
        }
        arrays = {} if self._best is None else {"best": self._best}
        for i in range(first, count):
            arrays |= {f"mean.{i}": self._segments[i].mean}
            arrays |= {f"variance.{i}": self._segments[i].variance}
        return Snapshot(facts, arrays)

    def recall(self, memory: Snapshot) -> None:
        """Take up the memory of an earlier run; `ValueError` if it is none."""
        facts, arrays = memory
        steps = ("begin", "first", "count")
        begin, first, count = (checked_count(facts[key], f"its {key}") for key in steps)
        anneal = facts["anneal"]
        if anneal is not None:
            start, end = (checked_count(step, "its annealing") for step in anneal)
            anneal = start, end
        numbers = ("scale", "elbo", "look")
        scale, elbo, look = (checked_number(facts[key], f"its {key}") for key in numbers)
        segments = [
            Segment(arrays[f"mean.{i}"], arrays[f"variance.{i}"]) for i in range(first, count)
        ]
        best = jnp.asarray(arrays["best"]) if "best" in arrays else None
        self._scale, self._begin, self._anneal, self._elbo = scale, begin, anneal, elbo
        self._look, self._best = look, best
        nothing = Segment(np.zeros(0), np.zeros(0))
        self._segments = [nothing] * first + segments

    def _segment_steps(self, block_steps: int) -> int:
        """Whole blocks of about so many steps."""
        return -(-self._about // block_steps) * block_steps

    def _stationary(self) -> bool:
        if len(self._segments) < _FIRST_SEGMENTS:
            return False
        window = self._window()
        half = len(window) // 2
        rhat = np.atleast_2d(split_rhat(_pool(window[:half]), _pool(window[half:])))
        alive = rhat[np.isfinite(rhat).all(axis=1)]  # of the restarts that are not lost
        return bool(alive.size and np.mean(alive < _RHAT) >= _SHARE)

    def _spent(self, step: int) -> bool:
        """Whether a later stage, which only refines, has had its share of the steps."""
        return self._begin > 0 and step - self._begin >= _LATER * self._begin

    def _idle(self, step: int, fit: Any) -> bool:
        """Whether the average has gained too little since the last look."""
        length = step - self._begin
        if len(self._segments) < self._first_look or length < self._look:
            return False
        if not self._climbs:
            return True
        self._look = _GROWTH * length
        return not self._is_worthwhile(self._consider(_pool(self._window()).mean, fit))

    def _is_worthwhile(self, gain: float) -> bool:
        relative = _RELATIVE_TOLERANCE * abs(self._elbo)
        return gain >= max(_TOLERANCE, relative if self._tolerance is None else self._tolerance)

    def _window(self) -> list[Segment]:
        """The last third of the stage's segments, an even number of at least four."""
        size = max(4, len(self._segments) // 6 * 2)
        return self._segments[-size:]

    def _begin_annealing(self, step: int, block_steps: int, fit: Any) -> None:
        if self._climbs:
            self._consider(_pool(self._window()).mean, fit)
        segment = self._segment_steps(block_steps)
        length = max(2, round(_ANNEAL * (step - self._begin) / segment)) * segment
        self._anneal = (step, step + length)
        self._segments = []

    def _annealed(self, step: int, fit: Any) -> Verdict:
        """Average the second half of the annealing; end, or begin a stage of smaller steps."""
        if not self._climbs:
            return Verdict(Result.converged)
        half = self._segments[len(self._segments) // 2 :]
        gain = self._consider(_pool(half).mean, fit)
        if not self._is_worthwhile(gain * _LOWER / (1.0 - _LOWER)):
            return Verdict(Result.converged)
        self._scale *= _LOWER
        self._begin, self._anneal, self._segments = step, None, []
        return Verdict(reset=True)

    def _consider(self, mean: np.ndarray, fit: Any) -> float:
        """Keep these parameters if they are the best so far; the gain in ELBO, nats."""
        vector = jnp.asarray(mean, fit.last().dtype)
        elbos = np.asarray(fit.evaluate(vector), np.float64)
        elbos = elbos[np.isfinite(elbos)]  # a restart may be lost
        elbo = float(elbos.mean()) if elbos.size else -np.inf
        gain = elbo - self._elbo if elbos.size else -np.inf
        if gain > 0:
            self._elbo, self._best = elbo, vector
        return gain


def split_rhat(first: Segment, second: Segment) -> np.ndarray:
    """R-hat of each parameter from two halves of a chain: sqrt(1 + between / within)."""
    within = 0.5 * (first.variance + second.variance)
    between = 0.5 * (first.mean - second.mean) ** 2
    return np.sqrt(1.0 + between / np.maximum(within, np.finfo(within.dtype).tiny))


def _pool(segments: list[Segment]) -> Segment:
    means = np.stack([segment.mean for segment in segments])
    within = np.mean([segment.variance for segment in segments], axis=0)
    return Segment(means.mean(axis=0), within + means.var(axis=0))


def _segment(tail: Any) -> Segment:
    mean, m2 = (np.asarray(leaf, np.float64) for leaf in (tail.mean, tail.m2))
    return Segment(mean, m2 / np.maximum(np.asarray(tail.records, np.float64), 1.0)[..., None])
