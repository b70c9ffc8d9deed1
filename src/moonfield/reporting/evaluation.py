"""The rows that a report looks at, their targets and predictions, one target at a time."""

import dataclasses
import functools
from typing import Any

import numpy as np

from ..diagnostics import Score
from ..diagnostics.scores import average
from ..predictive import Prediction
from .rows import Rows
from .subject import Subject

_VALUES = 10**7  # draws x rows x targets that are held at once


@dataclasses.dataclass(frozen=True)
class Options:
    """What the user chose: the level of intervals, posterior draws, the seed, the most rows."""

    level: float
    draws: int
    seed: int
    rows: int


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Predictions of rows whose targets are known.

    Attributes:
        subject: what is reported on.
        options: the user's.
        rows: those that are looked at, of `total`; `places` are their numbers among all.
        y: their targets, numbers in units of y or numbers of classes.
        prediction: of them.
    """

    subject: Subject
    options: Options
    rows: Rows
    places: np.ndarray
    total: int
    y: np.ndarray
    prediction: Prediction

    @property
    def kind(self) -> str:
        """What a target is: "classes" or "numbers"."""
        return self.prediction.kind

    @property
    def sampled(self) -> bool:
        """Whether only some of the rows are looked at."""
        return self.rows.count < self.total

    @functools.cached_property
    def log_prob(self) -> np.ndarray:
        """Log-density of each row's targets, nats: (rows,)."""
        classes = self.subject.classes
        targets = self.y if classes is None else classes[self.y]
        return np.asarray(self.prediction.log_prob(targets), np.float64)

    @property
    def log_score(self) -> Score:
        """Its mean."""
        return average(self.log_prob)

    @functools.cached_property
    def intervals(self) -> np.ndarray:
        """At the user's level: (rows, ..., 2)."""
        return np.asarray(self.prediction.interval(self.options.level), np.float64)

    @functools.cached_property
    def drawn(self) -> np.ndarray:
        """Draws of the targets: (draws, rows, ...)."""
        most = max(20, _VALUES // max(1, self.y.size))
        return np.asarray(self.prediction.sample(min(most, max(2, self.prediction.draws))))

    @functools.cached_property
    def known(self) -> dict[bytes, np.ndarray]:
        """Levels of what was asked for before: several metrics ask for the same."""
        return {}

    def cdf(self, y: np.ndarray) -> np.ndarray:
        """Probability of at most y, shaped as the targets."""
        key = y.tobytes()
        if key not in self.known:
            self.known[key] = np.asarray(self.prediction.cdf(y))
        return self.known[key]

    @functools.cached_property
    def targets(self) -> list["Target"]:
        """Each of a row's targets on its own."""
        if self.y.ndim == 1:
            return [Target(self, None)]
        return [Target(self, place) for place in range(self.y.shape[1])]


@dataclasses.dataclass(frozen=True)
class Target:
    """One target of each row, as a prediction that all metrics take.

    Attributes:
        of: the evaluation.
        place: which of a row's targets; None where there is one.
    """

    of: Evaluation
    place: int | None

    @property
    def kind(self) -> str:
        """What it is: "classes" or "numbers"."""
        return self.of.kind

    @property
    def discrete(self) -> bool:
        """Whether it is a whole number."""
        return self.of.prediction.discrete

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.of.rows.count

    @property
    def y(self) -> np.ndarray:
        """(rows,) what was observed."""
        return self._of(self.of.y)

    @property
    def mean(self) -> np.ndarray:
        """Predictive mean: (rows,), or (rows, K) for K > 2 classes."""
        return self._of(self.of.prediction.mean)

    @property
    def sd(self) -> np.ndarray:
        """Predictive sd, shaped as `mean`."""
        return self._of(self.of.prediction.sd)

    @property
    def epistemic(self) -> np.ndarray:
        """Sd of the mean over posterior draws: (rows,); of K > 2 classes their root sum square."""
        sd = self._of(self.of.prediction.epistemic)
        return sd if sd.ndim == 1 else np.sqrt((sd**2).sum(axis=1))

    @property
    def probabilities(self) -> np.ndarray:
        """(rows, K)."""
        return self._of(self.of.prediction.probabilities)

    @property
    def label(self) -> np.ndarray:
        """(rows,) the most probable class."""
        return self.probabilities.argmax(axis=-1)

    @property
    def entropy(self) -> np.ndarray:
        """(rows,) nats."""
        return self._of(self.of.prediction.entropy)

    def log_prob(self, y: Any) -> np.ndarray:
        """(rows,) nats, of the evaluation's own targets; of several numbers only jointly."""
        if self.place is not None and self.kind == "classes":
            p = np.take_along_axis(self.probabilities, self.y.astype(int)[:, None], axis=1)
            return np.log(np.maximum(p[:, 0], np.finfo(np.float32).tiny))
        return self.of.log_prob

    def cdf(self, y: Any) -> np.ndarray:
        """(rows,) probability of at most y."""
        asked = np.array(self.of.y, np.float64)
        asked[..., slice(None) if self.place is None else self.place] = y
        return self._of(self.of.cdf(asked))

    def interval(self, level: float) -> np.ndarray:
        """(rows, 2) at the user's level."""
        return self._of(self.of.intervals)

    def sample(self, n: int | None = None) -> np.ndarray:
        """(draws, rows) draws."""
        return self.of.drawn if self.place is None else self.of.drawn[..., self.place]

    def _of(self, values: Any) -> np.ndarray:
        array = np.asarray(values)
        return array if self.place is None else array[:, self.place]


def evaluate(subject: Subject, rows: Rows, y: Any, options: Options) -> Evaluation:
    """Check all targets, and predict the rows or, where they are too many, some at random.

    Raises:
        TypeError, ValueError: X or y do not fit the model or each other, or there is but one row.
    """
    total = rows.count
    places = _chosen(total, options)
    picked = rows if len(places) == total else rows.take(places)
    prediction = subject.predict(picked.native, options.draws, options.seed)
    targets = subject.targets(y, total, prediction)
    if total < 2:
        raise ValueError(f"A report needs 2 rows or more, got {total}.")
    return Evaluation(subject, options, picked, places, total, targets[places], prediction)


def _chosen(total: int, options: Options) -> np.ndarray:
    if total <= options.rows:
        return np.arange(total)
    rng = np.random.default_rng(options.seed)
    return np.sort(rng.choice(total, options.rows, replace=False))
