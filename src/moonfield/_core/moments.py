"""Means and sds of draws that are never held together."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import PyTree

from .trees import named_leaves

_DRAWS, _AT_ONCE = 1_000, 50
_LEAST_SD = 1e-6


def in_parts(draw: Callable[[int, int], PyTree], draws: int, seed: int) -> Iterator[PyTree]:
    """Draws 50 at a time, each time under another seed; `draw(n, seed)` is a tree of n draws."""
    for first in range(0, draws, _AT_ONCE):
        yield draw(min(_AT_ONCE, draws - first), (seed + first) % 2**32)


def streamed_moments(
    draw: Callable[[int, int], PyTree],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Means and sds by path over 1,000 draws, of which 50 are held at a time.

    `draw(n, seed)` is a tree of n draws. An sd is at least 1e-6.
    """
    sums: dict[str, np.ndarray] = {}
    squares: dict[str, np.ndarray] = {}
    for drawn in in_parts(draw, _DRAWS, 0):
        for path, leaf in named_leaves(drawn).items():
            draws = np.asarray(leaf, np.float64)
            sums[path] = sums.get(path, 0.0) + draws.sum(axis=0)
            squares[path] = squares.get(path, 0.0) + (draws**2).sum(axis=0)
    found = {}
    for path, total in sums.items():
        mean = total / _DRAWS
        variance = np.maximum(squares[path] / _DRAWS - mean**2, 0.0)
        found[path] = mean, np.maximum(np.sqrt(variance), _LEAST_SD)
    return found
