"""Quantiles of the predictive mixture, and random keys for draws of targets."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree
from scipy.optimize import elementwise

from .cumulative import Cdf, cdfs
from .stream import Source

_BISECTIONS, _DOUBLINGS = 160, 130  # all floats in 32 bits; most need a few
_FEW = 1_000.0  # counts
_SMALLEST = 2.0**-30  # tolerance, relative of a cdf and of the bracket
_OFF = 1e-3  # of the level: a cdf so far from it was looked for at the wrong scale
_LEAST, _MOST = 1e-12, 1e30  # what can be told from 0, and the largest quantile, at any scale


def mixture_quantiles(
    source: Source,
    inputs: PyTree,
    draws: int,
    levels: Sequence[float],
    mean: np.ndarray,
    sd: np.ndarray,
) -> list[np.ndarray]:
    """For each level the smallest y with `mean_w P(y' <= y | w) >= level`.

    As exact as rounding allows, or 2**-30, for continuous targets; whole numbers for counts.
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
        return cdf(y).astype(float) < level  # as the search does, whose bracket these make

    if discrete:
        few = mean + 4.0 * sd < _FEW
        near = few | (np.isfinite(mean + sd) & (sd < 10.0 * mean))  # else they say little
        low, high = np.full_like(mean, -1.0), np.where(near, mean + 4.0 * sd, 1.0)
        return _bisect(below, low, np.ceil(_above(below, low, high)))
    finite = np.isfinite(mean) & np.isfinite(sd)
    centre = np.where(finite, mean, 0.0).astype(mean.dtype)
    step = np.where(finite, 4.0 * sd, 1.0).astype(sd.dtype) + np.finfo(sd.dtype).tiny
    low, high = centre - step, _above(below, centre - step, centre + step)
    for _ in range(_DOUBLINGS):
        inside = below(low)
        if inside.all():
            break
        low = np.where(inside, low, low - (high - low))
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    found = _root(cdf, level, lambda t: centre + (t * half).astype(centre.dtype), centre)
    far = np.abs(cdf(found) - level)
    rounding = float(np.finfo(mean.dtype).eps)
    if not (far > max(_OFF * min(level, 1.0 - level), rounding)).any():
        return found
    widest = np.arcsinh(_MOST / _LEAST)
    anywhere = _root(
        cdf, level, lambda t: (_LEAST * np.sinh(t * widest)).astype(centre.dtype), centre
    )
    return np.where(np.abs(cdf(anywhere) - level) < 0.5 * far, anywhere, found)


def _above(below: Callable, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Ends that are moved away from the others until they are not below."""
    for _ in range(_DOUBLINGS):
        outside = below(high)
        if not outside.any():
            break
        high = np.where(outside, high + (high - low), high)
    return high


def _bisect(below: Callable, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Among whole numbers."""
    for _ in range(_BISECTIONS):
        middle = np.floor(0.5 * (low + high))
        under = below(middle)
        low, high = np.where(under, middle, low), np.where(under, high, middle)
        if (high - low <= 1.0).all():
            break
    return high


def _root(
    cdf: Cdf, level: float, y_of: Callable[[np.ndarray], np.ndarray], like: np.ndarray
) -> np.ndarray:
    """Where an increasing `y_of` of -1 to 1 meets the level, for all elements at once.

    Chandrupatla's method: fewer evaluations than bisection takes.
    """

    def at(t: np.ndarray, elements: np.ndarray) -> np.ndarray:
        every = np.zeros(like.size)
        every[elements] = t
        return cdf(y_of(every.reshape(like.shape))).ravel()[elements].astype(float) - level

    ones, elements = np.ones(like.size), np.arange(like.size)
    exact = max(_SMALLEST, float(np.finfo(like.dtype).eps))
    close = max(exact * min(level, 1.0 - level), float(np.spacing(like.dtype.type(level))))
    tolerances = {"xatol": exact, "fatol": close}
    found = elementwise.find_root(at, (-ones, ones), args=(elements,), tolerances=tolerances)
    return y_of(np.where(found.success, found.x, 1.0).reshape(like.shape))


def row_keys(key: Array, rows: int) -> Array:
    """A random key for each row's place."""
    return jax.vmap(functools.partial(jax.random.fold_in, key))(jnp.arange(rows))
