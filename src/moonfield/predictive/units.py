"""The units of targets that were standardised before the fit."""

from typing import Any, NamedTuple

import numpy as np


class Units(NamedTuple):
    """A target in units of y is `shift + scale * standardised`, in float64.

    Both have the shape of one row's target: `()` for one number a row, `(k,)` for k targets.
    """

    shift: np.ndarray
    scale: np.ndarray

    def values(self, standardised: np.ndarray) -> np.ndarray:
        """Means, quantiles and draws (..., rows, *target), in units of y."""
        return self.shift + self.scale * np.asarray(standardised, np.float64)

    def spread(self, standardised: np.ndarray) -> np.ndarray:
        """Standard deviations (..., rows, *target), in units of y."""
        return self.scale * np.asarray(standardised, np.float64)

    def density(self, log_prob: np.ndarray) -> np.ndarray:
        """Log-densities (rows,) of standardised targets, as those of targets in units of y."""
        return np.asarray(log_prob, np.float64) - np.log(self.scale).sum()

    def standardise(self, y: Any) -> np.ndarray:
        """Targets in units of y (rows, *target), standardised; of another shape as they are."""
        values = np.asarray(y, np.float64)
        if self.shift.ndim == 0 and values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.shape[1:] != self.shift.shape:
            return values  # refused where shapes are checked
        return (values - self.shift) / self.scale
