"""Programs whose parameters differ in scale and are correlated, by ADVI in coordinates."""

import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
import pytest

import moonfield as mf

NOISE_SD = 0.5


def regression(X: Any, y: Any = None) -> None:
    beta = numpyro.sample("beta", dist.Normal(0.0, 1e3).expand([X.shape[1]]).to_event(1))
    with numpyro.plate("rows", X.shape[0]):
        numpyro.sample("y", dist.Normal(X @ beta, NOISE_SD), obs=y)


def rows() -> dict[str, np.ndarray]:
    """Columns of size 1, 100 and 0.01, the last two nearly the same but for their unit."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 80))
    X = np.stack([np.ones(80), 100.0 * a, 0.01 * (a + 0.1 * b)], axis=1)
    return {"X": X, "y": X @ [1.0, 0.02, 30.0] + NOISE_SD * rng.normal(size=80)}


def exact(data: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the posterior."""
    precision = data["X"].T @ data["X"] / NOISE_SD**2 + 1e-6 * np.eye(3)
    return np.linalg.solve(precision, data["X"].T @ data["y"] / NOISE_SD**2), np.linalg.inv(
        precision
    )


def test_full_rank_finds_means_and_covariance() -> None:
    data = rows()
    mean, covariance = exact(data)
    sd = np.sqrt(covariance.diagonal())
    posterior = mf.fit(mf.Program(regression), data=data, method="fullrank_advi")
    draws = np.asarray(posterior.sample(20_000)["beta"], np.float64)
    assert (np.abs(draws.mean(axis=0) - mean) < 0.1 * sd).all()
    error = (np.cov(draws.T) - covariance) / np.outer(sd, sd)
    assert np.abs(error).max() < 0.15
    assert posterior.khat < 0.7


@pytest.mark.filterwarnings("ignore::moonfield.MoonfieldWarning")  # so far from a mean field
def test_mean_field_has_the_sds_that_are_left_given_the_others() -> None:
    data = rows()
    mean, covariance = exact(data)
    posterior = mf.fit(mf.Program(regression), data=data, method="advi")
    draws = np.asarray(posterior.sample(20_000)["beta"], np.float64)
    conditional = np.linalg.inv(covariance).diagonal() ** -0.5
    assert (np.abs(draws.mean(axis=0) - mean) < 0.1 * np.sqrt(covariance.diagonal())).all()
    np.testing.assert_allclose(draws.std(axis=0), conditional, rtol=0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::moonfield.MoonfieldWarning")
def test_a_fit_goes_on_in_the_same_coordinates_and_survives_a_file(tmp_path: pathlib.Path) -> None:
    data = rows()
    first = mf.fit(mf.Program(regression), data=data, method="advi", steps=300)
    again = mf.fit(mf.Program(regression), data=data, method="advi", steps=300, start=first)
    np.testing.assert_array_equal(first.model.coordinates.factor, again.model.coordinates.factor)
    assert again.diagnostics.elbo > first.diagnostics.elbo - 1.0
    own = mf.ADVI(optimizer=optax.adam(1e-4))
    slow = mf.fit(mf.Program(regression), data=data, method=own, steps=10, start=again)
    assert abs(slow.diagnostics.elbo - again.diagnostics.elbo) < 1.0
    again.save(tmp_path / "again.mf")
    loaded = mf.load(tmp_path / "again.mf", model=mf.Program(regression))
    np.testing.assert_array_equal(loaded.sample(5)["beta"], again.sample(5)["beta"])
    mean = np.asarray(again.sample(4_000)["beta"]).mean(axis=0)
    mode = mf.fit(mf.Program(regression), data=data, method="map", start=again).sample(1)["beta"]
    assert (np.abs(mode[0] - mean) < 0.2 * np.sqrt(exact(data)[1].diagonal())).all()


@pytest.mark.filterwarnings("ignore::moonfield.MoonfieldWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"method": mf.ADVI(optimizer=optax.adam(0.01))},
        {"method": "advi", "start": {"beta": jnp.zeros(3)}},
        {"method": "ivon"},
    ],
    ids=["an optimiser", "a start", "another method"],
)
def test_what_the_user_chose_is_left_as_it_is(options: dict[str, Any]) -> None:
    posterior = mf.fit(mf.Program(regression), data=rows(), steps=20, **options)
    assert posterior.model.coordinates is None


@pytest.mark.filterwarnings("ignore::moonfield.MoonfieldWarning")
def test_restarts_begin_apart_and_agree() -> None:
    posterior = mf.fit(mf.Program(regression), data=rows(), method="fullrank_advi", restarts=3)
    elbos = posterior.diagnostics.restart_elbos
    assert len(set(elbos)) == 3
    assert max(elbos) - min(elbos) < 0.5
