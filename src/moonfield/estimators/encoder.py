"""What is learned of a table before the fit: scales, levels, which values were missing."""

import collections
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .columns import Columns

_LARGEST = 1e6  # standardised numbers beyond it are cut: far outside the training rows, in float32
_MOST_LEVELS = 100  # of a categorical column that get an input; rarer ones count as unseen
_CONSTANT = 1e-10  # an sd below this share of a column's size is rounding, not variation


class Scales(NamedTuple):
    """Centres and sds of some columns, float64; where nothing varies the sd is infinite."""

    centre: np.ndarray
    sd: np.ndarray

    def standardise(self, values: np.ndarray) -> np.ndarray:
        """`(values - centre) / sd`, 0 in constant columns, within +-1e6."""
        with np.errstate(over="ignore", invalid="ignore"):
            found = (values - self.centre) / self.sd
        found = np.where(np.isinf(self.sd) & ~np.isnan(values), 0.0, found)
        return np.clip(found, -_LARGEST, _LARGEST)


class Encoder(NamedTuple):
    """Columns -> standardised numbers, missing-value indicators, one-hot levels.

    A missing number becomes the column's mean beside an indicator; an unseen level is all zeros.
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
        """The network's inputs (rows, inputs), float64; inputs is 1 or more."""
        numbers = self.scales.standardise(columns.numbers)
        absent = np.isnan(columns.numbers)
        parts = [np.where(absent, 0.0, numbers), absent[:, list(self.indicated)].astype(float)]
        for known, found in zip(self.levels, columns.levels, strict=True):
            parts.append(_one_hot(known, found))
        return np.concatenate(parts, axis=1)


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
    there = ~np.isnan(values)
    size = np.max(np.abs(values), axis=0, initial=0.0, where=there)
    size = np.where(size > 0.0, size, 1.0)
    small = values / size  # so that no square overflows
    weight = there * (np.ones(len(values)) if weights is None else weights)[:, None]
    total = np.maximum(weight.sum(axis=0), np.finfo(float).tiny)
    small = np.where(there, small, 0.0)
    mean = (weight * small).sum(axis=0) / total
    sd = np.sqrt((weight * (small - mean) ** 2).sum(axis=0) / total)
    sd = np.where(sd > _CONSTANT, sd, np.inf)
    return Scales(mean * size, sd * size)


def _frequent(found: np.ndarray) -> tuple[str, ...]:
    """The levels of a column, at most the 100 most frequent ones, sorted."""
    counts = collections.Counter(sorted(found.tolist()))
    return tuple(sorted(level for level, _ in counts.most_common(_MOST_LEVELS)))


def _one_hot(known: tuple[str, ...], found: np.ndarray) -> np.ndarray:
    """(rows, levels): 1 where a row has the level; all zeros for a level that is not known."""
    place = {level: i for i, level in enumerate(known)}
    index = np.array([place.get(level, -1) for level in found], dtype=int)
    encoded = np.zeros((len(found), len(known)))
    seen = index >= 0
    encoded[np.flatnonzero(seen), index[seen]] = 1.0
    return encoded
