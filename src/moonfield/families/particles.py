"""A set of points as a distribution: chains, ensembles, Stein particles."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .approximation import AbstractApproximation

_GOLDEN = (5.0**0.5 - 1.0) / 2.0


class Particles(AbstractApproximation):
    """Equally weighted points (particles, size).

    Draws go through the points in strides of about 0.618 of their number from a random one: few
    draws are spread evenly over chains and members, and as many draws as points visit each once.
    """

    points: Float[Array, "particles size"]

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        return self.points[evenly(key, index, self.points.shape[0])]

    def moments(self) -> tuple[Array, Array]:
        return jnp.mean(self.points, axis=0), jnp.std(self.points, axis=0)


def evenly(key: Array, index: Array, count: int) -> Array:
    """Which of `count` equally weighted things is draw number `index` of the stream `key`."""
    first = jax.random.randint(key, (), 0, count)
    return (first + _product(index % count, stride(count), count)) % count


def _product(index: Array, factor: int, count: int) -> Array:
    """`index * factor` modulo `count`, for an index below it: no number is more than twice it."""
    if count**2 <= np.iinfo(np.int32).max:
        return index * factor % count
    product = jnp.zeros_like(index)
    for bit in f"{factor:b}":
        product = 2 * product % count
        product = (product + index) % count if bit == "1" else product
    return product


def stride(count: int) -> int:
    """The number nearest to 0.618 `count` that shares no divisor with it."""
    coprime = (step for step in range(1, count + 1) if math.gcd(step, count) == 1)
    wanted = max(1, round(_GOLDEN * count))
    return min(coprime, key=lambda step: abs(step - wanted))
