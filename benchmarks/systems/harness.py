"""What every system's program does alike: read the arrays, do one task, write the result as JSON.

PROGRAM TASK DATA OUT [--repeats N] [--steps N]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LEARNING_RATE = 1e-2
STEPS = 30_000
BATCH_STEPS = 40_000
BATCH_SIZE = 50
DRAWS = 500
TAIL = 1000


@dataclass(frozen=True)
class Job:
    """The arrays (stacked splits and the grid) and the options of a task."""

    data: Mapping[str, np.ndarray]
    repeats: int
    steps: int

    def train(self, split: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(rows, 2) float32 and (rows,) 0 and 1 of one split."""
        return self.data["X_train"][split], self.data["y_train"][split]

    @property
    def splits(self) -> range:
        return range(len(self.data["X_train"]))


def main(tasks: Mapping[str, Callable[[Job], dict[str, Any]]]) -> None:
    """Do the task that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=tasks)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=STEPS)
    args = parser.parse_args()
    with np.load(args.data) as file:
        data = {name: file[name] for name in file}
    result = tasks[args.task](Job(data, args.repeats, args.steps))
    args.out.write_text(json.dumps(result))


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what the call returned."""
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def repeated(call: Callable[[int], Any], repeats: int) -> dict[str, Any]:
    """Seconds of the first call, and of `repeats` later ones; each gets its number as seed."""
    first, _ = timed(lambda: call(0))
    again = [timed(lambda seed=seed: call(seed))[0] for seed in range(1, repeats + 1)]
    return {"first": first, "again": again, "median": statistics.median(again)}


def fits(fit: Callable[[int, int], np.ndarray], steps: int, repeats: int) -> dict[str, Any]:
    """Times of `fit(steps, seed) -> ELBO of each step`, with what a fit costs beside its steps.

    `one_step` is a second fit of a single step: what is built and compiled anew in each fit.
    """
    elbos = []
    result = repeated(lambda seed: elbos.append(fit(steps, seed)), repeats)
    result["elbo"] = statistics.median(float(np.mean(elbo[-TAIL:])) for elbo in elbos)
    fit(1, 0)
    result["one_step"], _ = timed(lambda: fit(1, 1))
    return result


def exported(mean: list[np.ndarray], sd: list[np.ndarray]) -> dict[str, list[float]]:
    """Mean and sd of the 40 weights, each layer's matrix (out, in) row by row."""

    def flat(parts: list[np.ndarray]) -> list[float]:
        return np.concatenate([np.ravel(part) for part in parts]).astype(float).tolist()

    return {"mean": flat(mean), "sd": flat(sd)}
