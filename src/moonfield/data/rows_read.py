"""What a stream has read -> checked rows, or an error that says where the first bad value is."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .batch import Batch


class Names(NamedTuple):
    """What messages call columns: by name where they have one, else by the array and a number."""

    inputs: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None


def rows_read(
    arrays: Sequence[Any], dtype: Any, names: Names, place: Callable[[int], str]
) -> Batch:
    """Rows of finite numbers of this type, from X, y and maybe weights; without, each counts as 1.

    `place` says in words where a row of these is.

    Raises:
        TypeError: an array is not numeric.
        ValueError: a value is not finite, a weight is negative, or arrays differ in length.
    """
    inputs, targets, *others = arrays
    inputs = _finite(inputs, dtype, "X", names.inputs, place)
    targets = _finite(targets, dtype, "y", names.targets, place)
    rows = len(inputs)
    weights = others[0] if others and others[0] is not None else np.ones(rows, dtype)
    weights = _finite(weights, dtype, "weights", None, place)
    if len(targets) != rows or weights.shape != (rows,):
        raise ValueError(
            f"{rows} rows of X, shape {targets.shape} of y and {weights.shape} of weights do not "
            f"belong together, from {place(0)} on."
        )
    if (weights < 0).any():
        row = int(np.flatnonzero(weights < 0)[0])
        raise ValueError(f"weights must not be negative; it is {weights[row]} in {place(row)}.")
    return Batch(inputs, targets, weights)


def numeric(values: Any, dtype: Any, name: str) -> np.ndarray:
    """An array of this type; `TypeError` for one that does not hold numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub" or array.ndim == 0:
        raise TypeError(
            f"{name} must be numeric arrays with rows first, got type {array.dtype} and shape "
            f"{array.shape}."
        )
    with np.errstate(over="ignore"):
        return array.astype(dtype, copy=False)


def _finite(
    values: Any,
    dtype: Any,
    name: str,
    columns: tuple[str, ...] | None,
    place: Callable[[int], str],
) -> np.ndarray:
    array = numeric(values, dtype, name)
    good = np.isfinite(array)
    if good.all():
        return array
    row, *rest = (int(i) for i in np.argwhere(~good)[0])
    if columns is not None:
        what = f"column {columns[rest[0] if rest else 0]!r}"
    elif rest:
        what = f"column {rest[0]} of {name}" if len(rest) == 1 else f"{name} at {tuple(rest)}"
    else:
        what = name
    raise ValueError(
        f"{what} is {array[(row, *rest)]} in {place(row)}. Values must be finite and fit "
        f"{array.dtype}: impute, drop or rescale them."
    )
