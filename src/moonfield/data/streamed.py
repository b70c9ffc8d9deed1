"""A stream as a model takes it, and what can be said of it from a few rows."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from .batch import Batch
from .order import Order
from .stream import AbstractReader, AbstractStream, Slice

_PLACES = 8  # from which the first rows are taken
_WINDOW_BYTES = 16 * 2**20
_SOME = (2,)  # what the order of rows to look at follows from


class Streamed(NamedTuple):
    """A stream whose first rows a model has accepted."""

    stream: AbstractStream
    target_shape: tuple[int, ...]
    check: Callable[[np.ndarray], None]  # `ValueError` for targets outside the support
    example: Batch  # one row

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.stream.rows

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of input columns, if the source has any."""
        return self.stream.columns

    def order(self, words: Sequence[int]) -> Order:
        """The orders of epochs that follow from these random numbers."""
        row_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(self.example))
        buffer, most = self.stream.buffer, max(1, _WINDOW_BYTES // row_bytes)
        rows, sequential = most if buffer in (None, 1) else buffer, self.stream.sequential
        return Order(self.stream.parts, rows, None if buffer == 1 else words, sequential)

    def open(self) -> AbstractReader:
        """A reader of numbers of the example's type."""
        return self.stream.reader(self.example.weights.dtype)

    def rows_of(self, reader: AbstractReader, pieces: Sequence[Slice]) -> Batch:
        """Rows one after another, with targets that the model takes."""
        found = [reader.read(piece) for piece in pieces]
        inputs, targets, weights = map(np.concatenate, zip(*found, strict=True))
        if inputs.shape[1:] != self.example.inputs.shape[1:]:
            raise ValueError(
                f"Rows have shape {inputs.shape[1:]} from {reader.place(*pieces[0][:2])} on, the "
                f"first ones have {self.example.inputs.shape[1:]}."
            )
        targets = targets.reshape(len(targets), *self.target_shape)
        try:
            self.check(targets)
        except ValueError as error:
            raise self._located(reader, pieces, targets) from error
        return Batch(inputs, targets, weights)

    def _located(
        self, reader: AbstractReader, pieces: Sequence[Slice], targets: np.ndarray
    ) -> ValueError:
        """The error of the first row that the model does not take, with its place."""
        low, high = 0, len(targets)  # rows before `low` are good, one before `high` is not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._refuses(targets[low:middle]) else (middle, high)
        row = low
        for piece in pieces:
            if row < piece.stop - piece.start:
                place = reader.place(piece.part, piece.start + row)
                said = str(self._refuses(targets[low : low + 1]))
                return ValueError(
                    said.replace("row 0", place, 1) if "row 0" in said else f"{place}: {said}"
                )
            row -= piece.stop - piece.start
        raise AssertionError("pieces have as many rows as were read")

    def _refuses(self, targets: np.ndarray) -> ValueError | None:
        try:
            self.check(targets)
        except ValueError as error:
            return error
        return None

    def some(self, most: int) -> Batch:
        """At most so many rows: those that a fixed order begins with, always the same."""
        epoch = self.order(_SOME).epoch(0)
        first = epoch.window_at(0)  # those before it are empty
        reader = self.open()
        try:
            window = self.rows_of(reader, epoch.slices(first))
        finally:
            reader.close()
        rows = epoch.permutation(first)[:most]
        return Batch(*(leaf[rows] for leaf in window))


def first_rows(stream: AbstractStream, dtype: Any, most: int = 1_000) -> Batch:
    """At most so many rows, from the beginnings of up to 8 parts."""
    parts = stream.parts
    places = np.unique(np.linspace(0, len(parts) - 1, _PLACES).astype(int)).tolist()
    reader = stream.reader(dtype)
    try:
        each = -(-most // len(places))
        found = [reader.read(Slice(part, 0, min(parts[part], each))) for part in places]
    finally:
        reader.close()
    return Batch(*map(np.concatenate, zip(*found, strict=True)))
