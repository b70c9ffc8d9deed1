"""Log-densities of every likelihood against SciPy, and at the edges of what a network can say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import special

from moonfield import likelihoods

from .cases import CASES, NAMES, Case

FAR = st.floats(-1e4, 1e4, width=32)


def arrays(case: Case) -> tuple[dict, jax.Array, jax.Array]:
    own = {name: jnp.asarray(value) for name, value in case.own.items()}
    return own, jnp.asarray(case.outputs, float), jnp.asarray(case.y, float)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_agrees_with_scipy_in_double(case: Case, x64: None) -> None:
    got = case.make().log_prob(*arrays(case))
    assert got.dtype == jnp.float64
    np.testing.assert_allclose(got, case.reference(case.outputs, case.y), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_agrees_with_scipy_in_single(case: Case) -> None:
    got = case.make().log_prob(*arrays(case))
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, case.reference(case.outputs, case.y), rtol=3e-5, atol=3e-5)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_agrees_with_its_own_distribution(case: Case, x64: None) -> None:
    own, outputs, y = arrays(case)
    likelihood = case.make()
    targets = y.astype(int) if likelihood.discrete else y
    want = likelihood.distribution(own, outputs).log_prob(targets)
    np.testing.assert_allclose(likelihood.log_prob(own, outputs, y), want, rtol=1e-6, atol=3e-6)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_any_leading_axes(case: Case) -> None:
    own, outputs, y = arrays(case)
    likelihood = case.make()
    folded = likelihood.log_prob(own, outputs.reshape(4, 50, -1), y.reshape(4, 50))
    assert folded.shape == (4, 50)
    np.testing.assert_allclose(folded.ravel(), likelihood.log_prob(own, outputs, y), rtol=1e-6)


@pytest.mark.parametrize(
    "likelihood",
    [
        likelihoods.Bernoulli(),
        likelihoods.Normal(sd=0.5),
        likelihoods.StudentT(scale=0.5),
        likelihoods.Poisson(),
        likelihoods.NegativeBinomial(3.0),
    ],
    ids=lambda likelihood: type(likelihood).__name__,
)
def test_several_targets_a_row_add_up(likelihood: likelihoods.AbstractLikelihood) -> None:
    outputs = jnp.asarray([[0.3, -1.2, 0.8], [2.0, 0.1, -0.4]])
    y = jnp.asarray([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    assert likelihood.target_shape(3) == (3,)
    single = [likelihood.log_prob({}, outputs[:, [k]], y[:, k]) for k in range(3)]
    np.testing.assert_allclose(likelihood.log_prob({}, outputs, y), sum(single), rtol=1e-6)


@given(FAR, st.sampled_from([0.0, 1.0]))
def test_bernoulli_stays_exact_for_extreme_logits(logit: float, y: float) -> None:
    def log_prob(f: jax.Array) -> jax.Array:
        return likelihoods.Bernoulli().log_prob({}, f[None], jnp.float32(y))

    value, gradient = jax.value_and_grad(log_prob)(jnp.float32(logit))
    want = -np.logaddexp(0.0, logit if y == 0.0 else -logit)
    np.testing.assert_allclose(value, want, rtol=1e-6, atol=1e-6 * abs(logit))
    np.testing.assert_allclose(gradient, y - special.expit(np.float64(logit)), atol=1e-6)


@given(st.tuples(FAR, FAR, FAR), st.integers(0, 2))
def test_categorical_stays_finite_for_extreme_logits(logits: tuple, y: int) -> None:
    def log_prob(f: jax.Array) -> jax.Array:
        return likelihoods.Categorical().log_prob({}, f, jnp.float32(y))

    value, gradient = jax.value_and_grad(log_prob)(jnp.asarray(logits, jnp.float32))
    f = np.asarray(logits, np.float64)
    logp = f - f.max() - np.log(np.exp(f - f.max()).sum())
    np.testing.assert_allclose(value, logp[y], rtol=1e-5, atol=1e-5 * max(1.0, np.abs(f).max()))
    np.testing.assert_allclose(gradient, np.eye(3)[y] - np.exp(logp), atol=3e-3)


@given(FAR, st.integers(0, 1_000))
def test_negative_binomial_stays_finite_for_extreme_log_means(log_mean: float, y: int) -> None:
    def log_prob(f: jax.Array) -> jax.Array:
        return likelihoods.NegativeBinomial(2.0).log_prob({}, f[None], jnp.float32(y))

    value, gradient = jax.value_and_grad(log_prob)(jnp.float32(log_mean))
    u = np.float64(log_mean) - np.log(2.0)
    logp = np.log(y + 1.0) - y * np.logaddexp(0.0, -u) - 2.0 * np.logaddexp(0.0, u)  # G(y+2)/G(2)y!
    np.testing.assert_allclose(value, logp, rtol=1e-5, atol=5e-3)
    np.testing.assert_allclose(gradient, y - (y + 2.0) * special.expit(u), rtol=1e-4, atol=1e-3)


@given(st.floats(-1e4, 80.0, width=32), st.integers(0, 1_000))
def test_poisson_stays_finite_for_extreme_log_rates(log_rate: float, y: int) -> None:
    def log_prob(f: jax.Array) -> jax.Array:
        return likelihoods.Poisson().log_prob({}, f[None], jnp.float32(y))

    value, gradient = jax.value_and_grad(log_prob)(jnp.float32(log_rate))
    rate = np.exp(np.float64(log_rate))
    np.testing.assert_allclose(gradient, y - rate, rtol=1e-4, atol=1e-4)
    assert np.isfinite(value)
    assert value <= 1e-3


@given(FAR, FAR, st.floats(-100.0, 100.0, width=32))
def test_a_normal_head_never_divides_by_zero(mean: float, raw: float, y: float) -> None:
    def log_prob(f: jax.Array) -> jax.Array:
        own = {"sd": jnp.float32(1.0)}
        return likelihoods.Normal(sd="head").log_prob(own, f, jnp.float32(y))

    value, gradient = jax.value_and_grad(log_prob)(jnp.asarray([mean, raw], jnp.float32))
    sd = np.exp(3.0 * np.tanh(np.float64(raw) / 3.0))
    z = (np.float64(y) - np.float64(mean)) / sd
    np.testing.assert_allclose(value, -0.5 * z**2 - np.log(sd) - 0.5 * np.log(2 * np.pi), rtol=1e-3)
    assert np.isfinite(gradient).all()
