"""Fits of rows from files and from memory, in a process of their own: `TASK FOLDER OUT`."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import moonfield_memory

import moonfield as mf

STEPS, BATCH, FITS = 2_000, 1_024, 3


def model() -> mf.BayesianNetwork:
    network = mf.nets.MLP([20, 64, 64, 1])
    return mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal())


def fits(*data: Any) -> dict:
    """Milliseconds a step of three fits after one that compiles.

    From the first step's dispatch to the end: what a stream reads before it is part of that, what
    `mf.fit` does with arrays before it is not.
    """
    it, options = model(), {"method": "advi", "batch_size": BATCH, "progress": False}
    mf.fit(it, *data, steps=500, **options)
    times, whole, elbos = [], [], []
    for seed in range(FITS):
        start = time.perf_counter()
        facts = mf.fit(it, *data, steps=STEPS, seed=seed, **options).diagnostics
        whole.append(time.perf_counter() - start)
        times.append(1e3 * (facts.compile_seconds + facts.run_seconds) / STEPS)
        elbos.append(facts.elbo / facts.rows)
    return {"milliseconds": times, "seconds": whole, "elbos": elbos}


def stream(folder: Path) -> dict:
    return fits(mf.data.parquet(folder, target="y"))


def memory(folder: Path) -> dict:
    import numpy as np
    import pyarrow.parquet

    tables = [pyarrow.parquet.read_table(path) for path in sorted(folder.iterdir())]
    names = [name for name in tables[0].column_names if name != "y"]
    X = np.empty((sum(map(len, tables)), len(names)), np.float32)
    for place, name in enumerate(names):
        np.concatenate([table[name].to_numpy() for table in tables], out=X[:, place])
    y = np.concatenate([table["y"].to_numpy() for table in tables])
    del tables
    return fits(X, y)


def reading(folder: Path) -> dict:
    """The batches of 2,000 steps without any step: a ceiling."""
    import numpy as np

    from moonfield.data import Streamed, first_rows
    from moonfield.data.batcher import Batcher

    rows = mf.data.parquet(folder, target="y")
    streamed = Streamed(rows, (), lambda y: None, first_rows(rows, np.float32, 1))
    batcher = Batcher(streamed, [0], BATCH)
    start = time.perf_counter()
    for first in range(0, STEPS, 250):
        batcher.stack(first, 250)
    return {"milliseconds": [1e3 * (time.perf_counter() - start) / STEPS]}


def main() -> None:
    task, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    found = {"stream": stream, "memory": memory, "reading": reading}[task](folder)
    out.write_text(json.dumps(found | {"peak": moonfield_memory.peak()}))


if __name__ == "__main__":
    main()
