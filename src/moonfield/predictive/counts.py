"""Cdfs of counts in 32 bits, where the incomplete gamma and beta functions lose their digits.

Both are differences of large logarithms there: off by 0.01 at a mean of 10,000, and no
probabilities at all at 1,000,000, or where counts are nearly Poisson. These are within 2e-4.
"""

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import betainc, gammainc, gammaincc, ndtr
from jaxtyping import Array, Float

_LARGE_RATE = 30.0  # of a Poisson distribution, from which on it is approximated
_LARGE = 10.0  # of counts and concentrations: a normal approximation holds for both beyond it
_VERY_LARGE = 500.0  # concentration that is nearly Poisson for smaller counts
_MANY = 30.0  # counts by (1 + concentration), nearly a gamma distribution from there on
_TERMS = 12  # of a series of log(1 + u)
_SERIES = 0.1  # |u| below which it is that


def count_cdf(predictive: Any, y: Float[Array, "*shape"]) -> Float[Array, "*shape"] | None:
    """`P(y' <= y)` of whole numbers y >= 0, Poisson or negative binomial; None of all else.

    In 64 bits None as well: there NumPyro's are better.
    """
    if y.dtype != jnp.float32:
        return None
    if isinstance(predictive, dist.Poisson):
        return _poisson(y, jnp.asarray(predictive.rate))
    if isinstance(predictive, dist.GammaPoisson):
        concentration = jnp.asarray(predictive.concentration)
        return _negative_binomial(y, concentration, concentration / jnp.asarray(predictive.rate))
    return None


def _poisson(k: Array, rate: Array) -> Array:
    large = rate >= _LARGE_RATE
    small = gammaincc(jnp.where(large, 1.0, k + 1.0), jnp.where(large, 1.0, rate))
    wide = jnp.maximum(rate, _LARGE_RATE)
    distance = k + 2.0 / 3.0 - wide + 0.02 / (k + 1.0)
    start = k + 0.5
    return jnp.where(large, ndtr(distance * jnp.sqrt(2.0 * _share(wide - start, start))), small)


def _negative_binomial(k: Array, r: Array, mean: Array) -> Array:
    """By what is large of the count k and the concentration r.

    Where only one of them is: Wise (1950, "The incomplete beta function as a contour integral and
    a quickly converging series for its inverse", Biometrika 37).
    """
    by_gamma = gammainc(jnp.minimum(r, _LARGE), (k + 0.5 + 0.5 * r) * jnp.log1p(r / mean))
    few = jnp.minimum(k, _LARGE)
    by_poisson = gammaincc(few + 1.0, (r + 0.5 * few) * jnp.log1p(mean / r))
    most = _MANY * (1.0 + _LARGE)
    exact = betainc(jnp.minimum(r, _VERY_LARGE), jnp.minimum(k, most) + 1.0, r / (r + mean))
    both, nearly_poisson = (r >= _LARGE) & (k >= _LARGE), r >= _VERY_LARGE
    conditions = [both, nearly_poisson, (r < _LARGE) & (k >= _MANY * (1.0 + r))]
    return jnp.select(conditions, [_by_normal(k, r, mean), by_poisson, by_gamma], exact)


def _by_normal(k: Array, r: Array, mean: Array) -> Array:
    """Peizer & Pratt (1968, "A normal approximation for binomial, F, beta, and other common,
    related tail probabilities, I", JASA 63): of at least r successes in k + r trials.
    """
    r, k = jnp.maximum(r, 1.0), jnp.maximum(k, 1.0)
    p, q, trials = r / (r + mean), mean / (r + mean), k + r
    gap = r * (k - mean) / (r + mean) + 0.5  # p trials - (r - 1/2), without its cancellation
    curvature = _share(gap, r - 0.5) + _share(-gap, k + 0.5)
    distance = gap - 1.0 / 6.0 + p / 3.0
    distance -= 0.02 * (q / r - p / (k + 1.0) + (q - 0.5) / (trials + 1.0))
    return ndtr(distance * jnp.sqrt(2.0 * curvature / (1.0 + 1.0 / (6.0 * trials))))


def _share(gap: Array, start: Array) -> Array:
    """`(u - log(1 + u)) start / gap**2` with u = gap / start, at any gap."""
    u = gap / start
    series = jnp.zeros_like(u)
    for n in range(_TERMS, 1, -1):
        series = 1.0 / n - u * series
    near = jnp.abs(u) < _SERIES
    far = jnp.where(near, 1.0, u)
    return jnp.where(near, series, (far - jnp.log1p(far)) / far**2) / start
