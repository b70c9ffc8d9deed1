"""A Gaussian near the bulk of the posterior, found before chains start.

A mode may be far from any mass (a funnel) or infinite, so what is climbed is the ELBO of a Gaussian
with a full covariance, by Newton's method in a space that is whitened anew in every iteration: so
nearly singular posteriors need no more than single precision. Expectations are means over fixed
points ±sqrt(size) along random orthogonal axes, exact for a Gaussian posterior.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..model import Coordinates
from .target import Target

Density = Callable[[Array], Array]

PATHS = 4  # starts
DENSE = 128  # largest size with a dense factor
_ITERATIONS = 150
_ASCENT_STEPS = 300
_ENOUGH = 0.01  # nats
_START_SD = 0.1
_PRODUCTS = 64  # of the Hessian with vectors
_FLAT = 1e-3  # of the median curvature: less is noise of its estimate
_RIVAL, _APART = 10.0, 3.0  # nats, sds: another mode


def approach(
    density: Density, starts: Float[Array, "starts size"], key: Array
) -> tuple[Coordinates, Int[Array, ""]]:
    """The best of the Gaussians that are reached from some starting points, and their modes.

    Gaussians whose ELBO is within 10 nats of the best count as modes of their own where their
    centre is more than 3 sds away; the best is the first.
    """
    size = starts.shape[1]
    if size > DENSE:
        gaussians, scores = jax.vmap(functools.partial(_ascend, density))(starts)
    else:
        points = _points(key, size, starts.dtype)
        gaussians, scores = jax.vmap(functools.partial(_climb, density, points))(starts)
    top = jnp.argmax(scores)
    best = jax.tree.map(lambda leaf: leaf[top], gaussians)
    rivals = (scores > scores[top] - _RIVAL) & (_distances(best, gaussians.centre) > _APART)
    return best, 1 + jnp.sum(rivals, dtype=jnp.int32)


def _distances(gaussian: Coordinates, z: Float[Array, "places size"]) -> Float[Array, " places"]:
    """How many sds of a Gaussian places are from its centre."""

    def distance(z: Array) -> Array:
        away, factor = z - gaussian.centre, gaussian.factor
        u = away / factor if factor.ndim == 1 else jnp.linalg.solve(factor, away)
        return jnp.linalg.norm(u)

    return jax.vmap(distance)(z)


def near_bulk(
    target: Target, keys: Array, start: Array | None
) -> tuple[Coordinates, Int[Array, ""]]:
    """The Gaussian near the bulk of a target, and how many modes were met.

    It is sought from `PATHS` random starts; a given one takes the place of the first. `keys` are
    `PATHS` + 1.
    """
    starts = jax.vmap(target.start)(keys[1:])
    if start is not None:
        starts = starts.at[0].set(start)
    return approach(target.log_density, starts, keys[0])


def scaled(density: Density, gaussian: Coordinates, key: Array) -> Coordinates:
    """The Gaussian with sds by the curvature at its centre, none of its directions too wide.

    The diagonal of the Hessian comes from products with random signs (Bekas, Kokiopoulou & Saad,
    2007, "An estimator for the diagonal of a matrix"), its largest eigenvalue under these sds from
    power iteration; all sds shrink by its root where it is above 1. Where the curvature is not
    positive the sd stays what it was.
    """
    centre = gaussian.centre

    def curved(v: Array) -> Array:
        return -jax.jvp(jax.grad(density), (centre,), (v,))[1]

    signs = jax.random.rademacher(key, (_PRODUCTS, centre.size), centre.dtype)
    diagonal = jnp.mean(signs * jax.lax.map(curved, signs), axis=0)
    curvature = jnp.nan_to_num(diagonal)
    known = jnp.where(curvature > 0.0, curvature, jnp.nan)
    least = jnp.maximum(_FLAT * jnp.nan_to_num(jnp.nanmedian(known)), jnp.finfo(known.dtype).tiny)
    sd = jnp.where(curvature > least, jnp.maximum(curvature, least) ** -0.5, gaussian.factor)

    def powered(_: Array, v: Array) -> Array:
        image = jnp.nan_to_num(sd * curved(sd * v))
        return image / jnp.maximum(jnp.linalg.norm(image), jnp.finfo(v.dtype).tiny)

    v = jax.lax.fori_loop(0, _PRODUCTS, powered, signs[0] / jnp.linalg.norm(signs[0]))
    largest = jnp.nan_to_num(jnp.linalg.norm(sd * curved(sd * v)))
    return Coordinates(centre, sd / jnp.sqrt(jnp.maximum(1.0, largest)))


def _points(key: Array, size: int, dtype: jnp.dtype) -> Float[Array, "points size"]:
    """Points with mean 0 and covariance 1: 32 of them or more, and four for each number."""
    keys = jax.random.split(key, max(2, -(-16 // size)))
    frames = jax.vmap(lambda key: jax.random.orthogonal(key, size, dtype=dtype))(keys)
    axes = math.sqrt(size) * frames.reshape(-1, size)
    return jnp.concatenate([axes, -axes])


class _Climb(NamedTuple):
    """The Gaussian reached, its ELBO, and the update that is tried from there."""

    gaussian: Coordinates
    log_det: Float[Array, ""]
    elbo: Float[Array, ""]
    axes: Float[Array, "size size"]
    curvature: Float[Array, " size"]
    step: Float[Array, " size"]
    length: Float[Array, ""]
    calm: Float[Array, ""]  # iterations that gained nothing to speak of
    iteration: Array


def _climb(density: Density, points: Array, start: Array) -> tuple[Coordinates, Array]:
    """Natural-gradient ascent of the ELBO from one start, with backtracking."""
    size, dtype = start.size, start.dtype
    eye, zeros = jnp.eye(size, dtype=dtype), jnp.zeros(size, dtype)
    scalar = functools.partial(jnp.asarray, dtype=dtype)
    first = _Climb(
        Coordinates(start, _START_SD * eye),
        scalar(size * math.log(_START_SD)),
        scalar(-jnp.inf),
        eye,
        jnp.ones(size, dtype),
        zeros,
        scalar(1.0),
        scalar(0.0),
        jnp.zeros((), jnp.int32),
    )

    def going(state: _Climb) -> Array:
        return (state.iteration < _ITERATIONS) & (state.calm < 3.0)

    state = jax.lax.while_loop(going, functools.partial(_try, density, points), first)
    return state.gaussian, state.elbo


def _try(density: Density, points: Array, state: _Climb) -> _Climb:
    """Try the update at its present length: take it and find the next one, or shorten it."""
    tried, log_det = _updated(state)
    values, slopes = jax.vmap(jax.value_and_grad(lambda u: density(tried.at(u))))(points)
    elbo = jnp.mean(values) + log_det
    elbo = jnp.where(jnp.isfinite(elbo) & jnp.isfinite(slopes).all(), elbo, -jnp.inf)
    precision = -(slopes.T @ points) / points.shape[0]
    precision = jnp.nan_to_num(0.5 * (precision + precision.T))
    eigenvalues, axes = jnp.linalg.eigh(precision)
    floor = jnp.maximum(1.0 / 64.0, 1e-5 * eigenvalues[-1])
    curvature = jnp.maximum(eigenvalues, floor)
    step = (axes.T @ jnp.nan_to_num(jnp.mean(slopes, axis=0))) / curvature
    taken = elbo > state.elbo
    calm = jnp.where(elbo > state.elbo + _ENOUGH, 0.0, state.calm + 1.0)
    lost = jnp.isneginf(state.elbo) & ~taken  # not finite from the start: draw the points closer
    shrunk = state._replace(
        gaussian=state.gaussian._replace(factor=0.3 * state.gaussian.factor),
        log_det=state.log_det + points.shape[1] * math.log(0.3),
        iteration=state.iteration + 1,
    )
    back = state._replace(
        length=0.25 * state.length,
        calm=jnp.where(state.length < 1e-4, 3.0, state.calm),
        iteration=state.iteration + 1,
    )
    length = jnp.minimum(1.0, 2.0 * state.length)
    there = (tried, log_det, elbo, axes, curvature, step, length, calm)
    forth = _Climb(*there, iteration=state.iteration + 1)
    return _choose(taken, forth, _choose(lost, shrunk, back))


def _updated(state: _Climb) -> tuple[Coordinates, Array]:
    """The Gaussian an update of the present length away, and the log-determinant of its factor."""
    gaussian, length = state.gaussian, state.length
    scales = state.curvature ** (-0.5 * length)
    centre = gaussian.at(length * (state.axes @ state.step))
    factor = gaussian.factor @ (state.axes * scales[None])
    return Coordinates(centre, factor), state.log_det + jnp.sum(jnp.log(scales))


def _choose(flag: Array, yes: _Climb, no: _Climb) -> _Climb:
    return jax.tree.map(functools.partial(jnp.where, flag), yes, no)


def _ascend(density: Density, start: Array) -> tuple[Coordinates, Array]:
    """Adam's ascent of the density itself, for sizes whose covariance would not pay."""

    def step(carry: tuple, t: Array) -> tuple:
        z, mean, square, best, best_value = carry
        value, slope = jax.value_and_grad(density)(z)
        better = value > best_value
        best, best_value = jnp.where(better, z, best), jnp.where(better, value, best_value)
        slope = jnp.nan_to_num(slope)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        corrected = jnp.sqrt(square / (1.0 - 0.99**t)) + 1e-8
        z = z + 0.03 * (mean / (1.0 - 0.9**t)) / corrected
        return (z, mean, square, best, best_value), None

    low, zeros = jnp.full((), -jnp.inf, start.dtype), jnp.zeros_like(start)
    times = jnp.arange(1, _ASCENT_STEPS + 1, dtype=start.dtype)
    (*_, best, value), _ = jax.lax.scan(step, (start, zeros, zeros, start, low), times)
    return Coordinates(best, jnp.full_like(start, _START_SD)), value
