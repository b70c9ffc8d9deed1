"""The floor: compiles `systems/floor.c` and runs it."""

import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from environment import BENCHMARKS

FLAGS = ("-O3", "-march=native", "-ffast-math")


def measure(split: dict[str, np.ndarray], steps: int, repeats: int) -> dict[str, Any] | None:
    """Times of full-batch fits after a first one; None where there is no C compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        program, data = Path(folder) / "floor", Path(folder) / "moons.bin"
        source = BENCHMARKS / "systems" / "floor.c"
        subprocess.run([compiler, *FLAGS, "-o", program, source, "-lm"], check=True)
        subprocess.run([program, "--check"], check=True, stdout=subprocess.DEVNULL)
        columns = np.concatenate([split["X_train"].T, split["y_train"][None]]).astype(np.float32)
        data.write_bytes(np.int32(columns.shape[1]).tobytes() + columns.tobytes())
        command = [program, data, str(steps), str(repeats + 1)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [[float(word) for word in line.split()] for line in output.splitlines()]
    seconds = [line[0] for line in lines]
    return {
        "first": seconds[0],
        "again": seconds[1:],
        "median": statistics.median(seconds[1:]),
        "elbo": statistics.median(line[1] for line in lines),
        "compiler": [compiler, *FLAGS],
    }
