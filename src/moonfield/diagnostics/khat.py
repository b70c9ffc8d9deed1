"""How far an approximation is from the posterior, by importance sampling."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from .._core.keys import Stream, stream
from .._core.trees import Structure, split
from ..families import AbstractApproximation, psis, weighted_moments
from ..inference import Target
from ..model import space

_BLOCK = 1_000  # draws a call: more of them compile nothing


class Importance(NamedTuple):
    """Draws of an approximation, weighted towards the posterior.

    Attributes:
        z: (draws, size) draws of the unconstrained vector, in the model's coordinates.
        log_weights: (draws,) smoothed importance weights; exp sums to 1.
        khat: shape of their tail: below 0.5 the approximation is close, above 0.7 it is not.
        effective_draws: how many draws of the posterior the weighted ones are worth.
        mean, sd: of the parameters under the approximation, by the same draws: all numbers that
            `posterior.sample` gives, in its order.
        corrected_mean, corrected_sd: of these under the posterior, by the weighted draws.
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
    blocks = [
        _ratios(structure, min(_BLOCK, draws - first), arrays, key, np.int32(first))
        for first in range(0, draws, _BLOCK)
    ]
    z, params, ratios = jax.tree.map(lambda *parts: jnp.concatenate(parts), *blocks)
    smoothed = psis(np.asarray(ratios))
    points = np.asarray(z if params is None else params, np.float64)
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
    structure: Structure, draws: int, arrays: list[Array], key: Array, first: Array
) -> tuple[Array, Array | None, Array]:
    """Draws `first` and on: z (draws, size), the parameters there, and log ratios (draws,).

    No parameters where they are z itself.
    """
    target, approximation = structure.join(arrays)
    model = target.model

    def one(index: Array) -> tuple[Array, Array | None, Array]:
        z = approximation.draw(key, index)
        log_q = approximation.log_prob(z)
        assert log_q is not None
        ratio = target.log_density(z) - log_q
        if model.is_plain:
            return z, None, ratio
        params = model.weights(space(model).constrain(z)[0])
        return z, ravel_pytree(params)[0], ratio

    return jax.lax.map(one, first + jnp.arange(draws, dtype=first.dtype), batch_size=min(draws, 20))
