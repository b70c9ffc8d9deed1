"""Means and variances of targets against NumPyro's, and where a variance would underflow."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from moonfield import likelihoods

from .cases import CASES, NAMES, Case

PLAIN = [case for case in CASES if case.name != "categorical"]


@pytest.mark.parametrize("case", PLAIN, ids=[case.name for case in PLAIN])
def test_agree_with_the_distribution(case: Case, x64: None) -> None:
    own = {name: jnp.asarray(value) for name, value in case.own.items()}
    outputs = jnp.asarray(case.outputs)
    mean, variance = case.make().moments(own, outputs)
    distribution = case.make().distribution(own, outputs)
    assert mean.shape == variance.shape == (len(outputs),)
    np.testing.assert_allclose(mean, distribution.mean, rtol=1e-9)
    np.testing.assert_allclose(
        variance, jnp.broadcast_to(distribution.variance, mean.shape), rtol=1e-9
    )


def test_categorical_moments_are_those_of_the_one_hot_target(x64: None) -> None:
    case = CASES[NAMES.index("categorical")]
    mean, variance = likelihoods.Categorical().moments({}, jnp.asarray(case.outputs))
    p = np.exp(case.outputs) / np.exp(case.outputs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mean, p, rtol=1e-9)
    np.testing.assert_allclose(variance, p * (1 - p), rtol=1e-9)


def test_bernoulli_variance_keeps_its_digits_near_certainty() -> None:
    logits = jnp.asarray([[-60.0], [-20.0], [20.0], [60.0]])
    variance = likelihoods.Bernoulli().moments({}, logits)[1]
    np.testing.assert_allclose(variance, np.exp(-np.abs(np.asarray(logits)[:, 0])), rtol=1e-5)


@pytest.mark.parametrize("df", [2.1, 4.0, 100.0, 1e4, 1e6])
def test_the_cumulative_distribution_of_student_t(df: float) -> None:
    own = {"scale": jnp.float32(2.0)}
    found = likelihoods.StudentT(df).distribution(own, jnp.array([0.3]))
    y = np.concatenate([np.linspace(-60.0, 60.0, 501), [-1e4, 1e4, -1e30]]).astype(np.float32)
    exact = stats.t(df, 0.3, 2.0).cdf(y.astype(float))
    got = np.asarray(found.cdf(jnp.asarray(y)))
    np.testing.assert_allclose(got, exact, atol=1e-6)
    lower = (y < 0.3) & (exact > 1e-30)
    np.testing.assert_allclose(got[lower], exact[lower], rtol=2e-5)
