"""The direction in which Stein variational gradient descent moves points."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def stein_direction(
    points: Float[Array, "particles size"], scores: Float[Array, "particles size"]
) -> Float[Array, "particles size"]:
    """`phi(x_i) = mean_j k(x_j, x_i) score_j + grad_{x_j} k(x_j, x_i)`, of most descent in KL.

    `k(x, y) = exp(-|x - y|^2 / h)`; `h` is the median squared distance between two points over
    `log(particles + 1)`, so that the kernel sums to about one (Liu & Wang, 2016, "Stein variational
    gradient descent", eq. 8 and section 5). A single point follows its score.
    """
    if len(points) == 1:
        return scores
    squared = _squared_distances(points)
    pairs = squared[np.triu_indices(len(points), 1)]
    smallest = jnp.finfo(points.dtype).tiny
    width = jnp.maximum(jnp.median(pairs) / math.log(len(points) + 1.0), smallest)
    kernel = jnp.exp(-squared / width)
    attraction = kernel @ scores
    repulsion = points * jnp.sum(kernel, axis=1, keepdims=True) - kernel @ points
    return (attraction + 2.0 / width * repulsion) / len(points)


def _squared_distances(points: Array) -> Array:
    """(particles, particles); from products, about the mean so that little cancels."""
    centred = points - jnp.mean(points, axis=0, keepdims=True)
    norms = jnp.sum(centred**2, axis=1)
    squared = norms[:, None] + norms[None, :] - 2.0 * centred @ centred.T
    return jnp.maximum(squared, 0.0)
