"""What tells one fit from another: everything that its result depends on."""

from collections.abc import Mapping
from typing import Any

import jax
import optax

from .._core.digests import digest
from .._core.trees import default_float
from ..data import Dataset, Streamed
from ..inference import Devices
from ..io import library_versions, one_line
from .posterior import Posterior

_SOME = 1_000
_DIGESTS = ("model", "method", "data", "start", "sampler")


def fingerprint(job: Any, steps: int | None, restarts: int) -> dict[str, Any]:
    """Plain values, the same in every process that makes the same call of `fit`.

    Several processes of one fit have rows of their own, which are therefore not looked at.
    """
    alone = jax.process_count() == 1
    versions = {**library_versions(), "optax": optax.__version__}
    versions["python"] = versions["python"].rpartition(".")[0]
    return {
        "model": digest(job.model),
        "method": digest(job.method),
        "data": digest(_rows(job.rows)) if alone else None,
        "start": digest(_start(job.posterior, job.location)),
        "sampler": digest([type(job.sampler), getattr(job.sampler, "__dict__", None)]),
        "number of rows": job.rows.rows if alone else None,
        "number of steps": steps,
        "batch size": job.batch_size,
        "number of restarts": restarts,
        "number of processes": jax.process_count(),
        "devices": _devices(job.devices),
        "seed": job.seed,
        "number type": str(default_float()),
        "random generator": _generator(),
        "backend": jax.default_backend(),
        **{f"version of {name}": version for name, version in versions.items()},
    }


def difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """In words, what makes a checkpoint's fit another one."""
    for name, value in ours.items():
        if name not in theirs or theirs[name] != value:
            if name in _DIGESTS:
                return f"its {name} is another"
            return f"its {name} is {one_line(repr(theirs.get(name)))}, here {value!r}"
    return "it says more of itself"


def _rows(rows: Dataset | Streamed) -> Any:
    """What tells rows from others: all of them, or of a stream its parts and some rows."""
    if isinstance(rows, Dataset):
        return rows
    stream = rows.stream
    return stream.parts, stream.columns, stream.buffer, rows.some(_SOME)


def _devices(devices: Devices | None) -> str | None:
    """Sums over rows are rounded in another way on other devices."""
    return devices and f"{devices.placement.mesh.size} by {devices.placement.axis}"


def _start(posterior: Posterior | None, location: Any) -> Any:
    if posterior is None:
        return location
    steps = posterior.diagnostics.steps_in_all
    return posterior.approximation, posterior.model.coordinates, steps


def _generator() -> str:
    config: Any = jax.config
    return f"{config.jax_default_prng_impl} {config.jax_threefry_partitionable}"
