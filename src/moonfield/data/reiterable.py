"""Batches that something yields anew for each epoch, as a stream."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .._core.checks import whole
from .batch import Batch
from .rows_read import Names, rows_read
from .stream import AbstractReader, AbstractStream, Slice, check_buffer


def batches(
    iterable: Iterable[Any],
    rows: int | None = None,
    *,
    inputs: Any = "inputs",
    target: Any = "target",
    weights: Any = "weights",
    buffer: int | None = None,
) -> AbstractStream:
    """Rows from whatever yields batches of them and can be iterated again: Grain, PyTorch, a list.

    Args:
        iterable: yields `(X, y)`, `(X, y, weights)`, or mappings with the keys `inputs`, `target`
            and, if they like, `weights`: arrays with rows first, any number of rows. Each `iter()`
            of it begins a pass of its own over all rows, also while another is under way.
        rows: how many a pass yields; None counts them, in one pass.
        inputs, target, weights: keys of mappings.
        buffer: rows that are shuffled together; None for as many as fit 16 MB, 1 for no shuffling.

    The batches of a fit are its own, of the size that `mf.fit` is given. An epoch is a pass. The
    rows come in the order of the iterable but for the buffer, so it should mix what is alike; and
    the same seed gives the same fit if every pass yields the same. A loader that repeats for ever
    must be told not to: `num_epochs=1` for Grain's samplers.

    Raises:
        TypeError: it cannot be iterated, or only once.
        ValueError: there are no rows; while fitting, a pass yields another number of them.

    Example:
        >>> import numpy as np
        >>> import moonfield as mf
        >>> mf.data.batches([(np.zeros((4, 2)), np.zeros(4)), (np.ones((3, 2)), np.ones(3))])
        BatchStream(rows=7, parts=1)
    """
    if not isinstance(iterable, Iterable):
        raise TypeError(f"A stream needs an iterable of batches, got {type(iterable).__name__}.")
    if isinstance(iterable, Iterator):
        raise TypeError(
            f"{type(iterable).__name__} can be iterated only once, but every epoch is a pass. Give "
            "an object whose __iter__ begins anew, e.g. a list or a loader; for a "
            "generator, a class with it as __iter__."
        )
    keys = (inputs, target, weights)
    if rows is None:
        rows = sum(len(_arrays(batch, keys, number)[0]) for number, batch in enumerate(iterable))
    if rows == 0:
        raise ValueError("The iterable has no rows.")
    return BatchStream(iterable, whole(rows, "rows"), keys, check_buffer(buffer))


class BatchStream(AbstractStream):
    """Rows of an iterable of batches: one part, a pass."""

    def __init__(self, iterable: Iterable[Any], rows: int, keys: tuple, buffer: int | None):
        self._iterable, self._rows, self._keys, self._buffer = iterable, rows, keys, buffer

    @property
    def parts(self) -> tuple[int, ...]:
        return (self._rows,)

    @property
    def columns(self) -> tuple[str, ...] | None:
        return None

    @property
    def buffer(self) -> int | None:
        return self._buffer

    @property
    def sequential(self) -> bool:
        return True

    def reader(self, dtype: Any) -> AbstractReader:
        return _BatchReader(self._iterable, self._rows, self._keys, dtype)


class _BatchReader(AbstractReader):
    """Stands somewhere in a pass; going back begins another."""

    def __init__(self, iterable: Iterable[Any], rows: int, keys: tuple, dtype: Any):
        self._iterable, self._rows, self._keys, self._dtype = iterable, rows, keys, dtype
        self._begin()

    def _begin(self) -> None:
        self._pass: Iterator[Any] | None = None
        self._at, self._number, self._held = 0, 0, None

    def read(self, piece: Slice) -> Batch:
        if piece.start < self._at or self._pass is None:
            self._begin()
            self._pass = iter(self._iterable)
        found, row = [], self._at
        while row < piece.stop:
            held = self._hold()
            rows = len(held[0])
            skip = min(rows, max(0, piece.start - row))
            take = min(rows, piece.stop - row)
            if take > skip:
                found.append(self._rows_read([leaf[skip:take] for leaf in held], row + skip))
            row += take
            self._at, self._held = row, [leaf[take:] for leaf in held] if take < rows else None
        if row == self._rows:
            self._check_end()
        return self._joined(found)

    def place(self, part: int, row: int) -> str:
        return f"row {row:,} of a pass over the iterable, counted from 0"

    def close(self) -> None:
        self._begin()

    def _hold(self) -> list[Any]:
        """Arrays of the batch at hand, with at least one row."""
        assert self._pass is not None
        while self._held is None or not len(self._held[0]):
            try:
                batch = next(self._pass)
            except StopIteration:
                raise ValueError(
                    f"A pass over the iterable has {self._at:,} rows, but {self._rows:,} were "
                    "declared. Correct rows=..., or leave it out to have them counted."
                ) from None
            self._held = _arrays(batch, self._keys, self._number)
            self._number += 1
        return self._held

    def _check_end(self) -> None:
        """`ValueError` if there is more than was declared."""
        assert self._pass is not None
        rest = (_arrays(batch, self._keys, self._number) for batch in self._pass)
        if self._held is not None or any(len(leaves[0]) for leaves in rest):
            raise ValueError(
                f"A pass over the iterable goes on after the {self._rows:,} rows that were "
                "declared. Correct rows=..., or end its passes (num_epochs=1 for Grain)."
            )

    def _rows_read(self, leaves: list[Any], first: int) -> Batch:
        return rows_read(leaves, self._dtype, Names(), lambda row: self.place(0, first + row))

    def _joined(self, found: list[Batch]) -> Batch:
        shapes = {(it.inputs.shape[1:], it.targets.shape[1:]) for it in found}
        if len(shapes) > 1:
            raise ValueError(
                f"Batches up to number {self._number - 1} have rows of different shapes (of X and "
                f"y): {', '.join(map(str, sorted(shapes)))}. They must be all the same."
            )
        return Batch(*map(np.concatenate, zip(*found, strict=True)))


def _arrays(batch: Any, keys: tuple, number: int) -> list[Any]:
    """X, y and maybe weights of what was yielded."""
    if isinstance(batch, Mapping):
        missing = [key for key in keys[:2] if key not in batch]
        if missing:
            raise ValueError(
                f"Batch {number} has no key {missing[0]!r}; it has {sorted(map(str, batch))}. "
                "Name its keys by inputs=... and target=...."
            )
        found = [batch[key] for key in keys if key in batch]
    elif isinstance(batch, tuple | list) and len(batch) in (2, 3):
        found = list(batch)
    else:
        raise TypeError(
            f"Batch {number} must be (X, y), (X, y, weights) or a mapping, got "
            f"{type(batch).__name__}."
        )
    found = [np.asarray(leaf) for leaf in found]
    lengths = {leaf.shape[:1] for leaf in found}
    if len(lengths) != 1 or () in lengths:
        raise ValueError(f"Arrays of batch {number} differ in rows: {[x.shape for x in found]}.")
    return found
