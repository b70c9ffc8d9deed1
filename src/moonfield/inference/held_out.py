"""How well approximations at modes predict rows that were left out, and what each should weigh.

Stacking: the weights of a mixture of predictive distributions are those with the best log score of
rows that none of them has seen (Yao, Vehtari, Simpson & Gelman, 2018, "Using stacking to average
Bayesian predictive distributions", section 3.1).
"""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core.keys import Stream, streams
from .._core.trees import Structure, split
from ..data import rows_first, take
from ..families import Gaussian
from ..model import space
from .gauss_newton import jacobians
from .target import Target

_PART, _MOST = 4, 1_000  # a quarter of the rows, and at most so many
_DRAWS, _AT_ONCE = 1_000, 50  # of each row's outputs


def left_out(weights: Float[np.ndarray, " rows"], seed: int) -> Int[np.ndarray, " chosen"]:
    """Which of the rows that have a weight are left out, at random."""
    rows = np.flatnonzero(weights > 0.0)
    count = min(len(rows) // _PART, _MOST)
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def without(target: Target, rows: Int[np.ndarray, " chosen"]) -> Target:
    """The target with weight 0 for some rows: of the same shapes, so that nothing is compiled."""
    weights = np.array(target.batch.weights)
    weights[rows] = 0.0
    return eqx.tree_at(lambda it: it.batch.weights, target, weights)


def log_scores(
    target: Target,
    found: Gaussian,
    places: Int[np.ndarray, " weights"],
    rows: Int[np.ndarray, " chosen"],
    seed: int,
) -> Float[np.ndarray, " chosen"]:
    """`log p(y)` of some rows, nats, averaged over the weights at `places`.

    By draws of the outputs of the network's first-order expansion at the mean of what was found; of
    the likelihood's own numbers the mode.
    """
    z, covariances = found.mean, []
    root = np.asarray(found.scale_tril, np.float64)[np.ix_(places, places)]
    for begin, jacobian in jacobians(target, z, places):
        own = rows[(rows >= begin) & (rows < begin + len(jacobian))] - begin
        half = jacobian[own] @ root
        covariances.append(half @ half.swapaxes(-1, -2))
    variances, axes = np.linalg.eigh(np.concatenate(covariances))
    roots = (axes * np.sqrt(np.maximum(variances, 0.0))[:, None, :]).astype(z.dtype)
    keys = streams(seed, Stream.draws, _DRAWS)
    structure, arrays = split(target)
    return np.asarray(_mean_density(structure, arrays, z, rows, roots, keys), float)


@functools.partial(jax.jit, static_argnames="structure")
def _mean_density(
    structure: Structure,
    arrays: list[Array],
    z: Array,
    rows: Int[Array, " chosen"],
    roots: Float[Array, "chosen outputs outputs"],
    keys: Array,
) -> Float[Array, " chosen"]:
    """`log p(y)` of some rows, averaged over draws of their outputs: a few at a time in memory."""
    target = structure.join(arrays)
    model: Any = target.model
    some = take(rows_first(target.batch), rows, jnp.ones(len(rows)))
    params, _ = space(model).constrain(z)
    outputs, own = model.outputs(params, some.inputs), params["likelihood"]

    def density(key: Array) -> Array:
        noise = jax.random.normal(key, outputs.shape, outputs.dtype)
        moved = outputs + jnp.einsum("roi,ri->ro", roots, noise)
        return model.likelihood.log_prob(own, moved, some.targets)

    each = jax.lax.map(density, keys, batch_size=_AT_ONCE)
    return jax.scipy.special.logsumexp(each, axis=0) - math.log(len(keys))


def best_share(
    one: Float[np.ndarray, " rows"],
    other: Float[np.ndarray, " rows"],
    weights: Float[np.ndarray, " rows"],
    parts: int,
) -> int:
    """How many of so many parts of a mixture `one` should have, the rest being `other`.

    Both are log densities of the same rows, which have weights.
    """
    shares = np.arange(parts + 1)[:, None] / parts
    with np.errstate(divide="ignore"):
        mixed = np.logaddexp(np.log(shares) + one, np.log1p(-shares) + other)
    return int(np.argmax(mixed @ weights))
