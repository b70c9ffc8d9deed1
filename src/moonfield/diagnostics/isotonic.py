"""Quantiles of numbers moved to where they are reached as often as they should be."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .._core.keys import Stream, words
from .pit import pit
from .predicted import Predicted, check_kind, check_level

_EDGE = 1e-6  # levels that a prediction is asked for stay this far from 0 and 1


@dataclasses.dataclass(frozen=True)
class IsotonicQuantiles:
    """Recalibration of numbers by a monotone map R of their distribution: `R(F(y))`.

    R is the distribution of the probability integral transform of held-out rows, which is that of
    a uniform number where predictions are calibrated (Kuleshov, Fenner & Ermon, 2018, "Accurate
    uncertainties for deep learning using calibrated regression", algorithm 1). The n transforms in
    order of size are mapped to `i / (n + 1)`; these points rise already, so that isotonic
    regression goes through them, and R is linear in between. Each target has a map of its own.

    R is for all rows on average, not for each, and cannot reach further out than the prediction's
    own quantiles of 1e-6 and 1 - 1e-6.

    ```python
    isotonic = mf.diagnostics.IsotonicQuantiles().fit(posterior.predict(X_held_out), y_held_out)
    isotonic.apply(posterior.predict(X_new)).interval(0.9)
    ```

    Attributes:
        stated: (n + 2, ...) values of F, rising from 0 to 1, one column a target.
        observed: (n + 2,) values of R there, rising from 0 to 1. The default changes nothing.
    """

    stated: np.ndarray = dataclasses.field(default_factory=lambda: np.array([0.0, 1.0]))
    observed: np.ndarray = dataclasses.field(default_factory=lambda: np.array([0.0, 1.0]))

    def fit(self, prediction: Predicted, y: Any, seed: int = 0) -> "IsotonicQuantiles":
        """The map that makes held-out rows calibrated; `seed` is for counts, see `pit`.

        Raises:
            TypeError, ValueError: y does not fit the prediction, or targets are classes.
        """
        check_kind(prediction, "numbers", "IsotonicQuantiles")
        inner = np.sort(pit(prediction, y, seed), axis=0)
        ends = np.zeros_like(inner[:1])
        stated = np.concatenate([ends, inner, ends + 1.0])
        return IsotonicQuantiles(stated, np.linspace(0.0, 1.0, len(stated)))

    def apply(self, prediction: Predicted) -> "RecalibratedNumbers":
        """The recalibrated prediction of other rows, lazy as the one that it wraps.

        Raises:
            ValueError: targets are classes.
        """
        return RecalibratedNumbers(check_kind(prediction, "numbers", "IsotonicQuantiles"), self)

    def forward(self, stated: np.ndarray) -> np.ndarray:
        """R, for values of F (rows, ...) with targets last."""
        return self._each(stated, lambda values, knots: np.interp(values, knots, self.observed))

    def backward(self, observed: np.ndarray) -> np.ndarray:
        """The inverse of R, for probabilities (rows, ...) with targets last."""
        return self._each(observed, lambda values, knots: np.interp(values, self.observed, knots))

    def _each(self, values: np.ndarray, interpolate: Callable) -> np.ndarray:
        """Target by target, if there are several maps."""
        if self.stated.ndim == 1:
            return np.asarray(interpolate(values, self.stated))
        if values.shape[-1] != self.stated.shape[1]:
            raise ValueError(
                f"Quantiles were recalibrated for {self.stated.shape[1]} targets a row; this "
                f"prediction has {values.shape[-1]}."
            )
        columns = [interpolate(values[..., j], knots) for j, knots in enumerate(self.stated.T)]
        return np.stack(columns, axis=-1)


class RecalibratedNumbers:
    """A prediction of numbers whose distribution F became `R(F(y))`; see `IsotonicQuantiles`.

    All metrics of numbers take it but the log score: R has no density. `mean`, `sd` and `sample`
    move draws of the prediction that is wrapped, with a bias of about 1/draws sds.
    """

    kind: ClassVar[str] = "numbers"

    def __init__(self, prediction: Any, recalibration: IsotonicQuantiles):
        self._prediction = prediction
        self._map = recalibration

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._prediction.rows

    @property
    def discrete(self) -> bool:
        """Whether targets are whole numbers."""
        return self._prediction.discrete

    @property
    def mean(self) -> np.ndarray:
        """Mean, in units of y."""
        return self._moments[0]

    @property
    def sd(self) -> np.ndarray:
        """Standard deviation, in units of y."""
        return self._moments[1]

    def cdf(self, y: Any) -> np.ndarray:
        """Probability that a target is at most y, one entry for each of y.

        Raises:
            TypeError, ValueError: y does not fit the prediction.
        """
        return self._map.forward(np.asarray(self._prediction.cdf(y), np.float64))

    def quantile(self, q: float) -> np.ndarray:
        """The smallest y whose cdf reaches q, in units of y.

        Raises:
            ValueError: q is not strictly between 0 and 1.
        """
        check_level(q, "q")
        shape = np.shape(self._map.stated)[1:]
        levels = np.clip(self._map.backward(np.full(shape, q)), _EDGE, 1.0 - _EDGE)
        if not shape:
            return np.asarray(self._prediction.quantile(float(levels)))
        parts = [self._prediction.quantile(float(level))[..., j] for j, level in enumerate(levels)]
        return np.stack(parts, axis=-1)

    def interval(self, level: float = 0.9) -> np.ndarray:
        """The central interval of that probability, (rows, ..., 2), in units of y.

        Raises:
            ValueError: level is not strictly between 0 and 1.
        """
        check_level(level)
        tail = (1.0 - level) / 2.0
        return np.stack([self.quantile(tail), self.quantile(1.0 - tail)], axis=-1)

    def sample(self, n: int | None = None) -> np.ndarray:
        """Draws of y, (n, rows, ...), the same at each call; the wrapped prediction's n if None."""
        drawn = np.sort(np.asarray(self._prediction.sample(n), np.float64), axis=0)
        uniform = np.random.default_rng(words(0, Stream.targets, 4)).random(drawn.shape)
        place = (self._map.backward(uniform) * len(drawn)).astype(np.intp)
        return np.take_along_axis(drawn, np.minimum(place, len(drawn) - 1), axis=0)

    @functools.cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        """By draws in order of size, each with the probability that R gives to it."""
        drawn = np.sort(np.asarray(self._prediction.sample(), np.float64), axis=0)
        edges = np.linspace(0.0, 1.0, len(drawn) + 1).reshape(-1, *[1] * (drawn.ndim - 1))
        edges = np.broadcast_to(edges, (len(edges), 1, *drawn.shape[2:]))
        weights = np.diff(self._map.forward(edges), axis=0)
        mean = (weights * drawn).sum(axis=0)
        return mean, np.sqrt((weights * (drawn - mean) ** 2).sum(axis=0))
