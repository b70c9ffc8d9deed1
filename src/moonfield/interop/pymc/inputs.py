"""Data that users give in the place of a PyMC model's own."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..._core.trees import default_float
from ...data import as_array
from .reading import Input

ByRow = Sequence[tuple[str, tuple[int, ...], str]]  # name, shape of one row, type


def checked(name: str, value: Any, like: np.ndarray) -> np.ndarray:
    """An array to take the place of another: as many axes, and whole numbers where those were."""
    array = as_array(name, value)
    if array.ndim != like.ndim:
        raise ValueError(f"data[{name!r}] must have {like.ndim} axes, got shape {array.shape}.")
    if like.dtype.kind in "iub" and array.dtype.kind == "f":
        raise TypeError(f"data[{name!r}] must be whole numbers, got dtype {array.dtype}.")
    return array.astype(default_float()) if like.dtype.kind == "f" else array


def inputs_by_row(
    X: Any, target: str, needed: tuple[str, ...], by_row: ByRow
) -> dict[str, np.ndarray]:
    """The rows to predict for. A model without such inputs counts the rows of its target.

    Raises:
        TypeError, ValueError: one is missing, unknown, or of another shape; the message names it.
    """
    shapes = {name: (shape, dtype) for name, shape, dtype in by_row}
    if not needed:
        needed = (target,)
        X = {target: np.zeros((1, *shapes[target][0]))} if X is None else X
    if not isinstance(X, Mapping):
        if X is None or len(needed) != 1:
            raise TypeError(f"Give the inputs {needed} by name, got {type(X).__name__}.")
        X = {needed[0]: X}
    for name in X:
        if name not in shapes:
            raise ValueError(f"There are no rows {name!r} to predict for, but {', '.join(shapes)}.")
    inputs = {}
    for name in needed:
        if name not in X:
            raise ValueError(f"predict needs {name!r}: one entry for each row.")
        shape, dtype = shapes[name]
        like = np.zeros((0, *shape), dtype)
        inputs[name] = np.array(checked(name, X[name], like))
        if inputs[name].shape[1:] != shape:
            raise ValueError(
                f"{name!r} has rows of shape {inputs[name].shape[1:]}, expected {shape}."
            )
    lengths = {name: len(array) for name, array in inputs.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Inputs have different numbers of rows: {lengths}.")
    return inputs


def inputs_instead(X: Any, known: Mapping[str, Input]) -> dict[str, np.ndarray]:
    """Data by name that take the place of those of the fit.

    Raises:
        TypeError, ValueError: not by name, unknown, or of another kind.
    """
    if not isinstance(X, Mapping | None):
        raise TypeError(f"Give the inputs by name, got {type(X).__name__}.")
    given = X or {}
    for name in given:
        if name not in known:
            raise ValueError(f"The model has no data {name!r}. It has {', '.join(known)}.")
    return {n: np.array(checked(n, value, known[n].value)) for n, value in given.items()}
