"""Where rows stand in a figure, and what their targets are."""

from typing import Any, NamedTuple

import numpy as np

from ..data import as_inputs, as_targets

_MOST_CLASSES = 10


class Places(NamedTuple):
    """A point for each row, with names for the axes."""

    xy: np.ndarray  # (rows, 2)
    names: tuple[str, str]


def inputs_of(X: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Inputs (rows, inputs), and a name for each."""
    table = as_inputs(X)
    values = table.values.reshape(len(table.values), -1)
    return values, table.columns or tuple(f"input {i}" for i in range(values.shape[1]))


def targets_of(y: Any, rows: int) -> np.ndarray:
    """One target a row."""
    return as_targets(y, rows, ())


def plane(values: np.ndarray, names: tuple[str, ...]) -> Places:
    """Two inputs as they are; more as the first two principal components of standardised inputs.

    Raises:
        ValueError: fewer than two inputs, or one row of more than two.
    """
    if values.shape[1] == 2:
        return Places(values, (names[0], names[1]))
    if min(values.shape) < 2:
        raise ValueError(
            f"A plane needs two inputs, or two rows with more; X has shape {values.shape}."
        )
    sd = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(sd > 0, sd, 1.0)
    left, size, _ = np.linalg.svd(scaled, full_matrices=False)
    share = size**2 / max(float((size**2).sum()), np.finfo(size.dtype).tiny)
    axes = (f"principal component {i + 1} ({share[i]:.0%} of the variance)" for i in range(2))
    return Places(left[:, :2] * size[:2], (next(axes), next(axes)))


def are_classes(y: np.ndarray) -> bool:
    """Whether targets look like class labels: few whole numbers."""
    return bool(np.all(y == np.round(y))) and len(np.unique(y)) <= _MOST_CLASSES
