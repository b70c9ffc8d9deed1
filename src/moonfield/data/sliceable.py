"""Arrays that do not fit in memory, as a stream."""

from typing import Any

import numpy as np

from .batch import Batch
from .rows_read import Names, rows_read
from .stream import AbstractReader, AbstractStream, Slice, check_buffer

_BYTES = 2**18  # of a part, about


def arrays(X: Any, y: Any, weights: Any = None, *, buffer: int | None = None) -> AbstractStream:
    """Rows of arrays that are read in slices: `np.memmap`, zarr, HDF5, or any that slices.

    Args:
        X: inputs (rows, ...): anything numeric with `shape`, `dtype`, `ndim` and `X[a:b]`.
        y: targets (rows,) or (rows, targets), likewise.
        weights: one non-negative number per row, likewise.
        buffer: rows that are shuffled together; None for as many as fit 16 MB, 1 for no shuffling.

    An array that is stored in chunks (`chunks`, as zarr and HDF5 have it) is read in whole ones.

    Raises:
        TypeError: something is not such an array, or not numeric.
        ValueError: there are no rows, or the numbers of rows differ.

    Example:
        >>> import numpy as np
        >>> import moonfield as mf
        >>> mf.data.arrays(np.zeros((10_000, 3), np.float32), np.zeros(10_000))
        ArrayStream(rows=10,000, parts=1)
    """
    given = {"X": X, "y": y} | ({} if weights is None else {"weights": weights})
    for name, array in given.items():
        _check_array(name, array)
    if X.ndim < 2:
        raise ValueError(f"X must have rows and at least one column, got shape {X.shape}.")
    if 0 in X.shape:
        raise ValueError(f"X has no rows or no columns: its shape is {tuple(X.shape)}.")
    for name, array in given.items():
        if array.shape[0] != X.shape[0]:
            raise ValueError(f"X has {X.shape[0]:,} rows, but {name} has shape {array.shape}.")
    return ArrayStream(X, y, weights, check_buffer(buffer))


class ArrayStream(AbstractStream):
    """Rows of arrays. A part is some rows that lie together."""

    def __init__(self, X: Any, y: Any, weights: Any, buffer: int | None):
        self._arrays, self._buffer = (X, y, weights), buffer
        rows = int(X.shape[0])
        size = _rows_together(X)
        self._starts = range(0, rows, size)
        self._parts = tuple(min(size, rows - start) for start in self._starts)

    @property
    def parts(self) -> tuple[int, ...]:
        return self._parts

    @property
    def columns(self) -> tuple[str, ...] | None:
        return None

    @property
    def buffer(self) -> int | None:
        return self._buffer

    @property
    def sequential(self) -> bool:
        return False

    def reader(self, dtype: Any) -> AbstractReader:
        return _ArrayReader(self._arrays, self._starts, dtype)


class _ArrayReader(AbstractReader):
    def __init__(self, arrays: tuple[Any, Any, Any], starts: range, dtype: Any):
        self._arrays, self._starts, self._dtype = arrays, starts, dtype

    def read(self, piece: Slice) -> Batch:
        start = self._starts[piece.part]
        rows = slice(start + piece.start, start + piece.stop)
        found = [None if array is None else array[rows] for array in self._arrays]
        return rows_read(
            found, self._dtype, Names(), lambda row: self.place(piece.part, piece.start + row)
        )

    def place(self, part: int, row: int) -> str:
        return f"row {self._starts[part] + row:,}"

    def close(self) -> None:
        pass


def _rows_together(X: Any) -> int:
    """Rows of a part: those of a stored chunk, else about 256 KB of them."""
    chunks = getattr(X, "chunks", None)
    if isinstance(chunks, tuple) and chunks and isinstance(chunks[0], int):
        return max(1, chunks[0])
    row_bytes = int(np.prod(X.shape[1:])) * np.dtype(X.dtype).itemsize
    return max(1, _BYTES // row_bytes)


def _check_array(name: str, array: Any) -> None:
    missing = [it for it in ("shape", "dtype", "ndim", "__getitem__") if not hasattr(array, it)]
    if missing:
        raise TypeError(
            f"{name} must be an array with shape, dtype, ndim and slices, got "
            f"{type(array).__name__}. For a table use mf.data.parquet, for batches mf.data.batches."
        )
    if array.ndim == 0:
        raise ValueError(f"{name} is a single number; it must have rows.")
    if np.dtype(array.dtype).kind not in "fiub":
        raise TypeError(f"{name} must be numeric, got an array of type {array.dtype}.")
