"""The sets of rows of `tabular.py`, and which rows are held out in each fold."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

CLASSES = ("breast_cancer", "wine", "digits")
NUMBERS = ("diabetes", "friedman1")
UCI = (
    "boston", "concrete", "energy", "kin8nm", "naval", "power", "protein", "wine", "yacht",
    "airfoil", "bike",
)  # fmt: skip


class Table(NamedTuple):
    """Rows, and which of them each fold holds out."""

    task: str  # "classes" or "numbers"
    X: np.ndarray
    y: np.ndarray
    held_out: np.ndarray  # (folds, rows), bool


def names(data: Path) -> tuple[str, ...]:
    """All sets that are there; those of UCI are called `uci/NAME`."""
    found = (f"uci/{name}" for name in UCI if (data / "uci" / f"{name}.npz").exists())
    return (*CLASSES, *NUMBERS, *found)


def load(name: str, folds: int, data: Path) -> Table:
    if name.startswith("uci/"):
        return _uci(data / f"{name}.npz", folds)
    X, y = _BUILDERS[name]()
    task = "classes" if name in CLASSES else "numbers"
    return Table(task, X, y, _folds(y, folds, stratified=task == "classes"))


def _builders() -> dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]]:
    from sklearn import datasets

    return {
        "breast_cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
        "wine": lambda: datasets.load_wine(return_X_y=True),
        "digits": lambda: datasets.load_digits(return_X_y=True),
        "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
        "friedman1": lambda: datasets.make_friedman1(1_000, noise=1.0, random_state=0),
    }


_BUILDERS = _builders()


def _folds(y: np.ndarray, folds: int, stratified: bool) -> np.ndarray:
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = StratifiedKFold if stratified else KFold
    held_out = np.zeros((folds, len(y)), bool)
    for mask, (_, test) in zip(
        held_out, kind(folds, shuffle=True, random_state=0).split(y[:, None], y), strict=True
    ):
        mask[test] = True
    return held_out


def _uci(path: Path, folds: int) -> Table:
    """Its own splits, the first ones, where it has some."""
    with np.load(path) as found:
        X, y = found["X"], found["y"]
        if "test_index" not in found:
            return Table("numbers", X, y, _folds(y, folds, stratified=False))
        splits = found["test_index"][:folds]
    held_out = np.zeros((len(splits), len(y)), bool)
    for mask, test in zip(held_out, splits, strict=True):
        mask[test] = True
    return Table("numbers", X, y, held_out)
