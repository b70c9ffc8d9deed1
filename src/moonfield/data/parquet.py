"""Folders and files of tables, Parquet or Arrow, as a stream."""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .batch import Batch
from .rows_read import Names, rows_read
from .stream import AbstractReader, AbstractStream, Slice, check_buffer
from .table_files import (
    ARROW,
    PANDAS_INDEX,
    PARQUET,
    AbstractTableFile,
    ArrowFile,
    ParquetFile,
    columns_of,
    open_blocks,
    pyarrow,
)

_OPEN = 16  # parts that a reader keeps its place in


class Roles(NamedTuple):
    """What columns are for."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    single: bool  # whether y has no axis of targets
    weights: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.inputs + self.targets + ((self.weights,) if self.weights else ())


def parquet(
    source: str | os.PathLike | Sequence[str | os.PathLike],
    target: str | Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    weights: str | None = None,
    buffer: int | None = None,
) -> AbstractStream:
    """Rows of Parquet or Arrow (Feather) files, of which only the columns in use are read.

    Args:
        source: a file, several files, or a folder, in which all `.parquet`, `.pq`, `.arrow`,
            `.feather` and `.ipc` files are taken, in the order of their paths.
        target: the column y, or several, for y of shape (rows, targets).
        columns: of X, in this order; None takes all that are neither target nor weights.
        weights: the column of row weights, if there is one.
        buffer: rows that are shuffled together; None for as many as fit 16 MB, 1 for no shuffling.

    Memory does not depend on the number of rows: a few row groups, at random places, are read at
    the same time, some rows of each at a time. For a good mixture let files that are sorted by
    anything have row groups of 100,000 rows or less.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: there are no files or no rows, a column is missing, or files differ.
        TypeError: a column does not hold numbers.

    Example:
        >>> import moonfield as mf
        >>> stream = mf.data.parquet("prices/", target="price")  # doctest: +SKIP
        >>> mf.fit(model, stream, batch_size=1_024, steps=20_000)  # doctest: +SKIP
    """
    files = tuple(_table_file(path) for path in _paths(source))
    roles = _roles(files[0], target, columns, weights)
    for file in files:
        _check_columns(file, roles)
    return TableStream(files, roles, check_buffer(buffer))


class TableStream(AbstractStream):
    """Rows of files of columns. A part is a row group, or a record batch."""

    def __init__(self, files: tuple[AbstractTableFile, ...], roles: Roles, buffer: int | None):
        self._roles, self._buffer = roles, buffer
        self._places: list[tuple[AbstractTableFile, int, int, int]] = []
        parts, total = [], 0
        for file in files:
            first = 0
            for part, rows in enumerate(file.parts()):
                if rows:
                    self._places.append((file, part, first, total + first))
                    parts.append(rows)
                first += rows
            total += first
        if not total:
            raise ValueError(f"{files[0].path.parent} has no rows in {len(files)} files.")
        self._parts = tuple(parts)

    @property
    def parts(self) -> tuple[int, ...]:
        return self._parts

    @property
    def columns(self) -> tuple[str, ...] | None:
        return self._roles.inputs

    @property
    def buffer(self) -> int | None:
        return self._buffer

    @property
    def sequential(self) -> bool:
        return False

    def reader(self, dtype: Any) -> AbstractReader:
        return _TableReader(self._places, self._roles, dtype)


class _Cursor(NamedTuple):
    """Where a reader stands in a part: what it has not given away yet, and the row of that."""

    row: int
    held: Any
    blocks: Iterator[Any]


class _TableReader(AbstractReader):
    def __init__(self, places: Sequence, roles: Roles, dtype: Any):
        self._places, self._roles, self._dtype = places, roles, dtype
        self._cursors: OrderedDict[int, _Cursor] = OrderedDict()
        self._names = Names(roles.inputs, roles.targets)

    def read(self, piece: Slice) -> Batch:
        row, found = piece.start, []
        while row < piece.stop:
            cursor = self._cursor(piece._replace(start=row))
            rows = min(piece.stop - row, cursor.held.num_rows)
            found.append(self._rows(cursor.held.slice(0, rows), piece.part, row))
            row += rows
            self._cursors[piece.part] = cursor._replace(row=row, held=cursor.held.slice(rows))
        if not self._left(piece.part, row):
            self._forget(piece.part)
        return Batch(*map(np.concatenate, zip(*found, strict=True)))

    def place(self, part: int, row: int) -> str:
        file, _, first, total = self._places[part]
        return f"row {first + row:,} of {file.path} (row {total + row:,} of all, counted from 0)"

    def close(self) -> None:
        for part in list(self._cursors):
            self._forget(part)

    def _cursor(self, piece: Slice) -> _Cursor:
        """The place of a row, with some rows from there on in hand."""
        cursor = self._cursors.get(piece.part)
        if cursor is None or cursor.row != piece.start:
            self._forget(piece.part)
            file, part, *_ = self._places[piece.part]
            blocks = open_blocks(file, piece._replace(part=part), self._roles.names)
            cursor = _Cursor(piece.start, None, blocks)
        while cursor.held is None or not cursor.held.num_rows:
            held = next(cursor.blocks, None)
            if held is None:
                raise ValueError(f"{self.place(piece.part, piece.start)} is not there any more.")
            cursor = cursor._replace(held=held)
        self._cursors[piece.part] = cursor
        self._cursors.move_to_end(piece.part)
        while len(self._cursors) > _OPEN:
            self._forget(next(iter(self._cursors)))
        return cursor

    def _left(self, part: int, row: int) -> bool:
        """Whether a part has rows from here on: those of the file, at most a block away."""
        cursor = self._cursors[part]
        if cursor.held.num_rows:
            return True
        held = next(cursor.blocks, None)
        if held is not None:
            self._cursors[part] = _Cursor(row, held, cursor.blocks)
        return held is not None

    def _forget(self, part: int) -> None:
        cursor = self._cursors.pop(part, None)
        if cursor is not None:
            cursor.blocks.close()  # pyright: ignore[reportAttributeAccessIssue]

    def _rows(self, block: Any, part: int, first: int) -> Batch:
        roles = self._roles
        targets = columns_of(block, roles.targets, self._dtype)
        weights = columns_of(block, (roles.weights,), self._dtype)[:, 0] if roles.weights else None
        inputs = columns_of(block, roles.inputs, self._dtype)
        found = inputs, targets[:, 0] if roles.single else targets, weights
        return rows_read(found, self._dtype, self._names, lambda row: self.place(part, first + row))


def _paths(source: Any) -> list[Path]:
    """The files that are meant."""
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    found: list[Path] = []
    for path in map(Path, given):
        if not path.exists():
            raise ValueError(f"{path}: there is no such file or folder.")
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(
            it for it in path.rglob("*") if it.suffix.lower() in PARQUET + ARROW and it.is_file()
        )
        if not inside:
            raise ValueError(f"{path} has no file that ends in {', '.join(PARQUET + ARROW)}.")
        found += inside
    if not found:
        raise ValueError("There are no files to read: the list is empty.")
    return found


def _table_file(path: Path) -> AbstractTableFile:
    suffix = path.suffix.lower()
    if suffix in PARQUET:
        return ParquetFile(path)
    if suffix in ARROW:
        return ArrowFile(path)
    raise ValueError(
        f"{path}: files end in {', '.join(PARQUET + ARROW)}. Convert others, e.g. by pandas' or "
        "polars' functions for Parquet."
    )


def _roles(
    file: AbstractTableFile, target: Any, columns: Sequence[str] | None, weights: str | None
) -> Roles:
    """What each column is for; the first file says which there are."""
    targets = (target,) if isinstance(target, str) else tuple(target)
    used = {*targets, weights}
    if isinstance(columns, str):
        raise TypeError(f"columns must be a list of names, got the string {columns!r}.")
    if columns is None:
        names = (name for name in file.schema.names if not PANDAS_INDEX.fullmatch(name))
        inputs = tuple(name for name in names if name not in used)
    else:
        inputs = tuple(columns)
    if not targets or not inputs:
        raise ValueError(f"There must be a target and a column of X; {file.path} leaves none.")
    for name in used & set(inputs):
        raise ValueError(f"Column {name!r} cannot be both in X and in y or the weights.")
    return Roles(inputs, targets, isinstance(target, str), weights)


def _check_columns(file: AbstractTableFile, roles: Roles) -> None:
    """`ValueError` or `TypeError` unless a file has all columns, of numbers."""
    schema, types = file.schema, pyarrow().types
    for name in roles.names:
        count = schema.names.count(name)
        if count != 1:
            raise ValueError(
                f"{file.path} has {f'{count} columns' if count else 'no column'} {name!r}. It has "
                f"{', '.join(map(repr, schema.names[:12]))}{', ...' if len(schema) > 12 else ''}."
            )
        kind = schema.field(name).type
        if not (types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind)):
            raise TypeError(
                f"Column {name!r} of {file.path} is not numeric (its type is {kind}). Encode it, "
                "or leave it out by columns=[...]."
            )
