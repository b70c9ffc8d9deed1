"""Quantiles from a cdf that can only be evaluated."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.predictive.mixture import quantile_of
from tests.helpers import posterior_at


@pytest.mark.parametrize("level", [1e-6, 0.05, 0.5, 0.999, 1.0 - 1e-6, 1.0 - 2e-7])
def test_a_quantile_is_exact_after_few_evaluations(level: float) -> None:
    location = np.linspace(-2.0, 2.0, 1_000, dtype=np.float32)
    noise: Any = stats.t(4.0)
    evaluations = []

    def cdf(y: np.ndarray) -> np.ndarray:
        evaluations.append(y)
        return noise.cdf(y - location).astype(np.float32)

    found = quantile_of(cdf, level, location, np.full_like(location, 2.0**0.5), discrete=False)
    exact = location + noise.ppf(level)
    # What rounding of the cdf and of y leaves open.
    far = abs(noise.ppf(level))
    open_ = 3.0 * 2.0**-23 * level / noise.pdf(far) + 2.0**-21 * max(1.0, far)
    np.testing.assert_array_less(np.abs(found - exact), open_)
    assert len(evaluations) <= 20


@pytest.mark.parametrize("tail", [1e-3, 1e-6])
def test_both_tails_of_many_draws_keep_their_digits(tail: float) -> None:
    """A sum of thousands of numbers near 1 has lost them in 32 bits."""
    model = mf.BayesianNetwork(mf.nets.MLP([1, 1]), mf.priors.Normal(), mf.likelihoods.Normal(2.0))
    found = posterior_at(model, np.array([0.0, 5.0]), 1e-9).predict(np.zeros((2, 1)), draws=3_000)
    lower, upper = (np.asarray(found.quantile(q), float) for q in (tail, 1.0 - tail))
    np.testing.assert_allclose(stats.norm.cdf(lower, 5.0, 2.0), tail, rtol=1e-3)
    np.testing.assert_allclose(stats.norm.sf(upper, 5.0, 2.0), tail, rtol=0.1)
    np.testing.assert_allclose(1.0 - found.cdf(upper), tail, rtol=0.1)


@pytest.mark.parametrize(("mean", "sd"), [(1e19, 1e20), (np.nan, np.nan), (np.inf, np.inf)])
def test_counts_whose_mean_says_nothing_have_their_quantiles(mean: float, sd: float) -> None:
    """One draw of many has made the mean: half of the mass is at 3."""

    def cdf(y: np.ndarray) -> np.ndarray:
        return np.where(y >= 1e18, 1.0, np.where(y >= 3.0, 0.6, 0.0)).astype(np.float32)

    at = np.full(2, mean, np.float32)
    found = quantile_of(cdf, 0.5, at, np.full(2, sd, np.float32), discrete=True)
    np.testing.assert_array_equal(found, 3.0)


def test_the_less_probable_of_two_classes_keeps_its_digits() -> None:
    """`1 - p` is 0 in 32 bits; a temperature then takes one class for impossible."""
    prior = mf.priors.Normal(20.0, 1e-3)
    network = mf.nets.MLP([1, 1], bias=False)
    model = mf.BayesianNetwork(network, prior, mf.likelihoods.Bernoulli())
    prediction = model.prior_predictive(np.array([[1.0], [-1.0]]))
    rare = 1.0 / (1.0 + np.exp(20.0))
    expected = [[rare, 1.0], [1.0, rare]]
    np.testing.assert_allclose(prediction.probabilities, expected, rtol=1e-3)
    np.testing.assert_allclose(prediction.entropy, rare * 21.0, rtol=1e-3)
    cooled = mf.diagnostics.Temperature(2.0).apply(prediction)
    np.testing.assert_allclose(cooled.log_prob([0, 1]), -10.0, rtol=1e-3)


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("case", ["no moments", "no variance", "far tail", "small"])
def test_moments_that_say_nothing_do_not_spoil_a_quantile(case: str, level: float) -> None:
    """A cdf says where the quantiles are, whatever mean and sd are."""
    conditional, mean, sd = {
        "no moments": (stats.cauchy(50.0, 3.0), np.nan, np.nan),
        "no variance": (stats.t(1.5, 2.0, 0.1), 2.0, np.inf),
        "far tail": (stats.lognorm(5.0), np.exp(12.5), np.exp(25.0)),
        "small": (stats.cauchy(0.0, 1e-6), np.nan, np.nan),
    }[case]

    def cdf(y: np.ndarray) -> np.ndarray:
        return conditional.cdf(np.asarray(y, np.float64)).astype(np.float32)

    moments = (np.full(3, value, np.float32) for value in (mean, sd))
    found = quantile_of(cdf, level, *moments, discrete=False)
    np.testing.assert_allclose(found, conditional.ppf(level), rtol=1e-4, atol=1e-9)


def test_a_quantile_between_two_floats_is_the_nearest() -> None:
    """Where one spacing of floats moves the cdf by more than the tolerance: years of small sd."""
    conditional = stats.norm(2000.0, 0.05)

    def cdf(y: np.ndarray) -> np.ndarray:
        return conditional.cdf(np.asarray(y, np.float64)).astype(np.float32)

    at, sd = np.full(2, 2000.0, np.float32), np.full(2, 0.05, np.float32)
    found = quantile_of(cdf, 0.05, at, sd, discrete=False)
    np.testing.assert_allclose(found, conditional.ppf(0.05), atol=2.5e-4)
