"""What tests of whole fits share."""

import hashlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import moonfield as mf
from moonfield._core import progress
from moonfield.inference import driver


def digest(posterior: mf.Posterior) -> str:
    """A hash of every bit of the variational parameters and of the ELBO."""
    leaves = [*jax.tree.leaves(posterior.approximation.state), posterior.elbo]
    return hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest()


def look_in_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callbacks after every block, however fast it was."""
    monkeypatch.setattr(driver, "_LOOK_IN_SECONDS", 0.0)


def show_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar that is updated whenever the host looks in."""
    monkeypatch.setattr(progress, "_visible", lambda: True)
    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0.0)


def is_finite(tree: Any) -> bool:
    """Whether every number of a tree is finite."""
    return all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(tree))


class CountsCompilations:
    """How many programs JAX compiled while the context was open, from its own log."""

    def __init__(self, caplog: pytest.LogCaptureFixture):
        self._caplog = caplog
        self.names: list[str] = []

    def __enter__(self) -> "CountsCompilations":
        self._caplog.clear()
        self._switch = jax.log_compiles(True)
        self._switch.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._switch.__exit__(*error)
        lines = [record.getMessage() for record in self._caplog.records]
        self.names = [line[:120] for line in lines if line.startswith("Compiling ")]


def run(call: Callable[[], mf.Posterior], caplog: pytest.LogCaptureFixture) -> list[str]:
    """What a call compiles."""
    with CountsCompilations(caplog) as count:
        call()
    return count.names
