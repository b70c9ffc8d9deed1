"""Intervals and sets that hold a target as often as they promise, whatever the model is worth."""

import dataclasses
import math
from typing import Any, Literal

import numpy as np

from .conformal_scores import all_class_scores, band, class_scores, number_scores
from .predicted import Predicted, check_kind, check_level

ConformalScore = Literal["sd", "quantile", "aps", "lac"]
_KINDS: dict[str, Literal["classes", "numbers"]] = {
    "sd": "numbers",
    "quantile": "numbers",
    "aps": "classes",
    "lac": "classes",
}
_ROUNDING = 4.0 * np.finfo(np.float64).eps  # keeps targets at an end inside
_DEFAULTS = {"numbers": "sd", "classes": "aps"}


@dataclasses.dataclass(frozen=True)
class Conformal:
    """Split-conformal intervals of numbers, and sets of classes.

    Scores say how strange each of n held-out targets is to its prediction; an interval or set holds
    what is no stranger than the `ceil((n + 1) level)`-th smallest of them. Then, if held-out and
    new rows are exchangeable, and the model has not seen the held-out ones,

        `level <= P(y in set) <= level + 1 / (n + 1)`

    in finite samples, for any model (the right-hand side if scores do not tie, and sets are not
    filled up as below). The probability is over held-out and new rows, not for each input (Vovk,
    Gammerman & Shafer, 2005, "Algorithmic learning in a random world"; Lei et al., 2018,
    "Distribution-free predictive inference for regression", theorem 2). Several targets a row are
    held one by one, not jointly.

    Scores of numbers:

    - "sd" (the default): `|y - mean| / sd` (Lei et al., 2018, section 5.2);
    - "quantile": `max(lower - y, y - upper)` with the prediction's own interval of that level:
      conformalised quantiles (Romano, Patterson & Candès, 2019, "Conformalized quantile
      regression", eq 6).

    Scores of classes, whose sets hold at least the most probable class:

    - "aps" (the default): the total probability of the label and the classes that are more
      probable, or as probable and before it: sets are larger where the prediction is unsure
      (Romano, Sesia & Candès, 2020, "Classification with valid and adaptive coverage", without its
      randomisation, so that sets rather hold too much);
    - "lac": `1 - p_y`, the smallest sets on average (Sadinle, Lei & Wasserman, 2019, "Least
      ambiguous set-valued classifiers with bounded error levels").

    ```python
    conformal = mf.diagnostics.Conformal(0.9).fit(posterior.predict(X_held_out), y_held_out)
    conformal.interval(posterior.predict(X_new))  # (rows, 2), in units of y
    ```

    Attributes:
        level: the probability that is promised.
        score: see above; chosen by the kind of targets if None.
        threshold: (...) the largest score inside, for each target; None before `fit`.
    """

    level: float = 0.9
    score: ConformalScore | None = None
    threshold: np.ndarray | None = None

    def __post_init__(self):
        check_level(self.level)
        if self.score is not None and self.score not in _KINDS:
            raise ValueError(f"score must be one of {', '.join(_KINDS)}, got {self.score!r}.")

    def fit(self, prediction: Predicted, y: Any) -> "Conformal":
        """The threshold of held-out rows.

        Raises:
            TypeError, ValueError: y does not fit the prediction, the score is for the other kind of
                targets, or there are fewer than `level / (1 - level)` rows: no finite interval
                could keep the promise then.
        """
        score = self.score or _DEFAULTS[prediction.kind]
        check_kind(prediction, _KINDS[score], f"Conformal(score={score!r})")
        place = self._place(prediction.rows)
        if prediction.kind == "classes":
            scores = class_scores(prediction, y, score)
        else:
            scores = number_scores(prediction, y, score, self.level)
        threshold = np.sort(scores, axis=0)[place - 1]
        return dataclasses.replace(self, score=score, threshold=np.asarray(threshold))

    def interval(self, prediction: Predicted) -> np.ndarray:
        """Lower and upper ends for other rows, (rows, ..., 2), in units of y.

        Where "quantile" would narrow an interval to less than nothing, it is its middle.

        Raises:
            ValueError: before `fit`, or targets are classes.
        """
        threshold, score = self._fitted(prediction, "numbers", "interval")
        lower, upper, unit = band(prediction, score, self.level)
        middle = 0.5 * (lower + upper)
        out = threshold * unit
        out += _ROUNDING * (np.abs(lower) + np.abs(upper) + np.abs(out))
        return np.stack([np.minimum(lower - out, middle), np.maximum(upper + out, middle)], axis=-1)

    def set(self, prediction: Predicted) -> np.ndarray:
        """Which classes are in the set of other rows: booleans (rows, ..., K).

        Raises:
            ValueError: before `fit`, or targets are numbers.
        """
        threshold, score = self._fitted(prediction, "classes", "set")
        classes: Any = prediction
        p = np.asarray(classes.probabilities, np.float64)
        inside = all_class_scores(p, score) <= threshold[..., None]
        np.put_along_axis(inside, p.argmax(axis=-1)[..., None], True, axis=-1)
        return inside

    def apply(self, prediction: Predicted) -> "ConformalIntervals":
        """Intervals for other rows, as a prediction that `coverage` and `sharpness` take.

        Raises:
            ValueError: as `interval`.
        """
        return ConformalIntervals(self.level, self.interval(prediction))

    def _place(self, rows: int) -> int:
        """Which of the scores in order of size is the threshold, counted from 1."""
        place = math.ceil(round((rows + 1) * self.level, 9))
        if place > rows:
            needed = math.ceil(round(self.level / (1.0 - self.level), 9))
            raise ValueError(
                f"Conformal({self.level:g}) needs at least {needed} held-out rows, got {rows}. "
                "Hold out more, or ask for a lower level."
            )
        return place

    def _fitted(self, prediction: Predicted, kind: Any, what: str) -> tuple[np.ndarray, str]:
        if self.threshold is None or self.score is None:
            raise ValueError(f"Conformal.{what} needs held-out rows first: use fit(prediction, y).")
        check_kind(prediction, kind, f"Conformal.{what}")
        check_kind(prediction, _KINDS[self.score], f"Conformal(score={self.score!r})")
        return self.threshold, self.score


@dataclasses.dataclass(frozen=True)
class ConformalIntervals:
    """Intervals of numbers at one level.

    Attributes:
        level: the probability that they promise.
        ends: (rows, ..., 2) lower and upper, in units of y.
    """

    level: float
    ends: np.ndarray

    @property
    def kind(self) -> str:
        """What a target is: "numbers"."""
        return "numbers"

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.ends)

    def interval(self, level: float = 0.9) -> np.ndarray:
        """The intervals.

        Raises:
            ValueError: another level is asked for than the one they were made for.
        """
        if level != self.level:
            raise ValueError(f"These intervals are of level {self.level:g}, got {level:g}.")
        return self.ends
