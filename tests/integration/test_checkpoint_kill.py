"""`kill -9` at random moments: what goes on from the checkpoints ends in the same bytes."""

import json
import multiprocessing
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

import moonfield as mf
from moonfield.io import step_of
from tests.helpers import moons_model, moons_split

from .interruptions import every_chunk, everything, steps_kept

pytestmark = [
    pytest.mark.kill,
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals as POSIX has them"),
]

KILLS = 20
STEPS = 40_000


def fit(folder: Path | None, cache: Path, out: Path) -> None:
    """One process: a fit, and what came of it. A damaged checkpoint would be an error here."""
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    warnings.simplefilter("error", mf.MoonfieldWarning)
    data, checkpoint = moons_split(), None if folder is None else every_chunk(folder)
    begun = time.perf_counter()
    out.with_suffix(".begun").touch()
    posterior = mf.fit(
        moons_model(), data.X, data.y, method="advi", steps=STEPS, batch_size=50, seed=2,
        progress=False, checkpoint=checkpoint,
    )  # fmt: skip
    arrays, restarts, facts = everything(posterior)
    found = [*(array.hex() for array in arrays), restarts.hex(), facts]
    beside = out.with_suffix(".part")
    beside.write_text(json.dumps({"found": found, "seconds": time.perf_counter() - begun}))
    os.replace(beside, out)


class Processes:
    """Fits in processes of their own, forked from one that has imported JAX and not used it."""

    def __init__(self, folder: Path):
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._folder, self._count = folder, 0

    def start(self, run: Path | None) -> tuple[multiprocessing.process.BaseProcess, Path]:
        self._count += 1
        out = self._folder / f"{self._count}.json"
        process = self._context.Process(target=fit, args=(run, self._folder / "cache", out))
        process.start()
        return process, out

    def ended(self, run: Path | None) -> dict:
        process, out = self.start(run)
        process.join()
        assert process.exitcode == 0
        return json.loads(out.read_text())

    def killed(self, run: Path, seconds: float) -> bool:
        """Whether it was still running so many seconds after its fit began."""
        process, out = self.start(run)
        while not out.with_suffix(".begun").exists():
            time.sleep(0.001)
        time.sleep(seconds)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        return not out.exists()


def test_every_resumed_fit_is_the_one_that_nobody_killed(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    whole = processes.ended(None)
    timed = processes.ended(tmp_path / "timed")
    assert timed["found"] == whole["found"]
    moments = np.random.default_rng(0).uniform(0.0, timed["seconds"], KILLS)
    killed, reached, half = [], [], 0
    for i, moment in enumerate(moments):
        run = tmp_path / f"run-{i}"
        killed.append(processes.killed(run, moment))
        reached.append(max((step_of(path) for path in run.glob("checkpoint-*")), default=0))
        half += any(run.glob(".*.part"))
        assert processes.ended(run)["found"] == whole["found"], (moment, reached[-1])
        assert steps_kept(run)[0] == STEPS
        assert not any(run.glob(".*.part"))
    print(f"killed {sum(killed)} of {KILLS}, {half} of them while writing, after {sorted(reached)}")
    assert sum(killed) >= KILLS // 2
    assert len({steps for steps in reached if 0 < steps < STEPS}) >= KILLS // 3
