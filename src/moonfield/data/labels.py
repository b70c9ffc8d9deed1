"""Labels of classes -> the numbers by which networks know them."""

from typing import Any

import numpy as np
from jaxtyping import Int

from .._core.missing import is_missing


def label_numbers(
    y: Any, rows: int, classes: np.ndarray, name: str = "y"
) -> Int[np.ndarray, " rows"]:
    """The place of each row's label among the labels of the fit (rows,).

    Raises:
        TypeError: y is None.
        ValueError: another number of rows, or a label that is missing or that the fit has not seen.
    """
    if y is None:
        raise TypeError(f"{name} is missing.")
    values = np.asarray(y)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.shape != (rows,):
        raise ValueError(f"X has {rows} rows, but {name} has shape {values.shape}.")
    known = {label: place for place, label in enumerate(classes.tolist())}
    labels = values.tolist()
    found = np.array([known.get(label, -1) for label in labels], int)
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        what = "is missing" if is_missing(labels[row]) else f"is {labels[row]!r}"
        raise ValueError(
            f"The label in row {row} of {name} {what}, which is not among the classes of the fit, "
            f"{classes.tolist()}. Drop such rows, or fit with them."
        )
    return found
