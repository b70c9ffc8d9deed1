"""The same numbers on an accelerator as on the CPU: `make test-gpu`, where JAX sees one."""

from pathlib import Path

import jax
import numpy as np
import pytest

import moonfield as mf
from tests.helpers import Split, moons_model, posterior_at
from tests.unit.posterior.test_export import loader

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        jax.default_backend() == "cpu", reason="JAX sees no accelerator: pip install .[cuda]"
    ),
]
ROUNDING = 5e-3  # of matrix products in tensor cores, which keep ten bits of a mantissa


def fit(moons: Split) -> mf.Posterior:
    return mf.fit(moons_model(), moons.X, moons.y, method="advi", steps=5_000, seed=0)


def on_the_cpu() -> jax.Device:
    return jax.devices("cpu")[0]


def test_the_elbo_of_the_moons_is_that_of_the_cpu(moons: Split) -> None:
    there = fit(moons)
    with jax.default_device(on_the_cpu()):
        here = fit(moons)
    ours, theirs = there.diagnostics, here.diagnostics
    error = float(np.hypot(ours.elbo_se, theirs.elbo_se))
    assert 0.0 < error < 3.0
    assert abs(ours.elbo - theirs.elbo) < 4.0 * error


def test_predictions_are_those_of_the_cpu(moons: Split) -> None:
    mean = np.random.default_rng(0).normal(size=40)
    there = posterior_at(moons_model(), mean, 0.3).predict(moons.X_test)
    with jax.default_device(on_the_cpu()):
        here = posterior_at(moons_model(), mean, 0.3).predict(moons.X_test)
        np.testing.assert_allclose(there.mean, here.mean, atol=ROUNDING)
        np.testing.assert_allclose(there.epistemic, here.epistemic, atol=ROUNDING)


def test_an_artefact_written_on_the_cpu_runs_there(moons: Split, tmp_path: Path) -> None:
    mean = np.random.default_rng(0).normal(size=40)
    with jax.default_device(on_the_cpu()):
        posterior = posterior_at(moons_model(), mean, 0.3)
        posterior.export(tmp_path / "moons.npz")
        wanted = np.asarray(posterior.predict(moons.X_test).mean)
    predict, _ = loader()(tmp_path / "moons.npz")
    found = predict(moons.X_test)["mean"]
    assert {device.platform for device in found.devices()} == {jax.default_backend()}
    np.testing.assert_allclose(found, wanted, atol=ROUNDING)
