"""Warmup that all chains share: one step size, one whitening, learned from all of them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...model import Coordinates

_FIRST, _LAST = 0.12, 0.15  # parts of the warmup that adapt the step size alone
_FIRST_WINDOW = 25


class Plan(NamedTuple):
    """What each iteration does beside moving; three flags an iteration."""

    adapt: np.ndarray  # update the step size
    gather: np.ndarray  # put the positions into the window's covariance
    close: np.ndarray  # whiten by the window's covariance and start another


def plan(warmup: int, length: int) -> Plan:
    """Windows that double, between two stretches for the step size alone (as Stan's)."""
    adapt, gather, close = (np.zeros(length, bool) for _ in range(3))
    adapt[:warmup] = True
    begin, end, window = round(_FIRST * warmup), round((1.0 - _LAST) * warmup), _FIRST_WINDOW
    gather[begin:end] = True
    while begin < end:
        last = begin + 3 * window > end  # the next one, twice as long, would not fit
        begin = end if last else begin + window
        close[begin - 1] = True
        window *= 2
    return Plan(adapt, gather, close)


class StepSize(NamedTuple):
    """Nesterov's dual averaging (Hoffman & Gelman, 2014, "The No-U-Turn sampler", section 3.2)."""

    log: Float[Array, ""]
    log_mean: Float[Array, ""]
    error: Float[Array, ""]
    total: Float[Array, ""]
    anchor: Float[Array, ""]


def first_step_size(log: Float[Array, ""]) -> StepSize:
    """Start at a step size, and try larger ones first."""
    zero = jnp.zeros_like(log)
    return StepSize(log, log, zero, zero, log + jnp.log(jnp.asarray(2.0, log.dtype)))


def adapted(state: StepSize, acceptance: Float[Array, ""], wanted: Float[Array, ""]) -> StepSize:
    """One update towards the wanted acceptance."""
    count = state.total + 1.0
    rate = 1.0 / (count + 10.0)
    error = (1.0 - rate) * state.error + rate * (wanted - acceptance)
    log = state.anchor - jnp.sqrt(count) / 0.05 * error
    weight = count**-0.75
    log_mean = weight * log + (1.0 - weight) * state.log_mean
    return StepSize(log, log_mean, error, count, state.anchor)


class Window(NamedTuple):
    """Running mean and centred products of u over a window (squares alone for a diagonal)."""

    total: Float[Array, ""]
    mean: Float[Array, " size"]
    products: Array


def empty_window(gaussian: Coordinates) -> Window:
    """Nothing gathered yet."""
    zeros = jnp.zeros_like(gaussian.centre)
    return Window(jnp.zeros((), zeros.dtype), zeros, jnp.zeros_like(gaussian.factor))


def gathered(window: Window, u: Float[Array, "chains size"]) -> Window:
    """The window with one more position of every chain (Chan's update)."""
    chains = u.shape[0]
    count = window.total + chains
    mean = jnp.mean(u, axis=0)
    shift = mean - window.mean
    inner, between = u - mean[None], window.total * chains / count
    if window.products.ndim == 2:
        added = inner.T @ inner + between * jnp.outer(shift, shift)
    else:
        added = jnp.sum(inner**2, axis=0) + between * shift**2
    return Window(count, window.mean + shift * (chains / count), window.products + added)


def rewhitened(
    gaussian: Coordinates,
    window: Window,
    u: Float[Array, "chains size"],
    slopes: Float[Array, "chains size"],
) -> tuple[Coordinates, Float[Array, "chains size"], Float[Array, "chains size"]]:
    """The Gaussian of the window's draws, shrunk towards the one before; u and slopes in its terms.

    A slope is the gradient of a density in u; that of the same density in the new u follows by the
    chain rule.
    """
    shift = u - window.mean[None]
    if window.products.ndim == 2:
        prior = 5.0 + window.mean.size
        covariance = window.products + prior * jnp.eye(u.shape[1], dtype=u.dtype)
        root = jnp.linalg.cholesky(covariance / (window.total + prior))
        factor = gaussian.factor @ root
        moved = jax.scipy.linalg.solve_triangular(root, shift.T, lower=True).T
        turned = slopes @ root
    else:
        root = jnp.sqrt((window.products + 5.0) / (window.total + 5.0))
        factor, moved, turned = gaussian.factor * root, shift / root[None], slopes * root[None]
    new = Coordinates(gaussian.at(window.mean), factor), moved, turned
    sound = jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(new)]).all()
    return jax.tree.map(lambda new, old: jnp.where(sound, new, old), new, (gaussian, u, slopes))
