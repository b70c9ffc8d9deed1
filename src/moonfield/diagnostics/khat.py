"""How far an approximation is from the posterior, by importance sampling."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._core.keys import Stream, stream
from .._core.trees import Structure, split
from ..families import AbstractApproximation, psis, weighted_moments
from ..inference import Target


class Importance(NamedTuple):
    """Draws of an approximation, weighted towards the posterior.

    Attributes:
        z: (draws, size) draws of the unconstrained vector.
        log_weights: (draws,) smoothed importance weights; exp sums to 1.
        khat: shape of their tail: below 0.5 the approximation is close, above 0.7 it is not.
        effective_draws: how many draws of the posterior the weighted ones are worth.
        mean, sd: of z under the approximation, by the same draws.
        corrected_mean, corrected_sd: of z under the posterior, by the weighted draws.
    """

    z: Array
    log_weights: np.ndarray
    khat: float
    effective_draws: float
    mean: np.ndarray
    sd: np.ndarray
    corrected_mean: np.ndarray
    corrected_sd: np.ndarray


def importance(
    target: Target, approximation: AbstractApproximation, draws: int = 1_000, seed: int = 0
) -> Importance | None:
    """Weigh draws of an approximation by `p(data, z) / q(z)`, Pareto-smoothed.

    None where the approximation has no density (chains, particles). All rows are looked at for
    every draw.
    """
    key = stream(seed, Stream.importance)
    shape = jax.eval_shape(approximation.draw, key, np.int32(0))
    if jax.eval_shape(approximation.log_prob, shape) is None:
        return None
    structure, arrays = split((target, approximation))
    z, ratios = _ratios(structure, int(draws), arrays, key)
    smoothed = psis(np.asarray(ratios))
    points = np.asarray(z, np.float64)
    return Importance(
        z,
        smoothed.log_weights,
        smoothed.khat,
        smoothed.effective_draws,
        points.mean(axis=0),
        points.std(axis=0),
        *weighted_moments(points, smoothed.log_weights),
    )


@functools.partial(jax.jit, static_argnames=("structure", "draws"))
def _ratios(
    structure: Structure, draws: int, arrays: list[Array], key: Array
) -> tuple[Array, Array]:
    """Draws z (draws, size) and their log ratios (draws,)."""
    target, approximation = structure.join(arrays)

    def one(index: Array) -> tuple[Array, Array]:
        z = approximation.draw(key, index)
        log_q = approximation.log_prob(z)
        assert log_q is not None
        return z, target.log_density(z) - log_q

    return jax.lax.map(one, jnp.arange(draws), batch_size=min(draws, 20))
