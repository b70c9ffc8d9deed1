"""The automatic stop against the same model's own long fits, on random splits of the moons."""

import numpy as np
import optax
import pytest

import moonfield as mf
from tests.helpers import moons_model, moons_split

STILL = mf.ADVI(optimizer=optax.set_to_zero())
LONG = 30_000


def elbo(posterior: mf.Posterior, X: np.ndarray, y: np.ndarray) -> float:
    """The ELBO from 10,000 draws: to about 0.1 nats."""
    fit = mf.fit(posterior.model, X, y, method=STILL, start=posterior, steps=10_000, seed=99)
    return float(fit.elbo.astype(np.float64).mean())


@pytest.mark.slow
def test_within_a_nat_of_a_long_fit_in_a_third_of_its_steps() -> None:
    data = moons_split()
    X, y = np.concatenate([data.X, data.X_test]), np.concatenate([data.y, data.y_test])
    gains, steps = [], []
    for split in range(20):
        rows = np.random.default_rng(split).permutation(1_000)[:500]
        automatic = mf.fit(moons_model(), X[rows], y[rows], seed=split)
        long = mf.fit(moons_model(), X[rows], y[rows], steps=LONG, seed=split)
        assert automatic.result is mf.Result.converged
        gains.append(elbo(automatic, X[rows], y[rows]) - elbo(long, X[rows], y[rows]))
        steps.append(automatic.diagnostics.steps)
    assert np.median(gains) > -1.0
    assert (np.asarray(gains) > -2.0).sum() >= 18
    assert max(steps) <= LONG / 3
