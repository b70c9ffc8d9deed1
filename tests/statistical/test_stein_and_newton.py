"""Natural gradients, particles and samplers against posteriors known in closed form."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.inference.stein import stein_direction
from tests.helpers import linear_model, state_of


class Exact(NamedTuple):
    """A linear regression with known noise, and its posterior."""

    model: mf.BayesianNetwork
    X: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    precision: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """Of the weights."""
        return np.linalg.inv(self.precision)


def regression(prior_sd: float = 1.0) -> Exact:
    """Two correlated inputs: the posterior has a correlation of -0.74."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    X[:, 1] += X[:, 0]
    y = X @ np.array([1.0, -0.5]) + 0.5 * rng.normal(size=60)
    precision = X.T @ X / 0.25 + np.eye(2) / prior_sd**2
    mean = np.linalg.solve(precision, X.T @ y / 0.25)
    model = linear_model(2, mf.likelihoods.Normal(sd=0.5), prior_sd=prior_sd)
    return Exact(model, X, y, mean, precision)


def draws_of(posterior: mf.Posterior, count: int) -> np.ndarray:
    """(count, size) draws of the unconstrained vector."""
    draw = jax.vmap(posterior.approximation.draw, (None, 0))
    return np.asarray(draw(jax.random.key(0), jnp.arange(count)))


class Square(eqx.Module):
    """`y = weight**2 * x`: both signs of the weight say the same."""

    weight: jax.Array

    def __call__(self, row: jax.Array) -> jax.Array:
        return self.weight**2 * row


def two_modes() -> tuple[mf.BayesianNetwork, np.ndarray, np.ndarray]:
    """A posterior with modes near -1 and 1, and next to nothing between them."""
    network = Square(jnp.ones(1))
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Normal(sd=0.5))
    x = np.linspace(-1.0, 1.0, 20)[:, None]
    return model, x, x[:, 0]


# ---- IVON


@pytest.mark.parametrize("prior_sd", [1.0, 0.05])
def test_ivon_finds_the_mean_field_optimum(prior_sd: float, x64: None) -> None:
    """Precisions are the diagonal of the exact precision, whether rows or the prior decide."""
    exact = regression(prior_sd)
    method = mf.IVON(draws=20, beta2=0.995)
    fit = mf.fit(exact.model, exact.X, exact.y, method=method, steps=10_000)
    state, sd = state_of(fit), np.diag(exact.precision) ** -0.5
    np.testing.assert_allclose(np.exp(state.log_sd), sd, rtol=0.01)
    np.testing.assert_allclose(state.mean, exact.mean, atol=0.03 * sd.min())


def test_ivon_with_batches_scales_by_all_rows() -> None:
    exact = regression()
    method = mf.IVON(draws=5, beta2=0.998)
    fit = mf.fit(exact.model, exact.X, exact.y, method=method, steps=10_000, batch_size=20)
    sd = np.diag(exact.precision) ** -0.5
    np.testing.assert_allclose(np.exp(state_of(fit).log_sd), sd, rtol=0.05)
    np.testing.assert_allclose(state_of(fit).mean, exact.mean, atol=0.2 * sd.min())


def test_ivon_has_the_elbo_of_advi() -> None:
    """Two ways to one optimum of one objective."""
    exact = regression()
    fits = [
        mf.fit(exact.model, exact.X, exact.y, method=method, steps=4_000)
        for method in (mf.IVON(draws=5), mf.ADVI(draws=5))
    ]
    error = np.hypot(*(fit.diagnostics.elbo_se for fit in fits))
    assert abs(fits[0].diagnostics.elbo - fits[1].diagnostics.elbo) < 4 * error + 0.02


def test_ivon_survives_a_start_far_away() -> None:
    """Inputs in units a hundred times too small: precisions 10,000 times those at the start."""
    exact = regression()
    fit = mf.fit(exact.model, 30.0 * exact.X, exact.y, method="ivon", steps=6_000)
    precision = 900.0 * exact.X.T @ exact.X / 0.25 + np.eye(2)
    np.testing.assert_allclose(np.exp(state_of(fit).log_sd), np.diag(precision) ** -0.5, rtol=0.1)


# ---- Stein


@pytest.mark.slow
def test_the_stein_direction_is_that_of_its_definition(x64: None) -> None:
    rng = np.random.default_rng(0)
    points, scores = jnp.asarray(rng.normal(size=(2, 7, 3)))
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    width = np.median(squared[np.triu_indices(7, 1)]) / np.log(8.0)

    def kernel(one: jax.Array, other: jax.Array) -> jax.Array:
        return jnp.exp(-jnp.sum((one - other) ** 2) / width)

    def summand(i: int, j: int) -> jax.Array:
        return kernel(points[j], points[i]) * scores[j] + jax.grad(kernel)(points[j], points[i])

    every = jnp.stack([jnp.stack([summand(i, j) for j in range(7)]) for i in range(7)])
    others = every.sum(axis=1) - jnp.stack([summand(i, i) for i in range(7)])
    np.testing.assert_allclose(
        stein_direction(points, scores), every.mean(axis=1), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        stein_direction(points, scores, True), others / 6, rtol=1e-5, atol=1e-6
    )


