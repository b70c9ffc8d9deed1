"""A fit by several processes: what they must agree on, and what they cannot do together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .._core.trees import split
from ..data import Dataset
from ..inference import AbstractStepping, check_same
from ..model import AbstractBoundProgram, space

if TYPE_CHECKING:
    from .running import Job


def check_across(job: "Job", steps: int | None, restarts: int, callbacks: Sequence) -> None:
    """Before processes run steps together.

    Raises:
        ValueError: they were given different things, or something that needs the rows of all.
    """
    check_same(_described(job, steps, restarts, callbacks))
    if isinstance(job.model, AbstractBoundProgram):
        raise ValueError(
            "A program cannot be fitted by several processes: its coordinates and k-hat need all "
            "rows in one. Give devices of this process, or fit a network."
        )
    if job.sampler is not None:
        raise ValueError(
            "sampler looks at all rows, and every process has only its own. Leave it out."
        )


def _described(job: "Job", steps: int | None, restarts: int, callbacks: Sequence) -> dict[str, Any]:
    rows, size = job.rows, space(job.model).size
    assert isinstance(job.method, AbstractStepping)
    assert isinstance(rows, Dataset)
    started = None if job.posterior is None else job.posterior.approximation
    return {
        "the model": (type(job.model).__name__, space(job.model).shapes),
        "the model's numbers": _bytes(split(job.model)[1]),
        "the shape of a row": [(a.shape[1:], a.dtype) for a in jax.tree.leaves(rows[:2])],
        "whether rows have weights": rows.weights is not None,
        "method": (job.method.name, job.method.noise_shape(size)),
        "the method's numbers": _bytes(split(job.method)[1]),
        "devices": job.devices and job.devices.placement.mesh.size,
        "steps": steps,
        "batch_size": job.batch_size,
        "seed": job.seed,
        "restarts": restarts,
        "start": _bytes(jax.tree.leaves((started, job.location))),
        "whether there are callbacks": len(callbacks) > 0,
    }


def _bytes(arrays: Sequence[Any]) -> list[bytes]:
    """In an order of their own: NumPyro's depends on the hashes of strings in a process."""
    return sorted(np.asarray(array).tobytes() for array in arrays)
