"""The same seed gives the same bytes, whatever else happens."""

import os
import subprocess
import sys
from typing import Any

import pytest

import moonfield as mf
from moonfield.inference import driver
from tests.helpers import Split

from .fits import digest, look_in_always, show_the_bar

STEPS = 1_030  # a ragged last block
PROGRAM = """
import moonfield as mf
from tests.helpers import moons_model, moons_split
from tests.integration.fits import digest
data = moons_split()
for batch_size in (None, 50):
    fit = mf.fit(moons_model(), data.X, data.y, steps=1_030, batch_size=batch_size, seed=5)
    print(digest(fit))
print(fit.predict(data.X_test, draws=20).mean.tobytes().hex())
"""

each_batch = pytest.mark.parametrize("batch_size", [None, 50])


def fit(model: mf.BayesianNetwork, moons: Split, **options: Any) -> mf.Posterior:
    return mf.fit(model, moons.X, moons.y, **{"steps": STEPS, "seed": 5, **options})


@each_batch
def test_twice(model: mf.BayesianNetwork, moons: Split, batch_size: int | None) -> None:
    one, same = (fit(model, moons, batch_size=batch_size) for _ in range(2))
    assert digest(one) == digest(same)
    assert one.elbo.shape == (STEPS,)
    assert digest(one) != digest(fit(model, moons, batch_size=batch_size, seed=6))


@each_batch
def test_with_a_visible_bar(
    model: mf.BayesianNetwork, moons: Split, batch_size: int | None,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture,
) -> None:  # fmt: skip
    silent = fit(model, moons, batch_size=batch_size, progress=False)
    show_the_bar(monkeypatch)
    look_in_always(monkeypatch)
    capfd.readouterr()
    shown = fit(model, moons, batch_size=batch_size)
    assert "ELBO" in capfd.readouterr().out
    assert digest(shown) == digest(silent)


@each_batch
@pytest.mark.parametrize("in_flight", [0, 1, 50])
def test_whatever_the_timing(
    model: mf.BayesianNetwork, moons: Split, batch_size: int | None, in_flight: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    usual = fit(model, moons, batch_size=batch_size)
    look_in_always(monkeypatch)
    monkeypatch.setattr(driver, "_IN_FLIGHT", in_flight)
    seen: list[int] = []
    watched = fit(
        model, moons, batch_size=batch_size, callbacks=[lambda step, posterior: seen.append(step)]
    )
    assert digest(watched) == digest(usual)
    assert len(seen) >= 4


@pytest.mark.slow
def test_in_another_process() -> None:
    """Two fresh processes, full batch and minibatch, fit and prediction."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", PROGRAM]
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs[0][1].decode()[-2_000:]
    assert outputs[0][0] == outputs[1][0]
    lines = outputs[0][0].decode().split()
    assert len(set(lines)) == 3


def test_a_callback_and_a_bar_do_not_even_change_what_is_returned(
    model: mf.BayesianNetwork, moons: Split
) -> None:
    one = fit(model, moons, callbacks=[mf.Tracker(result=lambda posterior: posterior.result)])
    other = fit(model, moons)
    assert one.diagnostics.elbo == other.diagnostics.elbo
    assert one.result is other.result
