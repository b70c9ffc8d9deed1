"""A stream's batches, stacked for a block of steps."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .batch import Batch
from .dataset import dealt
from .order import Epoch
from .streamed import Streamed


class Stopped(Exception):
    """Nobody waits for these batches any longer."""


class Stack(NamedTuple):
    """Batches of several steps, NumPy arrays (steps, places, ...), and how many rows each has."""

    batches: Batch
    counts: np.ndarray


class _Window(NamedTuple):
    number: int
    start: int  # its positions in the epoch
    stop: int
    rows: tuple[np.ndarray, ...]
    order: np.ndarray


class Batcher:
    """Deals the rows of a stream into batches; belongs to one thread.

    Step s takes batch `s % batches` of epoch `s // batches`. Batches of an epoch differ by one row
    at most, as those of arrays do, so that none is short and noisy.
    """

    def __init__(
        self,
        streamed: Streamed,
        words: Sequence[int],
        batch_size: int,
        stop: threading.Event | None = None,
    ):
        self._streamed, self._stop = streamed, stop or threading.Event()
        self._order = streamed.order(words)
        self._rows = streamed.rows
        self.batches, self.places = dealt(self._rows, batch_size)
        self._reader = streamed.open()
        self._epoch: tuple[int, Epoch] | None = None
        self._window: _Window | None = None
        self._keeps = self._order.windows == 1 and not streamed.stream.sequential
        self._kept: tuple[np.ndarray, ...] | None = None  # all rows, where they fit one window

    def stack(self, first: int, steps: int) -> Stack:
        """The batches of these steps; going forward is cheap.

        Raises:
            ValueError, TypeError: a value cannot be used; the message says where it is.
            Stopped: `stop` was set.
        """
        shape, like = (steps, self.places), self._streamed.example
        block = [np.empty((*shape, *leaf.shape[1:]), leaf.dtype) for leaf in like]
        counts = np.empty(steps, like.weights.dtype)
        for i in range(steps):
            counts[i] = self._fill([leaf[i] for leaf in block], first + i)
        return Stack(Batch(*block), counts)

    def close(self) -> None:
        """Let go of files."""
        self._reader.close()
        self._window = self._kept = None

    def _fill(self, batch: list[np.ndarray], step: int) -> int:
        """Put a step's rows in their places; the number of them."""
        number, place = divmod(step, self.batches)
        begin, stop = self._edge(place), self._edge(place + 1)
        at = begin
        while at < stop:
            window = self._window_at(number, at)
            until = min(stop, window.stop)
            rows = window.order[at - window.start : until - window.start]
            for source, target in zip(window.rows, batch, strict=True):
                np.take(source, rows, 0, out=target[at - begin : until - begin], mode="clip")
            at = until
        inputs, targets, weights = batch
        for leaf, padding in ((inputs, inputs[0]), (targets, targets[0]), (weights, 0.0)):
            leaf[stop - begin :] = padding
        return stop - begin

    def _edge(self, place: int) -> int:
        whole, rest = divmod(self._rows, self.batches)
        return place * whole + min(place, rest)

    def _window_at(self, epoch: int, position: int) -> _Window:
        window = self._window
        if window is not None and window.number == epoch and window.start <= position < window.stop:
            return window
        self._window = None  # so that two are never held
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._order.epoch(epoch)
        order = self._epoch[1]
        place = order.window_at(position)
        pieces = order.slices(place)
        if self._stop.is_set():
            raise Stopped
        rows = self._kept
        if rows is None:
            rows = tuple(map(np.asarray, self._streamed.rows_of(self._reader, pieces)))
        self._kept = rows if self._keeps else None
        start, stop = (int(edge) for edge in order.edges[place : place + 2])
        self._window = _Window(epoch, start, stop, rows, order.permutation(place))
        return self._window
