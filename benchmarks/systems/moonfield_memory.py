"""Peak memory of a large prediction, in a process of its own."""

import resource
import sys
from pathlib import Path

import harness
import moonfield_moons
import numpy as np
from harness import DRAWS, Job

ROWS = 1_000_000
FIELDS = ("mean", "sd", "epistemic", "aleatoric")
UNIT = 1e-6 * (1 if sys.platform == "darwin" else 1024)  # megabytes in what getrusage counts


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def resident() -> float:
    """Megabytes now where the system tells, otherwise the peak so far."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return peak()
    return int(statm.read_text().split()[1]) * resource.getpagesize() * 1e-6


def memory(job: Job) -> dict:
    """Growth from after the inputs exist and a small prediction has compiled, less the outputs.

    From what is resident then, not from the peak so far, which compiling may have raised.
    """
    posterior = moonfield_moons.fit(moonfield_moons.build(), job.train(), 1000, 0)
    X = np.random.default_rng(0).standard_normal((ROWS, 2), dtype=np.float32)

    def surfaces(inputs: np.ndarray) -> list[np.ndarray]:
        prediction = posterior.predict(inputs, draws=DRAWS)
        return [np.asarray(getattr(prediction, field)) for field in FIELDS]

    surfaces(job.data["grid"])
    before, peak_before = resident(), peak()
    seconds, arrays = harness.timed(lambda: surfaces(X))
    outputs = sum(array.nbytes for array in arrays) * 1e-6
    return {
        "rows": ROWS,
        "draws": DRAWS,
        "seconds": seconds,
        "inputs": X.nbytes * 1e-6,
        "outputs": outputs,
        "before": before,
        "peak_before": peak_before,
        "peak_after": peak(),
        "growth": peak() - before - outputs,
    }


if __name__ == "__main__":
    harness.main({"memory": memory})
