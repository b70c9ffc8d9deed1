"""Checks of targets that several likelihoods share."""

from typing import Any

import numpy as np


def first_row(bad: np.ndarray) -> int:
    """The first row in which something is wrong."""
    return int(np.flatnonzero(bad.reshape(bad.shape[0], -1).any(axis=1))[0])


def check_counts(y: Any, what: str) -> None:
    """Raise unless all targets are non-negative whole numbers."""
    values = np.asarray(y)
    bad = (values < 0) | (values != np.floor(values))
    if bad.any():
        row = first_row(bad)
        raise ValueError(
            f"{what} needs counts (whole numbers of 0 or more); row {row} of y is {values[row]}."
        )


def check_classes(y: Any, classes: int, what: str) -> None:
    """Raise unless all targets are 0, 1, ..., classes - 1."""
    values = np.asarray(y)
    bad = (values < 0) | (values >= classes) | (values != np.floor(values))
    if bad.any():
        row = first_row(bad)
        raise ValueError(
            f"{what} needs classes 0 to {classes - 1} as y; row {row} is {values[row]}. "
            "Encode labels with sklearn.preprocessing.LabelEncoder."
        )