def test_the_unbiased_direction_vanishes_where_q_is_the_target(x64: None) -> None:
    points = jax.random.normal(jax.random.key(0), (2_000, 5, 2))
    directions = np.asarray(jax.vmap(lambda z: stein_direction(z, -z, True))(points))
    per_batch = (directions * np.asarray(points)).sum(axis=(1, 2))  # pull in or out
    assert abs(per_batch.mean()) < 4 * per_batch.std() / np.sqrt(len(per_batch)) + 0.02


@pytest.mark.parametrize("batch_size", [None, 20])
def test_svgd_covers_a_correlated_normal(batch_size: int | None) -> None:
    exact = regression()
    method = mf.SVGD(50)
    fit = mf.fit(exact.model, exact.X, exact.y, method=method, steps=2_000, batch_size=batch_size)
    points = np.asarray(fit.approximation.points)
    sd = np.sqrt(np.diag(exact.covariance))
    assert (np.abs(points.mean(axis=0) - exact.mean) < sd / np.sqrt(50)).all()
    np.testing.assert_allclose(points.std(axis=0), sd, rtol=0.15)
    correlation = exact.covariance[0, 1] / sd.prod()
    assert abs(np.corrcoef(points.T)[0, 1] - correlation) < 0.05


@pytest.mark.slow
def test_a_sampler_learns_a_correlated_normal() -> None:
    exact = regression()
    fit = mf.fit(exact.model, exact.X, exact.y, method="asvgd", steps=4_000, batch_size=20)
    draws, sd = draws_of(fit, 2_000), np.sqrt(np.diag(exact.covariance))
    assert (np.abs(draws.mean(axis=0) - exact.mean) < 0.3 * sd).all()
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.15)
    assert abs(np.corrcoef(draws.T)[0, 1] - exact.covariance[0, 1] / sd.prod()) < 0.12


def test_averaging_leaves_the_spread_of_particles() -> None:
    """The average over the last fifth of the steps, and the particles a few steps further."""
    exact = regression()
    fit = mf.fit(exact.model, exact.X, exact.y, method=mf.SVGD(50), steps=2_000, batch_size=20)
    last = mf.fit(
        exact.model, exact.X, exact.y, method=mf.SVGD(50), steps=4, batch_size=20, start=fit
    )
    spread, later = (it.approximation.points.std(axis=0) for it in (fit, last))
    np.testing.assert_allclose(spread, later, rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("method", [mf.SVGD(50), mf.ASVGD()], ids=["svgd", "asvgd"])
def test_the_automatic_stop_leaves_the_spread_of_particles(method: Any) -> None:
    """Averages of particles that change places lie closer together, and nearer to the mode."""
    exact = regression()
    fit = mf.fit(exact.model, exact.X, exact.y, method=method)
    draws, sd = draws_of(fit, 2_000), np.sqrt(np.diag(exact.covariance))
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.15)


# ---- several modes


@pytest.mark.parametrize(
    "method",
    [mf.SVGD(30), mf.Ensemble(10), mf.Ensemble(10, "advi")],
    ids=["svgd", "ensemble of maxima", "ensemble of advi"],
)
def test_two_modes_are_covered(method: mf.SVGD | mf.Ensemble) -> None:
    model, x, y = two_modes()
    draws = draws_of(mf.fit(model, x, y, method=method, steps=1_000), 300)
    assert 0.2 < (draws > 0).mean() < 0.8
    assert (np.abs(np.abs(draws) - 1.0) < 0.5).all()


def test_members_of_maxima_are_maxima(x64: None) -> None:
    exact = regression()
    fit = mf.fit(exact.model, exact.X, exact.y, method="ensemble", steps=2_000)
    points = np.asarray(fit.approximation.points)
    np.testing.assert_allclose(points, np.tile(exact.mean, (5, 1)), atol=1e-4)


def test_moments_of_a_mixture_are_those_of_its_draws() -> None:
    model, x, y = two_modes()
    fit = mf.fit(model, x, y, method=mf.Ensemble(10, "advi"), steps=1_000)
    draws, (mean, sd) = draws_of(fit, 6_000), fit.approximation.moments()
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=4 * np.max(sd) / np.sqrt(6_000))
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.03)
