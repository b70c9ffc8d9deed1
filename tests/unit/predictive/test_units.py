"""Predictions in units of y: exact against those of the standardised targets."""

import numpy as np
import pytest

import moonfield as mf
from moonfield.predictive import Units, checked_prediction
from tests.helpers import linear_model, posterior_at

X = np.linspace(-1.0, 1.0, 8).reshape(4, 2)


def pair(shift, scale, outputs=1):
    """The same prediction, standardised and in units."""
    posterior = posterior_at(
        linear_model(2, mf.likelihoods.Normal(sd=0.5), outputs=outputs), 0.3, 0.2
    )
    units = Units(np.asarray(shift, np.float64), np.asarray(scale, np.float64))
    arguments = posterior.model, posterior.approximation, X, 30, 0, True
    return checked_prediction(*arguments), checked_prediction(*arguments, units)


@pytest.mark.parametrize("scale", [1e-12, 3.0, 1e12])
def test_values_are_shifted_and_scaled_and_spreads_scaled(scale):
    plain, raw = pair(5.0 * scale, scale)
    shift = 5.0 * scale
    for name in ("mean", "mean_draws"):
        np.testing.assert_array_equal(
            getattr(raw, name), shift + scale * getattr(plain, name).astype(float)
        )
    for name in ("sd", "epistemic", "aleatoric"):
        np.testing.assert_array_equal(
            getattr(raw, name), scale * getattr(plain, name).astype(float)
        )
    np.testing.assert_array_equal(
        raw.quantile(0.3), shift + scale * plain.quantile(0.3).astype(float)
    )
    np.testing.assert_array_equal(
        raw.interval(0.8), shift + scale * plain.interval(0.8).astype(float)
    )
    np.testing.assert_array_equal(raw.sample(7), shift + scale * plain.sample(7).astype(float))


@pytest.mark.parametrize("scale", [1e-12, 3.0, 1e12])
def test_densities_change_by_the_log_scale(scale):
    plain, raw = pair(2.0 * scale, scale)
    y = np.array([0.25, -1.5, 0.0, 2.0])  # exact in float32
    expected = plain.log_prob(y).astype(float) - np.log(scale)
    np.testing.assert_allclose(raw.log_prob(2.0 * scale + scale * y), expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-12, 3.0, 1e12])
def test_the_cdf_is_asked_in_units_of_y(scale):
    plain, raw = pair(2.0 * scale, scale)
    y = np.array([0.25, -1.5, 0.0, 2.0])
    np.testing.assert_allclose(raw.cdf(2.0 * scale + scale * y), plain.cdf(y), rtol=1e-5)
    np.testing.assert_allclose(raw.cdf(raw.quantile(0.3)), 0.3, atol=1e-5)


def test_metrics_lose_nothing_of_targets_far_from_0():
    plain, raw = pair(1e9, 1e-3)
    y = np.array([0.5, -0.5, 1.0, 0.0])
    far = 1e9 + 1e-3 * y
    for name, unit in (("rmse", 1e-3), ("crps", 1e-3), ("coverage", 1.0)):
        metric = getattr(mf.diagnostics, name)
        expected = unit * metric(plain, y).value
        np.testing.assert_allclose(metric(raw, far).value, expected, rtol=1e-3)
    np.testing.assert_allclose(
        mf.diagnostics.pit(raw, far), mf.diagnostics.pit(plain, y), atol=1e-3
    )


def test_targets_lose_nothing_before_they_are_standardised():
    plain, raw = pair(1e9, 1e-3)
    y = np.array([0.5, -0.5, 1.0, 0.0])
    expected = plain.log_prob(y).astype(float) - np.log(1e-3)
    np.testing.assert_allclose(raw.log_prob(1e9 + 1e-3 * y), expected, atol=1e-3)


def test_several_targets_have_units_each():
    plain, raw = pair([1.0, -2.0], [10.0, 0.1], outputs=2)
    np.testing.assert_array_equal(
        raw.mean, np.array([1.0, -2.0]) + np.array([10.0, 0.1]) * plain.mean.astype(float)
    )
    assert raw.interval(0.5).shape == (4, 2, 2)
    y = np.zeros((4, 2))
    raw_y = np.array([1.0, -2.0]) + 0.0 * y
    np.testing.assert_allclose(
        raw.log_prob(raw_y), plain.log_prob(y) - np.log(10.0 * 0.1), rtol=1e-5
    )


def test_a_wrong_shape_is_named():
    _, raw = pair([1.0, -2.0], [10.0, 0.1], outputs=2)
    with pytest.raises(ValueError, match=r"y must have shape \(4, 2\)"):
        raw.log_prob(np.zeros(4))
