"""Where targets fall within their predictive distributions."""

from typing import Any

import numpy as np

from .._core.keys import Stream, words
from .predicted import Predicted, check_kind, number_targets


def pit(prediction: Predicted, y: Any, seed: int = 0) -> np.ndarray:
    """Probability integral transform of numbers: `F(y)` for each target, shaped as y.

    F is the predictive mixture's distribution. Uniform on (0, 1) where predictions are right: a
    histogram with high ends speaks of intervals that are too narrow, a hill of ones that are too
    wide, a slope of bias (Dawid, 1984, "The prequential approach"; Gneiting, Balabdaoui & Raftery,
    2007, "Probabilistic forecasts, calibration and sharpness").

    For counts it is drawn between `F(y - 1)` and `F(y)`, which is uniform again (Czado, Gneiting &
    Held, 2009, "Predictive model assessment for count data", eq 1); `seed` is that of these draws.

    Raises:
        TypeError, ValueError: y does not fit the prediction, or targets are classes.
    """
    numbers = check_kind(prediction, "numbers", "pit")
    above = np.asarray(numbers.cdf(y), np.float64)
    if not numbers.discrete:
        return above
    below = np.asarray(numbers.cdf(number_targets(y, above.shape) - 1.0), np.float64)
    rng = np.random.default_rng(words(seed, Stream.targets, 4))
    return below + rng.random(above.shape) * (above - below)
