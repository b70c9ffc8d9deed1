"""The ELBO of a fixed approximation, from fresh draws."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core.trees import Structure, split
from ..families import AbstractApproximation
from .target import Target

_DRAWS = 1_000
_AT_ONCE = 8


def estimate_elbo(
    target: Target, approximation: AbstractApproximation, entropy: Array, key: Array
) -> tuple[float, float]:
    """`E_q[log p(data, z)] + H[q]` from 1,000 draws, and its Monte Carlo standard error, nats."""
    structure, arrays = split((target, approximation))
    logp = np.asarray(_log_densities(structure, arrays, key), np.float64)
    if not np.isfinite(logp).all():
        return float("-inf"), float("nan")
    return float(logp.mean() + float(entropy)), float(logp.std(ddof=1) / np.sqrt(len(logp)))


@functools.partial(jax.jit, static_argnames="structure")
def _log_densities(structure: Structure, arrays: list[Array], key: Array) -> Float[Array, " draws"]:
    target, approximation = structure.join(arrays)

    def one(index: Array) -> Array:
        return target.log_density(approximation.draw(key, index))

    return jax.lax.map(one, jnp.arange(_DRAWS), batch_size=_AT_ONCE)
