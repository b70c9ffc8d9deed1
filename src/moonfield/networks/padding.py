"""Sequences of unequal lengths as one array with a mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from .._core.checks import whole
from .._core.trees import default_float


def pad(sequences: Sequence[Any], length: int | None = None) -> Float[np.ndarray, "rows time last"]:
    """Sequences as one array (rows, time, features + 1): what `mf.nets.Recurrent` takes for X.

    The last channel is the mask: 1 where a sequence is, 0 in the zeros that follow it. Being an
    array, it can be indexed, split and saved by rows. How far it is padded changes no result.

    Args:
        sequences: of each row an array (time, features), or (time,) for one feature; lengths may
            differ. An array (rows, time, features) is sequences of one length.
        length: steps to pad to, the longest sequence's by default. One for all arrays saves
            compiling for each.

    Raises:
        TypeError, ValueError: no sequences, one without steps, of other features than the first, or
            with something that is no finite number; one longer than `length`; the message says
            which row.

    Example:
        >>> import moonfield as mf
        >>> X = mf.nets.pad([[1.0, 2.0, 3.0], [4.0]])
        >>> X.shape
        (2, 3, 2)
        >>> X[1]
        array([[4., 1.],
               [0., 0.],
               [0., 0.]], dtype=float32)
    """
    found = [_sequence(sequence, row) for row, sequence in enumerate(sequences)]
    if not found:
        raise ValueError("There are no sequences to pad.")
    longest = max(map(len, found))
    time = longest if length is None else whole(length, "length")
    if longest > time:
        row = next(row for row, sequence in enumerate(found) if len(sequence) > time)
        raise ValueError(
            f"Sequence {row} has {len(found[row])} steps, more than length={time}. Cut it, or pad "
            f"to {longest} or more."
        )
    features = found[0].shape[1]
    padded = np.zeros((len(found), time, features + 1), default_float())
    for row, sequence in enumerate(found):
        if sequence.shape[1] != features:
            raise ValueError(
                f"Sequence {row} has {sequence.shape[1]} features, the first has {features}."
            )
        padded[row, : len(sequence), :-1] = sequence
        padded[row, : len(sequence), -1] = 1.0
    return padded


def check_padded(X: Any) -> None:
    """Raise `ValueError` unless the last channel of X (rows, time, features + 1) is a mask."""
    if not isinstance(X, np.ndarray):
        return
    mask = X[..., -1]
    right = np.isin(mask, (0.0, 1.0)).all(axis=1) & (mask[:, 0] == 1.0)
    right &= (np.diff(mask, axis=1) <= 0.0).all(axis=1)
    if not right.all():
        row = int(np.flatnonzero(~right)[0])
        raise ValueError(
            "The last channel of X must be the mask that mf.nets.pad adds: 1 at every step of a "
            f"sequence, then 0; that of row {row} is not. Use X = mf.nets.pad(sequences)."
        )


def _sequence(sequence: Any, row: int) -> np.ndarray:
    """One sequence as a checked array (time, features)."""
    try:
        array = np.asarray(sequence)
        array = array.astype(float) if array.dtype.kind == "O" else array
    except (TypeError, ValueError) as error:
        raise ValueError(f"Sequence {row} is not an array (time, features): {error}") from error
    array = array[:, None] if array.ndim == 1 else array
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Sequence {row} must be numeric, got an array of type {array.dtype}.")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"Sequence {row} must have the shape (time, features) with a step or more, got "
            f"{array.shape}."
        )
    if not np.isfinite(array).all():
        step = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise ValueError(f"Sequence {row} has a value that is not finite, first at step {step}.")
    return array
