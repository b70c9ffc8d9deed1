"""Fits that are interrupted, and whether two fits are the same."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

import moonfield as mf

Fit = Callable[..., mf.Posterior]
TIMES = {"compile_seconds": 0.0, "run_seconds": 0.0}


class Died(Exception):
    """What ends a fit without it being asked."""


def die_at(step: int, how: type[BaseException] = Died) -> Callable[[int, mf.Posterior], None]:
    """A callback that raises from this step on."""

    def callback(done: int, posterior: mf.Posterior) -> None:
        if done >= step:
            raise how

    return callback


def every_chunk(folder: Path, keep: int = 3) -> mf.Checkpoint:
    """A checkpoint as often as there can be one."""
    return mf.Checkpoint(folder, every=1, keep=keep)


def interrupted(fit: Fit, folder: Path, *moments: int) -> mf.Posterior:
    """A fit that died after so many steps, each time from where it was, and then ended."""
    for moment in moments:
        try:
            fit(checkpoint=every_chunk(folder), callbacks=[die_at(moment)])
        except Died:
            assert steps_kept(folder)[0] <= moment + 250
        else:
            raise AssertionError("it ended before")
    return fit(checkpoint=every_chunk(folder))


def steps_kept(folder: Path) -> list[int]:
    """The steps of the checkpoints in a folder, most first."""
    return sorted((int(path.stem.split("-")[-1]) for path in folder.iterdir()), reverse=True)


def everything(posterior: mf.Posterior) -> Any:
    """Every bit of a posterior but for times."""
    leaves = jax.tree.leaves(posterior.approximation)
    arrays = [np.asarray(leaf).tobytes() for leaf in [*leaves, posterior.elbo]]
    facts = repr(dataclasses.replace(posterior.diagnostics, **TIMES))
    return arrays, posterior.run.parameters.tobytes(), facts
