"""Weights of rows, checked."""

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight


def as_row_weights(sample_weight: Any, rows: int) -> np.ndarray | None:
    """Weights (rows,) in float64; None for none.

    Raises:
        TypeError, ValueError: not numbers, negative, not finite, all 0, or of another length.
    """
    if sample_weight is None:
        return None
    weights = _check_sample_weight(
        sample_weight, np.empty((rows, 1)), dtype=np.float64, ensure_non_negative=True
    )
    if not weights.any():
        raise ValueError("sample_weight is 0 for every row: nothing to learn from.")
    return weights
