"""Highest-density sets against those of known distributions."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.families import Particles
from tests.helpers import posterior_at

ROWS = np.zeros((3, 1))


def prediction(likelihood: Any, outputs: list[float]) -> mf.Prediction:
    """Of rows whose network says these outputs under every draw."""
    network = mf.nets.MLP([1, len(outputs)])
    model = mf.BayesianNetwork(network, mf.priors.Normal(), likelihood)
    weights = [*np.zeros(len(outputs)), *outputs]
    if likelihood.priors():
        raise ValueError("a likelihood without parameters of its own")
    return posterior_at(model, np.asarray(weights), 1e-9).predict(ROWS, draws=3)


def softplus_inverse(sd: float) -> float:
    return float(np.log(np.expm1(sd)))


def mixture(weights: list[float], means: list[float], sds: list[float]) -> mf.Prediction:
    raw = [softplus_inverse(sd) for sd in sds]
    outputs = [*np.log(weights), *means, *raw]
    return prediction(mf.likelihoods.MixtureDensity(len(weights)), outputs)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_of_one_mode_it_is_the_central_interval(level: float) -> None:
    found = prediction(mf.likelihoods.Normal(sd=2.0), [5.0]).highest_density(level)
    assert found.shape == (3, 1, 2)
    np.testing.assert_allclose(found[:, 0], [stats.norm.interval(level, 5.0, 2.0)] * 3, atol=0.05)


@pytest.mark.parametrize("df", [2.1, 4.0, 17.2])
@pytest.mark.parametrize("level", [0.999, 0.9999])
def test_of_heavy_tails_it_is_the_central_interval(df: float, level: float) -> None:
    found = prediction(mf.likelihoods.StudentT(df, scale=2.0), [5.0]).highest_density(level)
    assert found.shape == (3, 1, 2)
    np.testing.assert_allclose(found[:, 0] - 5.0, [stats.t(df, 0.0, 2.0).interval(level)] * 3, 0.1)


def test_of_two_modes_it_is_two_intervals() -> None:
    found = mixture([0.3, 0.7], [-4.0, 3.0], [0.5, 1.0]).highest_density(0.9)
    assert found.shape == (3, 2, 2)
    grid = np.linspace(-8.0, 8.0, 160_001)
    density = 0.3 * stats.norm.pdf(grid, -4.0, 0.5) + 0.7 * stats.norm.pdf(grid, 3.0, 1.0)
    dense = np.sort(density)[::-1]
    threshold = dense[np.searchsorted(np.cumsum(dense) * (grid[1] - grid[0]), 0.9)]
    ends = grid[1:][np.diff(density >= threshold)]
    np.testing.assert_allclose(found, [ends.reshape(2, 2)] * 3, atol=0.03)


@pytest.mark.parametrize(
    ("weights", "means", "sds", "level"),
    [
        ([0.95, 0.05], [0.0, 0.0], [0.01, 100.0], 0.3),
        ([0.95, 0.05], [0.0, 0.0], [0.01, 100.0], 0.9),
        ([0.5, 0.5], [0.0, 10.0], [0.01, 1.0], 0.9),
        ([0.5, 0.5], [0.0, 0.0], [0.001, 5.0], 0.3),
    ],
)
def test_a_narrow_mode_makes_a_small_set(
    weights: list[float], means: list[float], sds: list[float], level: float
) -> None:
    found = mixture(weights, means, sds).highest_density(level)[0]
    around = [m + sd * np.linspace(-8.0, 8.0, 40_001) for m, sd in zip(means, sds, strict=True)]
    grid = np.unique(np.concatenate(around))
    mass = np.diff(stats.norm.cdf(grid[:, None], means, sds) @ weights)
    densest = np.argsort(-mass / np.diff(grid))
    needed = densest[: 1 + np.sum(np.cumsum(mass[densest]) < level)]
    exact = np.diff(grid)[needed].sum()
    assert exact <= 1.001 * np.diff(found).sum() <= 1.05 * exact


@pytest.mark.parametrize(("level", "offset"), [(0.5, 1e3), (0.9, 1e3), (0.5, 1e5)])
def test_rounding_makes_no_gaps(level: float, offset: float) -> None:
    """Two modes as wide as a dozen or so of the numbers that 32 bits have there."""
    sd = 20 * float(np.spacing(np.float32(offset)))
    found = mixture([0.5, 0.5], [offset, offset + 200 * sd], [sd, sd]).highest_density(level)
    assert found.shape == (3, 2, 2)


def test_a_common_count_far_from_the_others_is_a_set_of_its_own() -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([1, 1]), mf.priors.Normal(), mf.likelihoods.Poisson())
    plain = posterior_at(model, 0.0, 1.0)
    points = np.array([[0.0, np.log(1e-9)], [0.0, np.log(5e3)]], np.float32)
    posterior = mf.Posterior(model, Particles(jnp.asarray(points)), plain.elbo, plain.diagnostics)
    found = posterior.predict(ROWS, draws=200).highest_density(0.4)
    np.testing.assert_array_equal(found, [[[0.0, 0.0]]] * 3)


@pytest.mark.parametrize("level", [pytest.param(0.5, marks=pytest.mark.slow), 0.9])
def test_it_holds_its_probability(level: float) -> None:
    found = mixture([0.2, 0.5, 0.3], [-5.0, 0.0, 5.0], [0.3, 1.0, 2.0])
    sets, draws = found.highest_density(level), found.sample(4_000)[:, :, None]
    inside = ((sets[..., 0] <= draws) & (draws <= sets[..., 1])).any(axis=-1)
    assert sets.shape[1] >= 2
    np.testing.assert_allclose(inside.mean(), level, atol=0.02)


def test_rows_with_fewer_intervals_end_with_nan() -> None:
    network = mf.nets.MLP([1, 6], bias=False)
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.MixtureDensity(2))
    posterior = posterior_at(model, np.array([0.0, 0.0, -5.0, 5.0, 0.0, 0.0]), 1e-9)
    sets = posterior.predict(np.array([[0.0], [1.0]]), draws=2).highest_density(0.8)
    assert np.isnan(sets[0, 1]).all()
    assert np.isfinite(sets[1]).all()
    assert sets[1, 0, 1] < 0.0 < sets[1, 1, 0]


@pytest.mark.parametrize("rate", [0.3, 4.0, 5_000.0])
def test_of_counts_it_is_of_whole_numbers(rate: float) -> None:
    found = prediction(mf.likelihoods.Poisson(), [np.log(rate)]).highest_density(0.9)
    low, high = found[0, 0]
    assert low == round(low)
    assert high == round(high)
    inside = stats.poisson.cdf(high, rate) - stats.poisson.cdf(low - 1, rate)
    assert inside >= 0.9 - 1e-3
    if rate < 100:  # cells of one number each: none can be left out
        for end in (low, high):
            assert inside - stats.poisson.pmf(end, rate) < 0.9


def test_in_units_of_y() -> None:
    X = np.random.default_rng(0).normal(size=(60, 1))
    estimator = mf.BayesianMLPRegressor(hidden=(3,), steps=300, random_state=0)
    estimator.fit(X, 1e6 + 1e3 * X[:, 0])
    found = estimator.predict_distribution(X[:5])
    sets, central = found.highest_density(0.9)[:, 0], found.interval(0.9)
    np.testing.assert_allclose(sets, central, atol=0.1 * found.sd.max())


def test_what_has_none_is_refused() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        prediction(mf.likelihoods.Bernoulli(), [0.0]).highest_density()
    with pytest.raises(ValueError, match="one target"):
        prediction(mf.likelihoods.Poisson(), [0.0, 1.0]).highest_density()
    with pytest.raises(ValueError, match="level"):
        prediction(mf.likelihoods.Poisson(), [0.0]).highest_density(1.0)
    with pytest.raises(ValueError, match=r"level must be at least 6.1e-05 away from 0 and 1"):
        prediction(mf.likelihoods.Normal(1.0), [0.0]).highest_density(0.999999)
