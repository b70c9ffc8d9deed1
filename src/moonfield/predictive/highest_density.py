"""The smallest sets that hold a target with a given probability."""

import numpy as np
from jaxtyping import Bool, Float, PyTree

from .cumulative import Cdf, cdfs
from .mixture import quantile_of
from .stream import Source

_CELLS = 512
_COARSE = 4 / _CELLS  # probability in one cell, from which on it is cut finer
_ULPS = 8  # width of a cell that is not cut: rounding would make gaps
_ROUNDS = 6  # of cutting finer, at most
_MANY = 100  # cells in use, from which on their masses are smoothed
_LEFT_OUT = 0.02  # of what lies outside the set: beyond the cells, half on either side


def highest_density(
    source: Source, inputs: PyTree, draws: int, level: float, mean: np.ndarray, sd: np.ndarray
) -> Float[np.ndarray, "rows intervals 2"]:
    """Each row's highest-density set as disjoint ascending intervals, padded with NaN.

    The range between two extreme quantiles is cut into 512 cells (of whole numbers each for
    counts), narrower where the target is; the densest are taken until they hold `level` (Hyndman,
    1996, "Computing and graphing highest density regions", The American Statistician 50).
    """
    rounding, discrete = float(np.finfo(mean.dtype).eps), source.model.discrete
    tail = max(0.5 * _LEFT_OUT * (1.0 - level), 2.0 * rounding)
    sets: list[np.ndarray] = []
    for rows, cdf in cdfs(source, inputs, draws):
        moments = mean[rows], sd[rows]
        low, high = (quantile_of(cdf, q, *moments, discrete) for q in (tail, 1.0 - tail))
        edges = _edges(low, high, discrete).astype(mean.dtype)  # as the cdf sees them
        masses = _masses(cdf, edges)
        for _ in range(_ROUNDS):
            coarse = _coarse(masses, edges, discrete)
            if not coarse.any():
                break
            edges[coarse] = _refined(masses[coarse], edges[coarse], discrete)
            masses = _masses(cdf, edges)
        sets += _densest(masses, edges, level)
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


def _coarse(masses: np.ndarray, edges: np.ndarray, discrete: bool) -> Bool[np.ndarray, " rows"]:
    """Rows with much in one cell, unless that is one whole number."""
    least = _ULPS * np.spacing(np.abs(edges).max(axis=1, keepdims=True))
    divisible = np.diff(edges, axis=1) > np.maximum(least, float(discrete))
    return np.any((masses > _COARSE) & divisible, axis=1)


def _refined(masses: np.ndarray, edges: np.ndarray, discrete: bool) -> np.ndarray:
    """As many cells, half of them by mass; some are empty where whole numbers have run out."""
    even = np.linspace(0.0, 1.0, _CELLS + 1)
    held = np.cumsum(np.maximum(masses, 0.0), axis=1)
    places = 0.5 * (np.pad(held / held[:, -1:], ((0, 0), (1, 0))) + even)
    finer = [np.interp(even, place, edge) for place, edge in zip(places, edges, strict=True)]
    return np.rint(finer) if discrete else np.stack(finer)


def _densest(masses: np.ndarray, edges: np.ndarray, level: float) -> list[np.ndarray]:
    """The intervals that the densest cells make, of each row."""
    order = np.argsort(-_densities(masses, np.diff(edges, axis=1)), axis=1, kind="stable")
    held = np.cumsum(np.take_along_axis(masses, order, axis=1), axis=1)
    needed = 1 + (held < level).sum(axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(masses.shape[1])[None], axis=1)
    taken = rank < needed[:, None]
    return [_intervals(cells, edge) for cells, edge in zip(taken, edges, strict=True)]


def _densities(masses: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Over five cells, where many are in use: rounding errors of a cdf make no gaps then."""
    many = (masses > 0.0).sum(axis=1, keepdims=True) > _MANY
    mass, width = np.where(many, _sums(masses), masses), np.where(many, _sums(widths), widths)
    return mass / np.maximum(width, np.finfo(width.dtype).tiny)


def _sums(values: np.ndarray) -> np.ndarray:
    """Of each and two on either side."""
    padded = np.pad(values, ((0, 0), (2, 2)))
    return np.lib.stride_tricks.sliding_window_view(padded, 5, axis=1).sum(axis=-1)


def _intervals(cells: Bool[np.ndarray, " cells"], edges: np.ndarray) -> np.ndarray:
    """Runs of taken cells, (intervals, 2)."""
    wide = np.diff(edges) > 0.0
    cells, edges = cells[wide], edges[np.append(True, wide)]
    change = np.diff(cells.astype(int), prepend=0, append=0)
    return np.stack([edges[change == 1], edges[change == -1]], axis=1)
