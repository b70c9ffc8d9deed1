"""How a server of predictions is timed: what a first answer takes, and each later one."""

import statistics
from collections.abc import Callable
from pathlib import Path

import harness
import numpy as np

FIELDS = ("mean", "sd", "epistemic", "aleatoric")
ROWS = (1, 32, 1_000)
INPUTS = {"moons": 2, "wide": 20}
_SECONDS = 2.0

Predict = Callable[[np.ndarray], list[np.ndarray]]


def place_of(job: harness.Job, name: str) -> Path:
    """Where the files of a network stand, without their suffix."""
    return Path(str(job.data["folder"])) / name


def times(job: harness.Job, load: Callable[[Path], Predict]) -> dict:
    """For each network and number of rows: seconds of loading and a first answer, and of another.

    Also the means of the first row, which systems should agree about.
    """
    return {name: _of_network(place_of(job, name), inputs, load) for name, inputs in INPUTS.items()}


def _of_network(path: Path, inputs: int, load: Callable[[Path], Predict]) -> dict:
    result = {}
    for count in ROWS:
        rows = np.random.default_rng(count).standard_normal((count, inputs), dtype=np.float32)
        first, (predict, found) = harness.timed(lambda rows=rows: _first(load, path, rows))
        again = _repeated(predict, rows)
        answers = {field: float(values[0]) for field, values in zip(FIELDS, found, strict=True)}
        result[str(count)] = {"first": first, "again": statistics.median(again), "row": answers}
    return result


def _repeated(predict: Predict, rows: np.ndarray) -> list[float]:
    """Seconds of calls: for two seconds, but five of them at least."""
    again: list[float] = []
    while sum(again) < _SECONDS or len(again) < 5:
        again.append(harness.timed(lambda: predict(rows))[0])
    return again


def _first(
    load: Callable[[Path], Predict], path: Path, rows: np.ndarray
) -> tuple[Predict, list[np.ndarray]]:
    predict = load(path)
    return predict, predict(rows)
