"""Every family in a fit: by its method's name, saved and loaded, and against closed forms."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.families import full_rank_state
from tests.helpers import linear_model, regression_rows, same_bytes

families, objectives = mf.families, mf.objectives
NOISE_SD = 0.5


@pytest.fixture
def linear() -> tuple[mf.BayesianNetwork, np.ndarray, np.ndarray]:
    """Three inputs, two of them strongly correlated."""
    X, y = regression_rows(30, 3)
    X = X @ np.linalg.cholesky([[1.0, 0.9, 0.2], [0.9, 1.0, 0.3], [0.2, 0.3, 1.0]]).T
    return linear_model(3, mf.likelihoods.Normal(sd=NOISE_SD)), X, y


def exact(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the weights, whose prior is standard normal."""
    covariance = np.linalg.inv(np.eye(3) + X.T @ X / NOISE_SD**2)
    return covariance @ X.T @ y / NOISE_SD**2, covariance


@pytest.mark.parametrize(
    ("family", "steps"), [(families.FullRank(), 4_000), (families.LowRank(2), 12_000)]
)
def test_correlated_families_reach_the_exact_posterior(
    family, steps: int, x64: None, linear
) -> None:
    """LowRank too: a diagonal and two directions hold any covariance of three numbers."""
    model, X, y = linear
    method = mf.ADVI(family, objectives.StickingTheLanding())
    posterior = mf.fit(model, X, y, method=method, steps=steps, seed=0)
    mean, covariance = exact(X, y)
    got = posterior.approximation
    noise = jax.random.normal(jax.random.key(0), (1, family.noise_size(3)))[0]
    root = jax.jacobian(lambda n: family.sample(got.state, n))(noise)
    np.testing.assert_allclose(got.moments()[0], mean, rtol=1e-2)
    np.testing.assert_allclose(root @ root.T, covariance, rtol=1e-2, atol=1e-4)


METHODS = {
    "fullrank_advi": families.FullRank,
    "lowrank_advi": families.LowRank,
    "flow_advi": families.Flow,
    "mixture_advi": families.Mixture,
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "flow_advi")) for n in METHODS]
)
def test_methods_by_name(name: str, linear) -> None:
    model, X, y = linear
    posterior = mf.fit(model, X, y, method=name, steps=20, seed=0)
    assert posterior.diagnostics.method == name
    assert type(posterior.approximation.family) is METHODS[name]


SAVED = {
    "flow": families.Flow(layers=1, knots=2, width=4),
    "full_rank": families.FullRank(),
    "kronecker": families.Kronecker(),
    "low_rank": families.LowRank(2),
    "mixture": families.Mixture(2, families.StudentT(4.0)),
    "mixture_kronecker": families.Mixture(2, families.Kronecker()),
    "point": families.Point(),
    "student_t": families.StudentT(7.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SAVED))
def test_fits_draws_saves_and_loads(name: str, linear, tmp_path: Path) -> None:
    model, X, y = linear
    posterior = mf.fit(model, X, y, method=mf.ADVI(SAVED[name]), steps=5, seed=0)
    posterior.save(tmp_path / "fit.mf")
    loaded = mf.load(tmp_path / "fit.mf")
    assert loaded.approximation.family == posterior.approximation.family
    assert same_bytes(loaded.approximation.state, posterior.approximation.state)
    assert same_bytes(loaded.sample(3), posterior.sample(3))
    assert loaded.diagnostics == posterior.diagnostics
    continued = mf.fit(model, X, y, method=mf.ADVI(SAVED[name]), steps=5, start=loaded)
    assert continued.diagnostics.steps_in_all == 10


def test_a_point_is_the_maximum(x64: None, linear) -> None:
    model, X, y = linear
    posterior = mf.fit(model, X, y, method=mf.ADVI(families.Point()), steps=2_000, seed=0)
    np.testing.assert_allclose(posterior.approximation.moments()[0], exact(X, y)[0], rtol=1e-5)
    assert posterior.diagnostics.method == "point_advi"


def test_kronecker_without_a_space_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"call family\.bind\(space\)"):
        families.Kronecker().init(jnp.zeros(3), 0.1)


def test_full_rank_state_has_the_covariance_given(x64: None) -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    state = full_rank_state(jnp.zeros(6), jnp.asarray(root @ root.T))
    factor = state.factor.times(jnp.eye(6))
    np.testing.assert_allclose(factor @ factor.T, root @ root.T, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(np.triu(factor, 1), 0.0)


def test_full_rank_state_forgives_small_negative_eigenvalues(x64: None) -> None:
    values = np.asarray([2.0, 1.0, -1e-17, -1e-16])
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    covariance = basis * values @ basis.T
    state = full_rank_state(jnp.zeros(4), jnp.asarray(covariance))
    factor = state.factor.times(jnp.eye(4))
    np.testing.assert_allclose(factor @ factor.T, covariance, atol=1e-14)


def test_a_point_stays_out_of_the_way_of_the_automatic_stop(linear) -> None:
    model, X, y = linear
    posterior = mf.fit(model, X, y, method=mf.ADVI(families.Point()), seed=0)
    assert posterior.result is mf.Result.converged
    np.testing.assert_allclose(posterior.approximation.moments()[0], exact(X, y)[0], atol=1e-3)


@pytest.mark.parametrize(
    ("objective", "quantity"),
    [
        (objectives.Renyi(0.5, 4), "Rényi bound"),
        (objectives.ImportanceWeighted(4), "importance-weighted bound"),
        (objectives.KernelStein(4), "minus the squared kernel Stein discrepancy"),
        (objectives.StickingTheLanding(), "ELBO"),
    ],
)
def test_a_fit_says_what_it_maximised(objective, quantity: str, linear) -> None:
    model, X, y = linear
    posterior = mf.fit(model, X, y, method=mf.ADVI(objective=objective, draws=2), steps=5, seed=0)
    assert posterior.diagnostics.quantity == quantity
    assert f" s, {quantity} " in str(posterior.diagnostics)


def test_a_schedule_reaches_the_step(linear) -> None:
    """The divergence counts in the first two steps only."""
    model, X, y = linear

    def elbo(beta) -> np.ndarray:
        method = mf.ADVI(objective=objectives.Tempered(beta))
        return mf.fit(model, X, y, method=method, steps=3, seed=0).elbo

    scheduled = elbo(lambda step: jnp.where(step < 2, 1.0, 0.0))
    np.testing.assert_allclose(scheduled[:2], elbo(1.0)[:2], rtol=1e-6)
    assert abs(scheduled[2] - elbo(1.0)[2]) > 0.1
