"""What objectives share: expectations, entropies and importance ratios for draws of any family."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily
from .log_joint import LogJoint


def expectation(
    family: AbstractFamily, state: PyTree, f: Callable[[Array], Array], noise: Array
) -> Float[Array, ""]:
    """An unbiased estimate of `E_q[f(z)]` from one draw's noise, as is its gradient in `state`."""
    log_weights, z = family.strata(state, noise)
    if len(z) == 1:
        return f(jnp.squeeze(z, 0))
    return jnp.dot(jnp.exp(log_weights), jax.vmap(f)(z))


def entropy(family: AbstractFamily, state: PyTree, noise: Array) -> Float[Array, ""]:
    """The entropy of q in closed form, or else an unbiased estimate from one draw's noise."""
    known = family.entropy(state)
    if known is not None:
        return known
    draws = _draws(family, state, noise)
    return -jnp.dot(jnp.exp(draws.log_weights), draws.log_densities)


class Ratios(NamedTuple):
    """`log p(data, z) - log q(z)` of every draw and stratum, and the strata's log-weights."""

    log_weights: Float[Array, "draws strata"]
    values: Float[Array, "draws strata"]


def log_ratios(
    family: AbstractFamily, state: PyTree, log_joint: LogJoint, noise: Float[Array, "draws noise"]
) -> Ratios:
    """Importance ratios of draws of q."""

    def one(row: Array) -> Ratios:
        draws = _draws(family, state, row)
        return Ratios(draws.log_weights, jax.vmap(log_joint)(draws.z) - draws.log_densities)

    return jax.vmap(one)(noise)


class _Draws(NamedTuple):
    """A draw of each stratum."""

    log_weights: Float[Array, " strata"]
    z: Float[Array, "strata size"]
    log_densities: Float[Array, " strata"]  # of q at z


def _draws(family: AbstractFamily, state: PyTree, noise: Array) -> _Draws:
    log_weights, z = family.strata(state, noise)
    if len(z) == 1:
        z, log_density = family.sample_and_log_prob(state, noise)
        return _Draws(log_weights, z[None], log_density[None])
    return _Draws(log_weights, z, jax.vmap(family.log_prob, (None, 0))(state, z))
