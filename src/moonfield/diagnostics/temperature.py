"""Class probabilities made more, or less, certain."""

import dataclasses
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from .class_probabilities import ClassProbabilities
from .predicted import Predicted, check_kind, class_targets

_LOG_BOUND = np.log(1_000.0)
_TINY = np.finfo(np.float32).tiny  # log-probabilities are cut off below, at -87


@dataclasses.dataclass(frozen=True)
class Temperature:
    """Recalibration of classes by one number: `p_k**(1/T) / sum_j p_j**(1/T)`.

    Temperature scaling (Guo, Pleiss, Sun & Weinberger, 2017, "On calibration of modern neural
    networks", eq 9), with the logarithm of the predictive probabilities for logits. The most
    probable class stays what it is, and so does accuracy.

    ```python
    temperature = mf.diagnostics.Temperature().fit(posterior.predict(X_held_out), y_held_out)
    prediction = temperature.apply(posterior.predict(X_new))
    ```

    Attributes:
        temperature: T; above 1 less certain, below 1 more so.
    """

    temperature: float = 1.0

    def __post_init__(self):
        if not 0.0 < self.temperature < np.inf:
            raise ValueError(f"temperature must be positive and finite, got {self.temperature}.")

    def fit(self, prediction: Predicted, y: Any) -> "Temperature":
        """The temperature of the best log score of held-out rows, between 0.001 and 1,000.

        Where all of them are right nothing bounds it from below, and it comes out far below 1: take
        more rows. Where they would be better predicted at random, it ends at 1,000.

        Raises:
            TypeError, ValueError: y does not fit the prediction, or targets are numbers.
        """
        classes = check_kind(prediction, "classes", "Temperature")
        p, labels = class_targets(classes, y, "Temperature")
        log_p, right = _log(p), labels[..., None]

        def loss(log_temperature: float) -> float:
            scaled = log_softmax(log_p / np.exp(log_temperature), axis=-1)
            return -float(np.take_along_axis(scaled, right, axis=-1).mean())

        found: Any = minimize_scalar(loss, bounds=(-_LOG_BOUND, _LOG_BOUND), method="bounded")
        return Temperature(float(np.exp(found.x)))

    def apply(self, prediction: Predicted) -> ClassProbabilities:
        """Recalibrated probabilities of other rows.

        Raises:
            ValueError: targets are numbers.
        """
        of = check_kind(prediction, "classes", "Temperature")
        p = softmax(_log(of.probabilities) / self.temperature, axis=-1)
        return ClassProbabilities(p, getattr(of, "classes", None))


def _log(p: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.asarray(p, np.float64), _TINY))
