"""The direction in which Stein variational gradient descent moves points."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_HALVINGS = 24  # of the interval that holds the median: to 6e-8 of the largest distance


def stein_direction(
    points: Float[Array, "particles size"],
    scores: Float[Array, "particles size"],
    independent: bool = False,
) -> Float[Array, "particles size"]:
    """`phi(x_i) = mean_j k(x_j, x_i) score_j + grad_{x_j} k(x_j, x_i)`, of steepest descent in KL.

    `k(x, y) = exp(-|x - y|^2 / h)`; `h` is the median squared distance between two points over
    `log(particles + 1)`, so that the kernel sums to about one (Liu & Wang, 2016, "Stein variational
    gradient descent", eq. 8 and section 5). Where the points are `independent` draws of q, `j` runs
    over the other points, which makes the mean unbiased. A single point follows its score.
    """
    count = len(points)
    if count == 1:
        return scores
    squared = _squared_distances(points)
    smallest = jnp.finfo(points.dtype).tiny
    width = jnp.maximum(_median(squared) / math.log(count + 1.0), smallest)
    kernel = jnp.exp(-squared / width)
    if independent:
        kernel = jnp.fill_diagonal(kernel, 0.0, inplace=False)
    attraction = kernel @ scores
    repulsion = points * jnp.sum(kernel, axis=1, keepdims=True) - kernel @ points
    return (attraction + 2.0 / width * repulsion) / (count - independent)


def _squared_distances(points: Array) -> Array:
    """(particles, particles); from products, about the mean so that little cancels."""
    centred = points - jnp.mean(points, axis=0, keepdims=True)
    norms = jnp.sum(centred**2, axis=1)
    squared = norms[:, None] + norms[None, :] - 2.0 * centred @ centred.T
    return jnp.maximum(squared, 0.0)


def _median(squared: Array) -> Array:
    """The median off the diagonal, by bisection: a sort takes many times longer."""
    count = len(squared)
    half = count + count * (count - 1) // 2

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        above = jnp.sum(squared < middle) < half
        return jnp.where(above, middle, ends[0]), jnp.where(above, ends[1], middle)

    largest = jnp.max(squared)
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (jnp.zeros_like(largest), largest))
    return 0.5 * (low + high)
