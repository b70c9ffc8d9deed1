"""What is learned of a table before the fit: scales, levels, which values were missing."""

import collections
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .._core.trees import default_float
from .columns import Columns

LARGEST = 1e6  # standardised numbers beyond it are cut: far outside the training rows, in float32
MOST_LEVELS = 100  # of a categorical column that get an input; rarer ones count as unseen
_CONSTANT = 1e-10  # an sd below this share of a column's size is rounding, not variation


class Scales(NamedTuple):
    """Centres and sds of some columns, float64; where nothing varies the sd is infinite."""

    centre: np.ndarray
    sd: np.ndarray

    def column(self, place: int, values: np.ndarray) -> np.ndarray:
        """`(values - centre) / sd` of one column within +-1e6; 0 if constant or missing."""
        if np.isinf(self.sd[place]):
            return np.zeros_like(values)
        with np.errstate(over="ignore", invalid="ignore"):
            found = (values - self.centre[place]) / self.sd[place]
        return np.where(np.isnan(values), 0.0, np.clip(found, -LARGEST, LARGEST))


class Encoder(NamedTuple):
    """Columns -> standardised numbers, missing-value indicators, one-hot levels.

    A missing number becomes the column's mean beside an indicator; an unseen level is all zeros,
    and so is one that is not among the 100 most frequent of its column.
    """

    categorical: tuple[int, ...]  # positions among all columns
    scales: Scales
    indicated: tuple[int, ...]  # numeric columns with an indicator
    levels: tuple[tuple[str, ...], ...]  # of each categorical column, sorted

    @property
    def inputs(self) -> int:
        """How many numbers a row becomes."""
        return len(self.scales.sd) + len(self.indicated) + sum(map(len, self.levels))

    def encode(self, columns: Columns) -> np.ndarray:
        """The network's inputs (rows, inputs), of JAX's default type; inputs is 1 or more."""
        count = len(self.scales.sd)
        encoded = np.empty((len(columns.numbers), self.inputs), default_float())
        for place in range(count):  # one at a time: a table may be most of the memory
            encoded[:, place] = self.scales.column(place, columns.numbers[:, place])
        for place, column in enumerate(self.indicated, count):
            encoded[:, place] = np.isnan(columns.numbers[:, column])
        begin = count + len(self.indicated)
        for known, found in zip(self.levels, columns.levels, strict=True):
            encoded[:, begin : begin + len(known)] = _one_hot(known, found)
            begin += len(known)
        return encoded

    def left_out(self, columns: Columns) -> Iterator[tuple[int, int, float]]:
        """Columns of which levels have no input: place, number of levels, share of such rows."""
        for place, known, found in zip(self.categorical, self.levels, columns.levels, strict=True):
            every = set(found.tolist())
            if len(every) > len(known):
                yield place, len(every), float(np.mean(~np.isin(found.astype(str), known)))


def learn(
    columns: Columns, categorical: Sequence[int], missing: bool, weights: np.ndarray | None
) -> Encoder:
    """The encoder of training rows; scales count rows by their weights."""
    indicated = np.flatnonzero(np.isnan(columns.numbers).any(axis=0)) if missing else []
    levels = tuple(_frequent(found) for found in columns.levels)
    return Encoder(
        tuple(categorical),
        scales_of(columns.numbers, weights),
        tuple(int(place) for place in indicated),
        levels,
    )


def scales_of(values: np.ndarray, weights: np.ndarray | None = None) -> Scales:
    """Weighted means and sds of columns (rows, columns) without their NaNs, at any size."""
    found = [_scale(column, weights) for column in values.T]
    centre, sd = np.array(found, np.float64).reshape(-1, 2).T
    return Scales(centre, sd)


def _scale(values: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    there = ~np.isnan(values)
    size = np.max(np.abs(values), initial=0.0, where=there) or 1.0
    small = np.where(there, values, 0.0) / size  # so that no square overflows
    weight = there * (1.0 if weights is None else weights)
    total = max(weight.sum(), np.finfo(float).tiny)
    mean = (weight * small).sum() / total
    sd = np.sqrt((weight * (small - mean) ** 2).sum() / total)
    return mean * size, sd * size if sd > _CONSTANT else np.inf


def _frequent(found: np.ndarray) -> tuple[str, ...]:
    """The levels of a column, at most the 100 most frequent ones, sorted."""
    counts = collections.Counter(sorted(found.tolist()))
    return tuple(sorted(level for level, _ in counts.most_common(MOST_LEVELS)))


def _one_hot(known: tuple[str, ...], found: np.ndarray) -> np.ndarray:
    """(rows, levels): 1 where a row has the level; all zeros for a level that is not known."""
    place = {level: i for i, level in enumerate(known)}
    index = np.array([place.get(level, -1) for level in found], dtype=int)
    encoded = np.zeros((len(found), len(known)))
    seen = index >= 0
    encoded[np.flatnonzero(seen), index[seen]] = 1.0
    return encoded
