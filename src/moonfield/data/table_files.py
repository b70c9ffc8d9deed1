"""Parquet and Arrow files: the rows of their parts, and columns of numbers out of them."""

import abc
import contextlib
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .stream import Slice

PANDAS_INDEX = re.compile(r"__index_level_\d+__")  # how pandas names an index without a name
PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")
_NUMBERS = 2**20  # that are decoded together
_BYTES = 2**16  # of a column that are read together


@functools.cache
def pyarrow() -> Any:
    """The library, with its modules for files.

    Raises:
        ImportError: it is not installed; the message names the extra.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.ipc  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            'Parquet and Arrow files need pyarrow: pip install "moonfield[cli]".', name="pyarrow"
        ) from error
    return pa


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """What Arrow says of a file, after its name; `ValueError`."""
    try:
        yield
    except (pyarrow().ArrowException, OSError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} cannot be read: {said.rstrip('.')}.") from error


class AbstractTableFile(abc.ABC):
    """A file of columns, whose rows are in parts (row groups, record batches)."""

    path: Path

    @property
    @abc.abstractmethod
    def schema(self) -> Any:
        """Names and types of its columns."""

    @abc.abstractmethod
    def parts(self) -> tuple[int, ...]:
        """Rows of each part."""

    @abc.abstractmethod
    def blocks(self, part: int, names: Sequence[str], first: int) -> Iterator[tuple[int, Any]]:
        """Record batches of a part, from one that row `first` is in on: its first row, and it."""


class ParquetFile(AbstractTableFile):
    """Row groups. Their columns are read a few kilobytes at a time, however large they are."""

    def __init__(self, path: Path):
        self.path = path
        with reading(path):
            self._metadata = pyarrow().parquet.read_metadata(path)

    @property
    def schema(self) -> Any:
        with reading(self.path):
            return self._metadata.schema.to_arrow_schema()

    def parts(self) -> tuple[int, ...]:
        groups = range(self._metadata.num_row_groups)
        return tuple(self._metadata.row_group(group).num_rows for group in groups)

    def blocks(self, part: int, names: Sequence[str], first: int) -> Iterator[tuple[int, Any]]:
        options = {"metadata": self._metadata, "buffer_size": _BYTES, "pre_buffer": False}
        start = 0
        with reading(self.path), pyarrow().parquet.ParquetFile(self.path, **options) as file:
            rows = rows_together(names)
            for block in file.iter_batches(rows, [part], list(names), use_threads=False):
                if start + block.num_rows > first:
                    yield start, block
                start += block.num_rows


class ArrowFile(AbstractTableFile):
    """Record batches of the Arrow format, which Feather is since its version 2."""

    def __init__(self, path: Path):
        self.path = path
        with self._open(None) as reader:
            self._schema = reader.schema

    @property
    def schema(self) -> Any:
        return self._schema

    def parts(self) -> tuple[int, ...]:
        with self._open([0] if len(self._schema) else None) as reader:
            return tuple(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))

    def blocks(self, part: int, names: Sequence[str], first: int) -> Iterator[tuple[int, Any]]:
        with self._open([self._schema.get_field_index(name) for name in names]) as reader:
            block = reader.get_batch(part)
            rows = rows_together(names)
            for start in range(first, block.num_rows, rows):
                yield start, block.slice(start, rows)

    @contextlib.contextmanager
    def _open(self, fields: list[int] | None) -> Iterator[Any]:
        """The file, of which some columns are read."""
        pa = pyarrow()
        options = pa.ipc.IpcReadOptions(included_fields=fields or [], use_threads=False)
        with (
            reading(self.path),
            pa.OSFile(str(self.path)) as source,
            pa.ipc.open_file(source, options=options) as reader,
        ):
            yield reader


def rows_together(names: Sequence[str]) -> int:
    """How many rows of these columns are decoded together."""
    return max(256, _NUMBERS // len(names))


def columns_of(block: Any, names: Sequence[str], dtype: Any) -> np.ndarray:
    """Columns of a record batch: (rows, columns) of this type; missing values are nan."""
    found = np.empty((block.num_rows, len(names)), dtype)
    with np.errstate(over="ignore"):
        for i, name in enumerate(names):
            column = block.column(name)
            if column.type == pyarrow().bool_():
                column = column.cast("uint8")
            found[:, i] = column.to_numpy(zero_copy_only=False)
    return found


def open_blocks(file: AbstractTableFile, piece: Slice, names: Sequence[str]) -> Iterator[Any]:
    """Record batches of a part from a row on, cut at that row."""
    for start, block in file.blocks(piece.part, names, piece.start):
        yield block.slice(max(0, piece.start - start))
