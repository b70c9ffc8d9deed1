"""What a stream is: rows in parts, which are read when they are needed."""

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from .._core.checks import whole
from .._core.trees import default_float
from .batch import Batch


class Slice(NamedTuple):
    """Rows `start` to `stop` of a part."""

    part: int
    start: int
    stop: int


class AbstractReader(abc.ABC):
    """Reads rows of a stream; belongs to one thread. Going forward within a part is cheap."""

    @abc.abstractmethod
    def read(self, piece: Slice) -> Batch:
        """These rows as NumPy arrays, checked: finite, weights not negative.

        Raises:
            ValueError, TypeError: a value is not; the message names its row and column.
        """

    @abc.abstractmethod
    def place(self, part: int, row: int) -> str:
        """Where a row of a part is, in words."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of files."""


class AbstractStream(abc.ABC):
    """Rows that do not fit in memory, for `mf.fit(model, stream, batch_size=...)`.

    Made by `mf.data.parquet`, `mf.data.arrays` and `mf.data.batches`. A fit sees every row once an
    epoch, in an order that follows from the seed alone: parts are shuffled, and then `buffer` rows
    at a time among one another.
    """

    @property
    @abc.abstractmethod
    def parts(self) -> tuple[int, ...]:
        """Rows of each part: what can be read from its beginning without reading the others."""

    @property
    @abc.abstractmethod
    def columns(self) -> tuple[str, ...] | None:
        """Names of the input columns, if the source has any."""

    @property
    @abc.abstractmethod
    def buffer(self) -> int | None:
        """Rows that are shuffled together; None for as many as fit 16 MB, 1 for no shuffling."""

    @property
    @abc.abstractmethod
    def sequential(self) -> bool:
        """Whether rows in the middle of a part cost as much as all before them, and no less."""

    @abc.abstractmethod
    def reader(self, dtype: Any) -> AbstractReader:
        """A reader of its own, of numbers of this type."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.parts)

    def shard(self, index: int, count: int) -> "AbstractStream":
        """The rows of one of `count` readers: consecutive ones, the same number or one more.

        Raises:
            ValueError: there is no such shard, or it would have no rows.
        """
        whole(count, "count")
        if not 0 <= whole(index, "index", 0) < count <= self.rows:
            raise ValueError(
                f"There is no shard {index} of {count} of {self.rows:,} rows: index runs from 0 to "
                "count - 1, and count is at most the number of rows."
            )
        first, stop = (self.rows * (index + i) // count for i in (0, 1))
        parts = np.asarray(self.parts, np.int64)
        return Shard(self, slices(parts, np.arange(len(parts)), first, stop))

    def to_arrays(self) -> Batch:
        """All rows in memory, in the order of the source: `(X, y, weights)`, rows first.

        For a shard on each of several hosts, whose fits take arrays:
        `X, y, weights = stream.shard(index, count).to_arrays()`.
        """
        reader = self.reader(default_float())
        try:
            found = [
                reader.read(Slice(part, 0, rows)) for part, rows in enumerate(self.parts) if rows
            ]
        finally:
            reader.close()
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rows={self.rows:,}, parts={len(self.parts):,})"


def check_buffer(buffer: Any) -> int | None:
    """The rows that are shuffled together, or None; `ValueError` or `TypeError` for no number."""
    return None if buffer is None else whole(buffer, "buffer")


class Shard(AbstractStream):
    """Some slices of another stream's parts."""

    def __init__(self, whole: AbstractStream, pieces: Sequence[Slice]):
        self._whole, self._pieces = whole, tuple(pieces)

    @property
    def parts(self) -> tuple[int, ...]:
        return tuple(piece.stop - piece.start for piece in self._pieces)

    @property
    def columns(self) -> tuple[str, ...] | None:
        return self._whole.columns

    @property
    def buffer(self) -> int | None:
        return self._whole.buffer

    @property
    def sequential(self) -> bool:
        return self._whole.sequential

    def reader(self, dtype: Any) -> AbstractReader:
        return _ShardReader(self._whole.reader(dtype), self._pieces)


class _ShardReader(AbstractReader):
    def __init__(self, reader: AbstractReader, pieces: tuple[Slice, ...]):
        self._reader, self._pieces = reader, pieces

    def read(self, piece: Slice) -> Batch:
        part, first, _ = self._pieces[piece.part]
        return self._reader.read(Slice(part, first + piece.start, first + piece.stop))

    def place(self, part: int, row: int) -> str:
        whole = self._pieces[part]
        return self._reader.place(whole.part, whole.start + row)

    def close(self) -> None:
        self._reader.close()


def slices(parts: np.ndarray, order: np.ndarray, first: int, stop: int) -> list[Slice]:
    """Rows `first` to `stop` of parts that are read one after another in some order."""
    ends = np.cumsum(parts[order])
    found = []
    i = int(np.searchsorted(ends, first, side="right"))
    while first < stop:
        begin = int(ends[i - 1]) if i else 0
        until = min(stop, int(ends[i]))
        if until > first:
            found.append(Slice(int(order[i]), first - begin, until - begin))
        first, i = until, i + 1
    return found
