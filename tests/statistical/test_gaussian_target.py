"""Mean-field on a correlated Gaussian posterior: exact means, precisions diag(precision)."""

import numpy as np
import pytest

import moonfield as mf
from moonfield.objectives import Reparameterised, StickingTheLanding
from tests.helpers import linear_model

NOISE_SD, PRIOR_SD = 0.5, 2.0


def correlated() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(np.asarray([[1.0, 0.8, 0.2], [0.8, 1.0, 0.3], [0.2, 0.3, 1.0]]))
    X = rng.normal(size=(40, 3)) @ root.T
    return X, X @ np.asarray([1.0, -2.0, 0.5]) + NOISE_SD * rng.normal(size=40)


@pytest.mark.parametrize("objective", [Reparameterised(), StickingTheLanding()])
def test_means_and_precisions(objective: mf.objectives.AbstractObjective, x64: None) -> None:
    """The average over seeds: what is left in one fit is its own Monte Carlo noise, some 2%."""
    X, y = correlated()
    precision = np.eye(3) / PRIOR_SD**2 + X.T @ X / NOISE_SD**2
    want = np.linalg.solve(precision, X.T @ y / NOISE_SD**2)
    exact_sd = np.sqrt(np.linalg.inv(precision).diagonal())
    model = linear_model(3, mf.likelihoods.Normal(sd=NOISE_SD), prior_sd=PRIOR_SD)
    method = mf.ADVI(objective=objective, draws=8)
    fits = [mf.fit(model, X, y, method=method, steps=4_000, seed=seed) for seed in range(16)]
    means, sds = zip(*(fit.approximation.moments() for fit in fits), strict=True)
    assert (np.abs(np.mean(means, axis=0) - want) < 0.04 * exact_sd).all()
    np.testing.assert_allclose(np.mean(sds, axis=0) ** -2, precision.diagonal(), rtol=0.025)
    assert (np.abs(np.asarray(means) - want) < 0.15 * exact_sd).all()
    assert (np.max(sds, axis=0) < exact_sd).all()  # the known price of independence
