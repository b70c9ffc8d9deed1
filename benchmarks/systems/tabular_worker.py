"""What the workers of `tabular.py` share. Needs only NumPy, for each has its own environment.

    python tabular_SYSTEM.py VARIANT ROWS.npz FOLDER FOLD...

fits the training rows of each fold and writes what it answers about the others to FOLDER/FOLD.npz.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

LEVEL = 0.9


class Fold(NamedTuple):
    """Rows to learn from, and rows to answer about."""

    task: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    seed: int


Answer = dict[str, np.ndarray]  # probabilities; or mean, log_density of y_test, lower and upper


def main(answer: Callable[[str, Fold], Answer]) -> None:
    variant, rows, folder, *numbers = sys.argv[1:]
    warnings.simplefilter("ignore")
    with np.load(rows) as found:
        task, X, y, held_out = (found[name] for name in ("task", "X", "y", "held_out"))
    for number in map(int, numbers):
        test = held_out[number]
        fold = Fold(str(task), X[~test], y[~test], X[test], y[test], number)
        begun = time.perf_counter()
        arrays = answer(variant, fold)
        seconds = time.perf_counter() - begun
        first = number == int(numbers[0])
        _write(Path(folder) / f"{number}.npz", arrays | {"seconds": seconds, "first": first})
        print(f"fold {number}: {seconds:.1f} s", flush=True)


def normal(mean: np.ndarray, sd: np.ndarray | float, y: np.ndarray) -> Answer:
    """The answer of a normal distribution for each row."""
    sd = np.broadcast_to(sd, mean.shape)
    density = -0.5 * ((y - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
    reach = 1.6448536269514722 * sd  # 90% of a normal distribution
    return {"mean": mean, "log_density": density, "lower": mean - reach, "upper": mean + reach}


def _write(path: Path, arrays: dict) -> None:
    """Beside, then renamed: a file that is there is whole."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    with open(beside, "wb") as file:
        np.savez(file, **arrays)
    os.replace(beside, path)
