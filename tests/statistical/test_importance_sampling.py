"""Importance sampling, and when it gives way to chains."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array
from scipy import stats

import moonfield as mf
from moonfield.diagnostics.check import check_approximation
from tests.helpers import linear_model, regression_rows, same_bytes
from tests.targets import Density, gaussian, raw_rows, regression

SHORT = mf.NUTS(warmup=50, draws=100)


@pytest.fixture(autouse=True)
def standard_promotion():
    """BlackJAX mixes types and ranks."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _two_bumps(data: dict, z: Array) -> Array:
    return jnp.logaddexp(*(-0.5 * jnp.sum((z - place) ** 2) for place in data["places"]))


def _funnel(data: dict, z: Array) -> Array:
    return -0.5 * (z[0] / 3.0) ** 2 - 0.5 * (z[1] * jnp.exp(-0.5 * z[0])) ** 2 - 0.5 * z[0]


def test_a_gaussian_needs_no_weights_but_those_of_the_mixture() -> None:
    target, mean, sd = gaussian(7)
    outcome = mf.ImportanceSampling(draws=4_000).run(target, 0)
    points = np.asarray(outcome.approximation.points, np.float64)
    worth = outcome.facts["effective_draws"]
    # half the proposals are the target's own: no weight is above 2, so no fewer than half count
    assert 4_000 <= worth <= 8_000
    assert outcome.facts["khat"] < 0.3
    assert outcome.method is None
    assert (np.abs(points.mean(axis=0) - mean) < 4.5 * sd / np.sqrt(3_000)).all()
    assert (np.abs(np.log(points.std(axis=0) / sd)) < 4.5 / np.sqrt(2.0 * 3_000)).all()
    evidence = 3.5 * np.log(2.0 * np.pi) - np.linalg.slogdet(np.asarray(target.data["root"]))[1]
    found, error = outcome.elbo
    assert abs(found - evidence) < 4.5 * error
    assert error < 0.02


@pytest.mark.slow
def test_nearly_singular_regression_in_raw_units() -> None:
    target, mean, sd = regression(*raw_rows())
    outcome = mf.ImportanceSampling().run(target, 1)
    points = np.asarray(outcome.approximation.points, np.float64)
    assert outcome.facts["effective_draws"] > 15_000
    assert (np.abs(points.mean(axis=0) - mean) < 5.0 * sd / np.sqrt(8_000)).all()
    assert (np.abs(np.log(points.std(axis=0) / sd)) < 5.0 / np.sqrt(2.0 * 5_000)).all()


def test_conjugate_evidence_through_the_front_door() -> None:
    X, y = regression_rows(100, 3)
    model = linear_model(3, mf.likelihoods.Normal(sd=0.5), prior_sd=2.0)
    method = mf.ImportanceSampling(draws=2_000)
    posterior = mf.fit(model, X, y, method=method, seed=1)
    covariance = 4.0 * X @ X.T + 0.25 * np.eye(100)
    evidence = stats.multivariate_normal(cov=covariance).logpdf(y)
    assert posterior.diagnostics.method == "importance"
    assert abs(posterior.diagnostics.elbo - evidence) < 4.5 * posterior.diagnostics.elbo_se + 1e-2
    again = mf.fit(model, X, y, method=method, seed=1)
    assert same_bytes(again.approximation.points, posterior.approximation.points)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "places", "modes"), [(_funnel, (), 1), (_two_bumps, (-9.0, 9.0), 2)]
)
def test_chains_where_weights_would_mislead(function: Any, places: tuple, modes: int) -> None:
    """A funnel by its weights; two distant modes, which weights do not see, by the starts."""
    target = Density(function, 2, places=places)
    outcome = mf.ImportanceSampling(otherwise=SHORT).run(target, 0)
    assert outcome.method == "nuts"
    assert "r_hat" in outcome.facts
    assert (outcome.facts["modes"] > 1) == (modes > 1)
    told = [
        sentence for sentence in check_approximation(outcome.facts) if "of the starts" in sentence
    ]
    assert len(told) == modes - 1


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="draws"):
        mf.ImportanceSampling(draws=10)
    with pytest.raises(TypeError, match=r"otherwise must be mf\.NUTS"):
        mf.ImportanceSampling(otherwise=mf.MAP())


def _half_a_normal(data: dict, z: Array) -> Array:
    return jnp.where(z[0] > -1.0, -0.5 * jnp.sum(z**2), jnp.nan)


def test_proposals_without_a_density_count_as_nothing() -> None:
    outcome = mf.ImportanceSampling(draws=2_000).run(Density(_half_a_normal, 1), 0)
    evidence = 0.5 * np.log(2.0 * np.pi) + stats.norm.logcdf(1.0)
    assert outcome.method is None
    assert abs(outcome.elbo[0] - evidence) < 4.5 * outcome.elbo[1]
    assert float(outcome.approximation.points.min()) > -1.0
