"""Densities of counts without differences of large numbers, which 32 bits do not hold.

Stirling's formula takes the large terms of factorials together with those of the likelihood; what
is left is the deviance (Loader, 2000, "Fast and accurate computation of binomial probabilities").
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array

_HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)
_MANY = 16.0  # from which on three terms of Stirling's series are exact in 32 bits
_FAR = 50.0  # of log ratios: exp(-50) is nothing beside 1, and exp(50) is finite


def poisson_log_prob(log_mean: Array, y: Array) -> Array:
    """`y f - exp(f) - log y!` for the log of the mean f: `-y (expm1(d) - d)` for `d = f - log y`,
    minus `log(2 pi y) / 2` and the rest of Stirling's series for `log y!`.
    """
    some, count = y > 0.0, jnp.where(y > 0.0, y, 1.0)
    ahead = jnp.where(some, log_mean, 0.0) - jnp.log(count)
    of_some = -count * (jnp.expm1(ahead) - ahead) - _of_one(count)
    return jnp.where(some, of_some, -jnp.exp(jnp.where(some, 0.0, log_mean)))


def negative_binomial_log_prob(log_mean: Array, concentration: Array, y: Array) -> Array:
    """`log G(y + c) - log G(c) - log y! + y log(m / (m + c)) + c log(c / (m + c))`.

    It is `c log((y + c) / (m + c)) + y log((1 + c / y) / (1 + c / m)) - log(1 + y / c) / 2`, minus
    what Poisson's has beside the deviance, and the difference of two rests of Stirling's series.
    Both ratios are near 1 where y is near m, and are taken from `d = log m - log y`.
    """
    c, some, count = concentration, y > 0.0, jnp.where(y > 0.0, y, 1.0)
    ahead = log_mean - jnp.log(count)
    over, under = jnp.maximum(ahead, 0.0), jnp.minimum(ahead, 0.0)
    mean = count * jnp.exp(under)  # where it is less than y
    whole = count + c
    below = jnp.log1p(-count * jnp.expm1(under) / (mean + c))
    of_c = below - _log1p_of_expm1(over, count / whole)
    above = jnp.log1p(-c * jnp.expm1(-over) / (count + c * jnp.exp(-over)))
    of_y = above - _log1p_of_expm1(-under, c / whole)
    rest = _stirling_rest(whole) - _stirling_rest(c) - 0.5 * jnp.log1p(count / c)
    log_prob = c * of_c + count * of_y + rest - _of_one(count)
    return jnp.where(some, log_prob, -c * jax.nn.softplus(log_mean - jnp.log(c)))


def _log1p_of_expm1(x: Array, share: Array) -> Array:
    """`log(1 + share (exp(x) - 1))` for x of 0 or more, which may be large."""
    near = jnp.log1p(share * jnp.expm1(jnp.minimum(x, _FAR)))
    return jnp.where(x > _FAR, jax.nn.softplus(x + jnp.log(share)), near)


def _of_one(count: Array) -> Array:
    """`-log p(y)` of a Poisson whose mean is y itself."""
    return _HALF_LOG_TWO_PI + 0.5 * jnp.log(count) + _stirling_rest(count)


def _stirling_rest(x: Array) -> Array:
    """`log G(x) - (x - 1/2) log x + x - log(2 pi) / 2`."""
    many, few = jnp.maximum(x, _MANY), jnp.minimum(x, _MANY)
    series = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / many**2) / many**2) / many
    direct = gammaln(few) - (few - 0.5) * jnp.log(few) + few - _HALF_LOG_TWO_PI
    return jnp.where(x > _MANY, series, direct)
