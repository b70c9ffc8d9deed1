"""The smallest sets that hold a target with a given probability."""

import numpy as np
from jaxtyping import Bool, Float, PyTree

from .cumulative import Cdf, cdfs
from .mixture import quantile_of
from .stream import Source

_CELLS = 512
_MANY = 100  # cells in use, from which on their masses are smoothed
_LEFT_OUT = 0.02  # of what lies outside the set: beyond the cells, half on either side


def highest_density(
    source: Source, inputs: PyTree, draws: int, level: float, mean: np.ndarray, sd: np.ndarray
) -> Float[np.ndarray, "rows intervals 2"]:
    """Each row's highest-density set as disjoint ascending intervals, padded with NaN.

    The range between two extreme quantiles is cut into 512 cells (of whole numbers each for
    counts); the densest are taken until they hold `level` (Hyndman, 1996, "Computing and graphing
    highest density regions", The American Statistician 50).
    """
    tail, discrete = 0.5 * _LEFT_OUT * (1.0 - level), source.model.discrete
    sets: list[np.ndarray] = []
    for rows, cdf in cdfs(source, inputs, draws):
        moments = mean[rows], sd[rows]
        low, high = (quantile_of(cdf, q, *moments, discrete) for q in (tail, 1.0 - tail))
        edges = _edges(low, high, discrete)
        sets += _densest(_masses(cdf, edges), edges, level)
    if discrete:  # cells (a, b] of whole numbers: from a + 1 to b
        sets = [one + np.array([1.0, 0.0]) for one in sets]
    most = max(len(one) for one in sets)
    padded = np.full((len(sets), most, 2), np.nan, mean.dtype)
    for row, one in zip(padded, sets, strict=True):
        row[: len(one)] = one
    return padded


def _edges(low: np.ndarray, high: np.ndarray, discrete: bool) -> np.ndarray:
    """(rows, cells + 1), ascending."""
    steps = np.arange(_CELLS + 1)
    if discrete:
        width = np.maximum(np.ceil((high - low + 1.0) / _CELLS), 1.0)
        return (low - 1.0)[:, None] + width[:, None] * steps
    return low[:, None] + ((high - low) / _CELLS)[:, None] * steps


def _masses(cdf: Cdf, edges: np.ndarray) -> Float[np.ndarray, "rows cells"]:
    return np.diff(np.stack([cdf(edge) for edge in edges.T], axis=1), axis=1)


def _densest(masses: np.ndarray, edges: np.ndarray, level: float) -> list[np.ndarray]:
    """The intervals that the densest cells make, of each row."""
    order = np.argsort(-_smooth(masses), axis=1, kind="stable")
    held = np.cumsum(np.take_along_axis(masses, order, axis=1), axis=1)
    needed = 1 + (held < level).sum(axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(masses.shape[1])[None], axis=1)
    taken = rank < needed[:, None]
    return [_intervals(cells, edge) for cells, edge in zip(taken, edges, strict=True)]


def _smooth(masses: np.ndarray) -> np.ndarray:
    """Means over five cells, where many are in use: rounding errors of a cdf make no gaps then."""
    padded = np.pad(masses, ((0, 0), (2, 2)))
    means = np.lib.stride_tricks.sliding_window_view(padded, 5, axis=1).mean(axis=-1)
    many = (masses > 0.0).sum(axis=1, keepdims=True) > _MANY
    return np.where(many, means, masses)


def _intervals(cells: Bool[np.ndarray, " cells"], edges: np.ndarray) -> np.ndarray:
    """Runs of taken cells, (intervals, 2)."""
    change = np.diff(cells.astype(int), prepend=0, append=0)
    return np.stack([edges[change == 1], edges[change == -1]], axis=1)
