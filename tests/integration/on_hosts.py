"""A program for one of two processes: HOST:PORT, PROCESS, what to do, and a folder.

`together`: fits that must fail or end in both, each told in a line of JSON. `forever`: a fit that
only a signal ends; says "running" when it runs. `kept`: a fit with checkpoints in the folder; says
where it began, and what it found. `apart`: the same, but each process has a folder of its own.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

KEPT_STEPS = 3_000


def together(process: int) -> None:
    import moonfield as mf
    from tests.helpers import moons_model, moons_split

    from .fits import digest

    data = moons_split()
    X, y = (np.array_split(array, [201])[process] for array in (data.X, data.y))

    def fit(X: Any = X, y: Any = y, **options: Any) -> str:
        given = {"steps": 10**7, "batch_size": 50, "progress": False, "devices": "all"}
        posterior = mf.fit(moons_model(), X, y, **given | options)
        assert posterior.data is None
        assert posterior.diagnostics.rows == 500
        return f"{posterior.result.name} {digest(posterior)}"

    def program() -> str:
        normal = mf.Program(normal_program)
        return str(mf.fit(normal, data={"x": X[:, 0]}, devices="all", steps=1))

    def alone() -> str:
        """Different fits at the same time, each on devices of its own."""
        own = {"devices": jax.local_devices(), "seed": process, "steps": 3, "progress": False}
        return str(mf.fit(moons_model(), X, y, **own).diagnostics.rows)

    def interrupts(step: int, posterior: Any) -> None:
        if process == 1:
            os.kill(os.getpid(), signal.SIGINT)

    def fails(step: int, posterior: Any) -> None:
        if process == 1:
            raise ValueError("no disk")

    wrong = np.where(np.arange(len(X))[:, None] == 7, np.nan, X)
    tell(
        {
            "options": lambda: fit(seed=process, steps=5 + process),
            "rows": lambda: fit(X=X if process == 0 else wrong),
            "columns": lambda: fit(X=X, weights=None if process == 0 else np.ones(len(X))),
            "sampler": lambda: fit(sampler=mf.UncertainRows()),
            "alone": alone,
            "callback": lambda: fit(callbacks=[lambda step, posterior: process == 0]),
            "failing callback": lambda: fit(callbacks=[fails]),
            "keyboard": lambda: fit(callbacks=[interrupts]),
            "program": program,
        }
    )


def normal_program(x: Any) -> None:
    import numpyro
    import numpyro.distributions as dist

    mean = numpyro.sample("mean", dist.Normal(0.0, 1.0))
    with numpyro.plate("rows", len(x)):
        numpyro.sample("obs", dist.Normal(mean, 1.0), obs=x)


def tell(cases: dict[str, Callable[[], str]]) -> None:
    for name, case in cases.items():
        try:
            said = case()
        except (RuntimeError, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
        print(json.dumps({"name": name, "said": said}), flush=True)


def forever(process: int) -> None:
    import moonfield as mf
    from tests.helpers import moons_model, moons_split

    def running(step: int, posterior: mf.Posterior) -> None:
        print("running", flush=True)

    data = moons_split()
    X, y = data.X[process::2], data.y[process::2]
    mf.fit(moons_model(), X, y, steps=10**7, devices="all", callbacks=[running])


def kept(process: int, folder: str) -> None:
    import moonfield as mf
    from tests.helpers import moons_model, moons_split

    from .fits import digest

    said = []

    def begins(step: int, posterior: mf.Posterior) -> None:
        if not said:
            said.append(step)
            print(f"begins {step}", flush=True)

    data = moons_split()
    posterior = mf.fit(
        moons_model(), data.X[process::2], data.y[process::2], steps=KEPT_STEPS, batch_size=50,
        devices="all", callbacks=[begins], progress=False,
        checkpoint=mf.Checkpoint(folder, every=KEPT_STEPS // 10),
    )  # fmt: skip
    print(f"{posterior.result.name} {posterior.diagnostics.steps} {digest(posterior)}", flush=True)


def apart(process: int, folder: str) -> None:
    kept(process, os.path.join(folder, str(process)))


def main(address: str, process: int, what: str, *folder: str) -> None:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, 2, process, heartbeat_timeout_seconds=20)
    programs = {"together": together, "forever": forever, "kept": kept, "apart": apart}
    programs[what](process, *folder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
