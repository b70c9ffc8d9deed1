"""When a fit ends, and how its steps shrink towards the end."""

from typing import Any, NamedTuple

import numpy as np

from .._core.results import Result
from .snapshot import Snapshot

_TAIL = 0.2  # the last fifth of a fit of fixed length is averaged
_FALL = 0.3  # the share of a fit before that over which a tuned step size falls
_LOWEST = 0.05  # what it falls to
WARM_UP = 100.0  # steps over which the step size of a fit that goes on from another rises, and
_MOST_WARM_UP = 0.1  # the largest share of the fit


class Verdict(NamedTuple):
    """What a controller says after a block."""

    result: Result | None = None  # end the fit for this reason
    reset: bool = False  # start the record of variational parameters anew


def warm_up(start: int, count: int, over: float) -> np.ndarray:
    """Factors of the step sizes of steps `start` to `start + count` of a fit that goes on.

    A first step of Adam's is as long as its step size, whatever the gradient: many times the sds
    that the fit before has found.
    """
    return np.minimum(1.0, (np.arange(start, start + count) + 1.0) / max(1.0, over))


class FixedSteps:
    """A given number of steps; the parameters are averaged over the last fifth of them.

    With `tuned` the step size falls linearly to 5% over the three tenths before that, so that the
    average is of iterates close to the optimum; where the fit `goes_on` from another it rises
    first.
    """

    def __init__(self, steps: int, tuned: bool, goes_on: bool = False):
        self.steps, self._tuned, self._goes_on = steps, tuned, goes_on

    def step_sizes(self, start: int, count: int) -> np.ndarray:
        """Factors of the updates of steps `start` to `start + count`."""
        if not self._tuned:
            return np.ones(count)
        left = self.tail_start - np.arange(start, start + count)
        sizes = np.clip(left / max(1.0, _FALL * self.steps), _LOWEST, 1.0)
        over = min(WARM_UP, _MOST_WARM_UP * self.steps)
        return np.minimum(sizes, warm_up(start, count, over)) if self._goes_on else sizes

    @property
    def tail_start(self) -> int:
        """The first step of the record that is averaged."""
        return int((1.0 - _TAIL) * self.steps)

    def until(self, step: int) -> int:
        """The host takes over again at this step at the latest."""
        return self.tail_start if step < self.tail_start else self.steps

    def after(self, step: int, block_steps: int, fit: Any) -> Verdict:
        """Called with the number of steps done."""
        ended = Result.steps_exhausted if step >= self.steps else None
        return Verdict(ended, reset=step == self.tail_start)

    def average(self, step: int, block_steps: int, fit: Any) -> Any:
        """The average of the tail; before it begins, the latest parameters."""
        return fit.tail_mean() if step > self.tail_start else fit.last()

    def memory(self) -> Snapshot:
        """What it has to remember: nothing."""
        return Snapshot({}, {})

    def recall(self, memory: Snapshot) -> None:
        """Take up the memory of an earlier run."""
