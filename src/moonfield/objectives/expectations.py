"""What objectives share: expectations and importance ratios over draws of any family."""

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


class Ratios(NamedTuple):
    """`log p(data, z) - log q(z)` of every draw and stratum, and the strata's log-weights."""

    log_weights: Float[Array, "draws strata"]
    values: Float[Array, "draws strata"]


def log_ratios(
    family: AbstractFamily, state: PyTree, density_state: PyTree, log_joint: LogJoint, noise: Array
) -> Ratios:
    """Importance ratios of draws of `state` under the density of `density_state`."""

    def one(z: Array) -> Array:
        return log_joint(z) - family.log_prob(density_state, z)

    log_weights, z = jax.vmap(family.strata, (None, 0))(state, noise)
    return Ratios(log_weights, jax.vmap(jax.vmap(one))(z))
