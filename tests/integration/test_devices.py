"""One device or several: the same fit but for the order of sums."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import moonfield as mf
from tests.helpers import Split

from .fits import digest

ROOT = Path(__file__).parents[2]
QUICKLY = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def on_devices(*arguments: str) -> dict[str, list[dict[str, Any]]]:
    """What fits on 1, 2 and 4 devices of a process of their own say, by name."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.integration.on_devices", *arguments],
        env={**os.environ, **QUICKLY, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        told = json.loads(line)
        found.setdefault(told["name"], []).append(told)
    return found


def differences(fits: list[dict[str, Any]], steps: int = 200) -> np.ndarray:
    """The largest relative difference from one device over the first steps, by devices."""
    one, *others = (np.array(fit["trace"][:steps]) for fit in fits)
    return np.array([np.max(np.abs(other - one) / np.abs(one)) for other in others])


@pytest.mark.slow
def test_one_two_and_four_devices_agree_in_float32() -> None:
    fits = on_devices("float32", "batches")["batches"]
    assert [fit["devices"] for fit in fits] == [None, 2, 4]
    assert (differences(fits) < 1e-4).all()
    one = fits[0]
    assert all(abs(fit["elbo"] - one["elbo"]) < one["error"] for fit in fits)
    assert [fit["words"] > 0 for fit in fits] == [False, True, True]


@pytest.mark.slow
def test_one_two_and_four_devices_agree_in_float64() -> None:
    names = "all rows", "restarts", "uneven restarts", "members", "encoder", "sampler", "start"
    names += "late noise", "late noise, restarts", "late noise, members"
    found = on_devices("float64", *names)
    assert set(found) == set(names)
    for name, fits in found.items():
        assert (differences(fits, steps=1_000) < 1e-9).all(), name
    # Restarts that can be dealt out speak to nobody; others see rows that are split.
    assert [fit["words"] for fit in found["restarts"]] == [0, 0, 0]
    assert all(fit["words"] > 0 for fit in found["uneven restarts"][1:])


def test_the_default_device_is_the_default(model: mf.BayesianNetwork, moons: Split) -> None:
    options = {"steps": 20, "batch_size": 50, "seed": 3}
    plain = mf.fit(model, moons.X, moons.y, **options)
    for devices in (1, jax.devices()[:1]):
        asked = mf.fit(model, moons.X, moons.y, devices=devices, **options)
        assert digest(asked) == digest(plain)


BAD_DEVICES = [
    (0, "devices must lie between 1 and 1 "),
    (2, r"devices must lie between 1 and 1 \(cpu\), got 2.*xla_force_host_platform_device_count"),
    ("gpu", "devices must be a number, 'all' or devices of JAX, got 'gpu'"),
    (1.5, "devices must be a number, 'all' or devices of JAX, got 1.5"),
    (True, "devices must be a number"),
    ([], "devices is empty"),
    ([0], r"devices must be a number, 'all' or devices of JAX, got \[0\]"),
]


@pytest.mark.parametrize(("devices", "message"), BAD_DEVICES, ids=str)
def test_bad_devices(
    model: mf.BayesianNetwork, moons: Split, devices: Any, message: str, wrong_types: None
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        mf.fit(model, moons.X, moons.y, steps=1, devices=devices)
    device = jax.devices()[0]
    with pytest.raises(ValueError, match="the same device twice"):
        mf.fit(model, moons.X, moons.y, steps=1, devices=[device, device])


def test_methods_with_loops_of_their_own_take_no_devices(
    model: mf.BayesianNetwork, moons: Split
) -> None:
    with pytest.raises(ValueError, match="devices is not for method 'laplace'"):
        mf.fit(model, moons.X, moons.y, method="laplace", devices="all")
