"""Quantiles of the predictive mixture, and random keys for draws of targets."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from .cumulative import Cdf, cdfs
from .stream import Source

_BISECTIONS = 30
_DOUBLINGS = 40


def mixture_quantiles(
    source: Source,
    inputs: PyTree,
    draws: int,
    levels: Sequence[float],
    mean: np.ndarray,
    sd: np.ndarray,
) -> list[np.ndarray]:
    """For each level the smallest y with `mean_w P(y' <= y | w) >= level`, by bisection.

    To about 2**-30 of the predictive sd for continuous targets; whole numbers for counts.
    """
    discrete = source.model.discrete
    parts = [
        [quantile_of(cdf, level, mean[rows], sd[rows], discrete) for level in levels]
        for rows, cdf in cdfs(source, inputs, draws)
    ]
    return [np.concatenate(found) for found in zip(*parts, strict=True)]


def quantile_of(
    cdf: Cdf, level: float, mean: np.ndarray, sd: np.ndarray, discrete: bool
) -> np.ndarray:
    """The smallest y with `cdf(y) >= level` of each row, whose mean and sd say where to look."""

    def below(y: np.ndarray) -> np.ndarray:
        return cdf(y) < level

    step = 4.0 * sd + np.finfo(sd.dtype).tiny
    low = np.full_like(mean, -1.0) if discrete else mean - step
    high = mean + step
    for _ in range(_DOUBLINGS):
        outside = below(high)
        if not outside.any():
            break
        high = np.where(outside, high + (high - low), high)
    for _ in range(0 if discrete else _DOUBLINGS):
        inside = below(low)
        if inside.all():
            break
        low = np.where(inside, low, low - (high - low))
    return _bisect(below, low, np.ceil(high) if discrete else high, discrete)


def _bisect(below: Callable, low: np.ndarray, high: np.ndarray, discrete: bool) -> np.ndarray:
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        middle = np.floor(middle) if discrete else middle
        under = below(middle)
        low, high = np.where(under, middle, low), np.where(under, high, middle)
        if discrete and (high - low <= 1.0).all():
            break
    return high


def row_keys(key: Array, rows: int) -> Array:
    """A random key for each row's place."""
    return jax.vmap(functools.partial(jax.random.fold_in, key))(jnp.arange(rows))
