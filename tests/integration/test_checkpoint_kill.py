"""`kill -9` at random moments: what goes on from the checkpoints ends in the same bytes."""

import json
import multiprocessing
import os
import sys
import time
import warnings
from multiprocessing.process import BaseProcess
from pathlib import Path

import jax
import numpy as np
import pytest

import moonfield as mf
from moonfield.io import step_of
from tests.helpers import linear_model, regression_rows

from .interruptions import every_chunk, everything, steps_kept

pytestmark = [
    pytest.mark.kill,
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals as POSIX has them"),
]

KILLS = 20
STEPS = 25_000
CHUNKS = STEPS // 250


def fit(run: Path | None, out: Path) -> None:
    """A fit, and what came of it."""
    (X, y), model = regression_rows(40, 2), linear_model(2, mf.likelihoods.Normal(0.5))
    begun = time.perf_counter()
    posterior = mf.fit(
        model, X, y, method="advi", steps=STEPS, batch_size=10, seed=2, progress=False,
        checkpoint=None if run is None else every_chunk(run),
    )  # fmt: skip
    arrays, restarts, facts = everything(posterior)
    found = [*(array.hex() for array in arrays), restarts.hex(), facts]
    beside = out.with_suffix(".part")
    beside.write_text(json.dumps({"found": found, "seconds": time.perf_counter() - begun}))
    os.replace(beside, out)


def work(first: Path | None, second: Path | None, cache: Path, out: Path) -> None:
    """One process: a fit, which may go on from an earlier one's checkpoints, and another one.

    A damaged checkpoint would be an error: it never comes to that.
    """
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    warnings.simplefilter("error", mf.MoonfieldWarning)
    fit(first, out / "first.json")
    (out / "begun").touch()
    if second is not None:
        fit(second, out / "second.json")


class Workplace:
    """Processes that are forked from one that has imported JAX and not used it."""

    def __init__(self, folder: Path):
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._folder, self._count = folder, 0

    def start(self, first: Path | None, second: Path | None) -> tuple[BaseProcess, Path]:
        """A process whose first fit has ended."""
        self._count += 1
        out = self._folder / f"out-{self._count}"
        out.mkdir()
        process = self._context.Process(
            target=work, args=(first, second, self._folder / "cache", out)
        )
        process.start()
        while process.is_alive() and not (out / "begun").exists():
            time.sleep(0.001)
        return process, out


def steps_reached(run: Path) -> int:
    """The steps of a run's newest checkpoint."""
    return max((step_of(path) for path in run.glob("checkpoint-*")), default=0)


def test_every_resumed_fit_is_the_one_that_nobody_killed(tmp_path: Path) -> None:
    """Each process goes on with the fit that was killed before, and is killed in the next one.

    A moment is so many steps, and then a while within a chunk: whatever else the machine does.
    """
    workplace = Workplace(tmp_path)
    process, out = workplace.start(None, tmp_path / "timed")
    process.join()
    assert process.exitcode == 0
    whole, timed = (json.loads((out / f"{n}.json").read_text()) for n in ("first", "second"))
    assert timed["found"] == whole["found"]
    killed, reached, halves = [], [], 0
    moments = np.random.default_rng(0).uniform(0.0, 1.0, (KILLS, 2))
    for i, (share, chunk) in enumerate(moments):
        before = tmp_path / f"run-{i - 1}" if i else None
        run = tmp_path / f"run-{i}"
        process, out = workplace.start(before, run)
        assert json.loads((out / "first.json").read_text())["found"] == whole["found"], i
        if before is not None:
            assert not any(before.glob(".*.part"))
            assert steps_kept(before)[0] == STEPS
        while process.is_alive() and steps_reached(run) < share * STEPS:
            time.sleep(0.001)
        time.sleep(chunk * timed["seconds"] / CHUNKS)
        process.kill()  # which may have ended by now
        process.join()
        killed.append(not (out / "second.json").exists())
        reached.append(steps_reached(run))
        halves += any(run.glob(".*.part"))
    process, out = workplace.start(tmp_path / f"run-{KILLS - 1}", None)
    process.join()
    assert json.loads((out / "first.json").read_text())["found"] == whole["found"]
    print(f"killed {sum(killed)} of {KILLS}, {halves} while writing, after {sorted(reached)} steps")
    assert sum(killed) >= KILLS - 4
    assert len({steps for steps in reached if 0 < steps < STEPS}) > KILLS // 2
