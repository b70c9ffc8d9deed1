"""In which order the rows of a stream come: a function of seed and epoch alone.

Parts are dealt at random into a few lanes, and each lane is read from its beginning to its end. A
window takes its share of every lane, and its rows are permuted; so a window mixes rows of several
distant places, any window can be reached directly, and reading goes forward within parts.
"""

import math
from collections.abc import Sequence

import numpy as np

from .stream import Slice, slices

_PLACES = 8  # distant places that a window's rows come from, where there are so many parts


class Order:
    """The orders of all epochs.

    Args:
        parts: rows of each part.
        window: rows that are permuted among one another, about.
        words: random numbers that the orders follow from; None for the source's own order.
    """

    def __init__(self, parts: Sequence[int], window: int, words: Sequence[int] | None):
        self._parts = np.asarray(parts, np.int64)
        self._words = None if words is None else [int(word) for word in words]
        self.rows = int(self._parts.sum())
        window = min(self.rows, window)
        self.windows = -(-self.rows // window)
        wanted = 1 if words is None else math.ceil(_PLACES * self._parts.mean() / window)
        self._lanes = max(1, min(wanted, _PLACES, len(self._parts)))

    def epoch(self, number: int) -> "Epoch":
        """The order of one epoch."""
        words = None if self._words is None else [*self._words, number]
        order = _permutation(len(self._parts), words, 0)
        lanes = [order[lane :: self._lanes] for lane in range(self._lanes)]
        return Epoch(self._parts, lanes, self.windows, words)


class Epoch:
    """The windows of one epoch.

    Attributes:
        edges: (windows + 1,) positions where windows begin, and the number of rows.
    """

    def __init__(
        self, parts: np.ndarray, lanes: list[np.ndarray], windows: int, words: list[int] | None
    ):
        self._parts, self._lanes, self._words = parts, lanes, words
        self._ends = [
            [int(parts[lane].sum()) * window // windows for window in range(windows + 1)]
            for lane in lanes
        ]
        self.edges = np.sum(np.asarray(self._ends, np.int64), axis=0)

    def window_at(self, position: int) -> int:
        """The window that a position of the epoch lies in."""
        return int(np.searchsorted(self.edges, position, side="right")) - 1

    def slices(self, window: int) -> list[Slice]:
        """What to read for a window."""
        found = []
        for lane, ends in zip(self._lanes, self._ends, strict=True):
            found += slices(self._parts, lane, ends[window], ends[window + 1])
        return found

    def permutation(self, window: int) -> np.ndarray:
        """The order of the rows of a window."""
        rows = int(self.edges[window + 1] - self.edges[window])
        return _permutation(rows, self._words, 1 + window)


def _permutation(count: int, words: list[int] | None, purpose: int) -> np.ndarray:
    if words is None:
        return np.arange(count)
    return np.random.default_rng(np.random.SeedSequence([*words, purpose])).permutation(count)
