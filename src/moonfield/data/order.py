"""In which order the rows of a stream come: a function of seed and epoch alone.

Parts are dealt at random into a few lanes, and each lane is read once around, from a random row on.
A window takes its share of every lane, and its rows are permuted; so a window mixes rows of several
distant places, any window can be reached directly, reading goes forward within parts, and each row
is as likely in one place of an epoch as in another.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .stream import Slice, slices

_PLACES = 8  # distant places that a window's rows come from, where there are so many parts


class Order:
    """The orders of all epochs.

    Args:
        parts: rows of each part.
        window: rows that are permuted among one another, about.
        words: random numbers that the orders follow from; None for the source's own order.
        sequential: whether all must be read from the first row on.
    """

    def __init__(
        self,
        parts: Sequence[int],
        window: int,
        words: Sequence[int] | None,
        sequential: bool = False,
    ):
        self._parts = np.asarray(parts, np.int64)
        self._words = None if words is None else [int(word) for word in words]
        self._sequential = sequential
        self.rows = int(self._parts.sum())
        window = min(self.rows, window)
        self.windows = -(-self.rows // window)
        wanted = 1 if words is None else math.ceil(_PLACES * self._parts.mean() / window)
        self._lanes = max(1, min(wanted, _PLACES, len(self._parts)))

    def epoch(self, number: int) -> "Epoch":
        """The order of one epoch."""
        words = None if self._words is None else [*self._words, number]
        if words is None or self.windows == 1:  # permuted as a whole, or not at all
            return Epoch(self._parts, [_Lane(np.arange(len(self._parts)), 0)], self.windows, words)
        rng = _generator(words, 0)
        order = rng.permutation(len(self._parts))
        lanes = []
        for lane in range(self._lanes):
            parts = order[lane :: self._lanes]
            rows = int(self._parts[parts].sum())
            lanes.append(_Lane(parts, 0 if self._sequential else int(rng.integers(rows))))
        return Epoch(self._parts, lanes, self.windows, words)


class _Lane(NamedTuple):
    parts: np.ndarray  # in the order of reading
    first: int  # the row that reading begins at


class Epoch:
    """The windows of one epoch.

    Attributes:
        edges: (windows + 1,) positions where windows begin, and the number of rows.
    """

    def __init__(
        self, parts: np.ndarray, lanes: list[_Lane], windows: int, words: list[int] | None
    ):
        self._parts, self._lanes, self._words = parts, lanes, words
        self._rows = [int(parts[lane.parts].sum()) for lane in lanes]
        self._windows = windows
        shares = np.arange(windows + 1)
        self.edges = np.sum([rows * shares // windows for rows in self._rows], axis=0)

    def window_at(self, position: int) -> int:
        """The window that a position of the epoch lies in."""
        return int(np.searchsorted(self.edges, position, side="right")) - 1

    def slices(self, window: int) -> list[Slice]:
        """What to read for a window."""
        found = []
        for lane, rows in zip(self._lanes, self._rows, strict=True):
            first, stop = (lane.first + rows * (window + i) // self._windows for i in (0, 1))
            for around in (0, rows):  # before and after the lane's last row
                here = max(first - around, 0), min(stop - around, rows)
                found += slices(self._parts, lane.parts, *here)
        return found

    def permutation(self, window: int) -> np.ndarray:
        """The order of the rows of a window."""
        rows = int(self.edges[window + 1] - self.edges[window])
        if self._words is None:
            return np.arange(rows)
        return _generator(self._words, 1 + window).permutation(rows)


def _generator(words: list[int], purpose: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([*words, purpose]))
