"""Fields of a prediction against the same draws averaged by NumPy in float64."""

import numpy as np
import pytest
from scipy import special, stats

from .predictions import case, outputs_of

DRAWS = 300


def reference(name: str, draws: dict, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean, variance and log-density of y for every draw and row."""
    f = outputs_of(draws, X)
    own = {
        key: np.asarray(value, np.float64)[:, None] for key, value in draws["likelihood"].items()
    }
    if name == "categorical":
        p = special.softmax(f, axis=-1)
        logp = np.take_along_axis(
            np.log(p), np.broadcast_to(y.astype(int)[:, None], (*f.shape[:2], 1)), -1
        )
        return p, p * (1 - p), logp[..., 0]
    if name == "normal_head":
        d = stats.norm(f[..., 0], own["sd"] * np.exp(3.0 * np.tanh(f[..., 1] / 3.0)))
        return d.mean(), d.var(), d.logpdf(y)
    f = f[..., 0]
    if name == "negative_binomial":
        c = own["concentration"]
        d = stats.nbinom(np.broadcast_to(c, f.shape), c / (c + np.exp(f)))
    else:
        d = {
            "bernoulli": lambda: stats.bernoulli(special.expit(f)),
            "normal": lambda: stats.norm(f, np.broadcast_to(own["sd"], f.shape)),
            "student_t": lambda: stats.t(4.0, f, np.broadcast_to(own["scale"], f.shape)),
            "poisson": lambda: stats.poisson(np.exp(f)),
        }[name]()
    logp = d.logpdf(y) if hasattr(d.dist, "logpdf") else d.logpmf(y)
    return d.mean(), d.var(), logp


NAMES = [
    "bernoulli", "categorical", "normal", "normal_head", "student_t", "poisson",
    "negative_binomial",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_against_numpy_on_the_same_draws(name: str) -> None:
    posterior, X, y = case(name)
    prediction = posterior.predict(X, draws=DRAWS, seed=4)
    means, variances, logp = reference(name, posterior.sample(DRAWS, seed=4), X, y)
    close = {"rtol": 2e-4, "atol": 1e-5}
    np.testing.assert_allclose(prediction.mean, means.mean(axis=0), **close)
    np.testing.assert_allclose(prediction.epistemic, means.std(axis=0), **close)
    np.testing.assert_allclose(prediction.aleatoric, np.sqrt(variances.mean(axis=0)), **close)
    np.testing.assert_allclose(
        prediction.sd, np.sqrt(means.var(axis=0) + variances.mean(axis=0)), **close
    )
    want = special.logsumexp(logp, axis=0) - np.log(DRAWS)
    np.testing.assert_allclose(prediction.log_prob(y), want, rtol=2e-4, atol=2e-4)
    per_draw = posterior.log_likelihood(X, y, draws=DRAWS, seed=4)
    np.testing.assert_allclose(per_draw, logp, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["bernoulli", "categorical"])
def test_entropies_against_numpy_on_the_same_draws(name: str) -> None:
    posterior, X, y = case(name)
    prediction = posterior.predict(X, draws=DRAWS, seed=4)
    means = reference(name, posterior.sample(DRAWS, seed=4), X, y)[0]
    p = np.stack([1 - means, means], axis=-1) if name == "bernoulli" else means
    total = special.entr(p.mean(axis=0)).sum(axis=-1)
    expected = special.entr(p).sum(axis=-1).mean(axis=0)
    np.testing.assert_allclose(prediction.entropy, total, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(prediction.expected_entropy, expected, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(prediction.mutual_information, total - expected, atol=5e-5)
    np.testing.assert_allclose(
        prediction.entropy, prediction.mutual_information + prediction.expected_entropy, rtol=1e-6
    )
    assert (prediction.mutual_information > -1e-6).all()
    np.testing.assert_allclose(prediction.probabilities, p.mean(axis=0), rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(prediction.probability_sd, p.std(axis=0), rtol=2e-4, atol=1e-5)
    np.testing.assert_array_equal(prediction.label, p.mean(axis=0).argmax(axis=-1))


@pytest.mark.parametrize("name", ["bernoulli", "normal", "poisson"])
def test_single_draws_are_kept_on_request(name: str) -> None:
    posterior, X, y = case(name)
    prediction = posterior.predict(X, draws=40, seed=4, keep_draws=True)
    means = reference(name, posterior.sample(40, seed=4), X, y)[0]
    np.testing.assert_allclose(prediction.mean_draws, means, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(prediction.mean_draws.mean(axis=0), prediction.mean, rtol=1e-4)
