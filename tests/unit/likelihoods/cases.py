"""Every likelihood with outputs, targets and an independent log-density in float64."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

from moonfield import likelihoods

ROWS = 200
_RNG = np.random.default_rng(7)


class Case(NamedTuple):
    """One likelihood; `reference(outputs, y)` is one log-density a row."""

    name: str
    make: Callable[[], likelihoods.AbstractLikelihood]
    outputs: np.ndarray
    y: np.ndarray
    reference: Callable[[np.ndarray, np.ndarray], np.ndarray]
    own: dict[str, Any]


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, x)


def _head(raw: np.ndarray) -> np.ndarray:
    """Times a learned scale of 1.3."""
    return 1.3 * np.exp(3.0 * np.tanh(raw / 3.0))


def _negative_binomial(log_mean: np.ndarray, c: Any, y: np.ndarray) -> np.ndarray:
    return stats.nbinom.logpmf(y, c, c / (c + np.exp(log_mean)))


def _categorical(f: np.ndarray, y: np.ndarray) -> np.ndarray:
    return f[np.arange(len(f)), y.astype(int)] - special.logsumexp(f, axis=1)


def _mixture_density(f: np.ndarray, y: np.ndarray) -> np.ndarray:
    a, means, raw = np.split(f, 3, axis=1)
    log_weights = a - special.logsumexp(a, axis=1, keepdims=True)
    each = log_weights + stats.norm.logpdf(y[:, None], means, _softplus(raw) + 1e-6)
    return special.logsumexp(each, axis=1)


_ONE = 3.0 * _RNG.normal(size=(ROWS, 1))
_TWO = 2.0 * _RNG.normal(size=(ROWS, 2))
_FOUR = 3.0 * _RNG.normal(size=(ROWS, 4))
_SIX = 2.0 * np.random.default_rng(8).normal(size=(ROWS, 6))
_LOG_RATES = _RNG.uniform(-4.0, 4.0, (ROWS, 1))
_NUMBERS = 3.0 * _RNG.normal(size=ROWS)
_COUNTS = _RNG.poisson(6.0, ROWS).astype(float)
_BINARY = (_RNG.random(ROWS) < 0.4).astype(float)
_CLASSES = _RNG.integers(0, 4, ROWS).astype(float)

CASES = [
    Case(
        "bernoulli", likelihoods.Bernoulli, _ONE, _BINARY,
        lambda f, y: -_softplus(np.where(y == 1.0, -f[:, 0], f[:, 0])), {},
    ),
    Case("categorical", likelihoods.Categorical, _FOUR, _CLASSES, _categorical, {}),
    Case(
        "normal_known", lambda: likelihoods.Normal(sd=0.7), _ONE, _NUMBERS,
        lambda f, y: stats.norm.logpdf(y, f[:, 0], 0.7), {},
    ),
    Case(
        "normal_learned", likelihoods.Normal, _ONE, _NUMBERS,
        lambda f, y: stats.norm.logpdf(y, f[:, 0], 1.3), {"sd": 1.3},
    ),
    Case(
        "normal_head", lambda: likelihoods.Normal(sd="head"), _TWO, _NUMBERS,
        lambda f, y: stats.norm.logpdf(y, f[:, 0], _head(f[:, 1])), {"sd": 1.3},
    ),
    Case(
        "student_t_known", lambda: likelihoods.StudentT(df=3.0, scale=0.7), _ONE, _NUMBERS,
        lambda f, y: stats.t.logpdf(y, 3.0, f[:, 0], 0.7), {},
    ),
    Case(
        "student_t_learned", likelihoods.StudentT, _ONE, _NUMBERS,
        lambda f, y: stats.t.logpdf(y, 4.0, f[:, 0], 1.3), {"scale": 1.3},
    ),
    Case(
        "student_t_head", lambda: likelihoods.StudentT(scale="head"), _TWO, _NUMBERS,
        lambda f, y: stats.t.logpdf(y, 4.0, f[:, 0], _head(f[:, 1])), {"scale": 1.3},
    ),
    Case(
        "mixture_density", lambda: likelihoods.MixtureDensity(2), _SIX, _NUMBERS,
        _mixture_density, {},
    ),
    Case(
        "poisson", likelihoods.Poisson, _LOG_RATES, _COUNTS,
        lambda f, y: stats.poisson.logpmf(y, np.exp(f[:, 0])), {},
    ),
    Case(
        "negative_binomial_known", lambda: likelihoods.NegativeBinomial(2.5), _LOG_RATES, _COUNTS,
        lambda f, y: _negative_binomial(f[:, 0], 2.5, y), {},
    ),
    Case(
        "negative_binomial_learned", likelihoods.NegativeBinomial, _LOG_RATES, _COUNTS,
        lambda f, y: _negative_binomial(f[:, 0], 4.0, y), {"concentration": 4.0},
    ),
    Case(
        "negative_binomial_head", lambda: likelihoods.NegativeBinomial("head"), _TWO, _COUNTS,
        lambda f, y: _negative_binomial(f[:, 0], _head(f[:, 1]), y), {"concentration": 1.3},
    ),
]  # fmt: skip

NAMES = [case.name for case in CASES]
