"""Do intervals hold what they promise, and how wide are they?"""

from typing import Any

import numpy as np

from .predicted import Predicted, check_kind, check_level, number_targets
from .scores import Score, average


def coverage(prediction: Predicted, y: Any, level: float = 0.9) -> Score:
    """Fraction of targets within the prediction's intervals; should be near `level`.

    `mean_rows [lower <= y <= upper]`, ends included, so that intervals of counts may hold more.
    Several targets a row are averaged, not asked for jointly. `values` are 1 inside and 0 outside;
    `se` is 0, and no guide, where all or none are inside.

    Raises:
        TypeError, ValueError: y does not fit the prediction, targets are classes, or level is not
            strictly between 0 and 1.
    """
    interval = _interval(prediction, level, "coverage")
    targets = number_targets(y, interval.shape[:-1])
    return average((interval[..., 0] <= targets) & (targets <= interval[..., 1]))


def sharpness(prediction: Predicted, level: float = 0.9) -> Score:
    """Mean width of the prediction's intervals, in units of y; less is better at equal coverage.

    "Maximise sharpness subject to calibration" (Gneiting, Balabdaoui & Raftery, 2007). For targets
    in several units look at `values.mean(axis=0)`.

    Raises:
        ValueError: targets are classes, or level is not strictly between 0 and 1.
    """
    interval = _interval(prediction, level, "sharpness")
    return average(interval[..., 1] - interval[..., 0])


def _interval(prediction: Predicted, level: float, what: str) -> np.ndarray:
    check_level(level)
    numbers = check_kind(prediction, "numbers", what)
    return np.asarray(numbers.interval(level), np.float64)
