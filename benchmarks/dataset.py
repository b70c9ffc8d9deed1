"""The moons: one set of arrays for every system."""

from pathlib import Path

import numpy as np
from sklearn.datasets import make_moons

ROWS = 1000
NAMES = ("X_train", "y_train", "X_test", "y_test")


def split(number: int) -> dict[str, np.ndarray]:
    """A random half to train on and the other to test on, in units of the training half.

    `X_*` are (500, 2) float32, `y_*` (500,) of 0 and 1, int64.
    """
    X, y = make_moons(ROWS, noise=0.2, random_state=0)
    order = np.random.default_rng(number).permutation(ROWS)
    train, test = order[: ROWS // 2], order[ROWS // 2 :]
    X = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
    X = X.astype(np.float32)
    return dict(zip(NAMES, (X[train], y[train], X[test], y[test]), strict=True))


def grid(side: int = 100, reach: float = 3.0) -> np.ndarray:
    """The surface's inputs: (side * side, 2), float32."""
    axis = np.linspace(-reach, reach, side, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def save(path: Path, splits: int, **others: str) -> None:
    """Write the first `splits` splits, stacked on a leading axis, the grid, and others by name."""
    made = [split(number) for number in range(splits)]
    stacked = {name: np.stack([one[name] for one in made]) for name in NAMES}
    np.savez(path, grid=grid(), **stacked, **others)
