"""Artefacts, served without Moonfield."""

from pathlib import Path

import harness
import jax
import numpy as np
import serving
from jax import export


def load(path: Path) -> serving.Predict:
    with np.load(path.with_suffix(".npz")) as file:
        call = jax.jit(export.deserialize(bytearray(file["program"])).call)
        draws = jax.device_put(file["draws"])

    def predict(rows: np.ndarray) -> list[np.ndarray]:
        found = call(draws, rows)
        return [np.asarray(found[field]) for field in serving.FIELDS]

    return predict


def serve(job: harness.Job) -> dict:
    return serving.times(job, load)


if __name__ == "__main__":
    harness.main({"serve": serve})
