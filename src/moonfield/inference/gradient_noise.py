"""How much of a step's gradient is noise."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core.trees import Structure, split
from ..data import Dataset, Streamed
from ..model import AbstractModel, space as space_of
from .block import batch_of
from .driver import Driver
from .method import AbstractStepping
from .supply import Shape, Supply, noise_of

_FEWEST = 20  # estimates


class GradientNoise(NamedTuple):
    """The gradient of the ELBO in the variational parameters, as single steps estimate it.

    Attributes:
        signal: norm of its mean, the noise of that mean taken off; nats a parameter.
        noise: root of its total variance over noise and batches; nats a parameter.
        estimates: how many were looked at.
    """

    signal: float
    noise: float
    estimates: int

    @property
    def signal_to_noise(self) -> float:
        """`signal / noise`: about 0 at an optimum, where noise is all that is left.

        Above about 0.5 the mean of a few steps still leads somewhere: take more of them, or a
        larger step size. Infinite without noise.
        """
        return self.signal / self.noise if self.noise > 0 else float("inf")


def gradient_noise(
    model: AbstractModel,
    method: AbstractStepping,
    data: Dataset | Streamed,
    batch_size: int | None,
    seed: int,
    vector: Float[np.ndarray, " parameters"],
    step: int,
) -> GradientNoise | None:
    """At these variational parameters, after `step` steps, from 20 to 250 fresh ones.

    None for a method that does not estimate a gradient.
    """
    driver = Driver(model, method, data, batch_size, 1, seed)
    arrays = [split(tree) for tree in (model, method)]
    structures = tuple(structure for structure, _ in arrays)
    leaves = [leaves for _, leaves in arrays]
    mean, squares, count, steps = 0.0, 0.0, 0, driver.shape.steps
    for block in range(-(-_FEWEST // steps)):
        given = leaves, driver.fresh_supply(block), vector, np.int32(step)
        found = _moments(structures, driver.shape, *given)
        if found is None:
            return None
        new, own = (np.asarray(leaf, np.float64) for leaf in found)
        moved = new - mean  # Chan, Golub & LeVeque, 1983: moments of two parts together
        squares = squares + own + moved**2 * (count * steps / (count + steps))
        mean, count = mean + moved * (steps / (count + steps)), count + steps
    mean, squares = np.asarray(mean), np.asarray(squares)
    variance = float(squares.sum()) / max(1, count - 1)
    signal = max(0.0, float(mean @ mean) - variance / count) ** 0.5
    return GradientNoise(signal, variance**0.5, count)


@functools.partial(jax.jit, static_argnames=("structures", "shape"))
def _moments(
    structures: tuple[Structure, Structure],
    shape: Shape,
    arrays: list[list[Array]],
    supply: Supply,
    vector: Array,
    step: Array,
) -> tuple[Array, Array] | None:
    """Mean of the steps' gradients and sum of their squared deviations, by Welford's update."""
    model, method = (s.join(a) for s, a in zip(structures, arrays, strict=True))

    def gradient(i: Array) -> Any:
        batch, scale = batch_of(shape, supply, i)
        noise = noise_of(shape, supply.noise[0], i, batch.weights.dtype)
        return method.gradient(model, space_of(model), vector, noise, batch, scale, step)

    if jax.eval_shape(gradient, 0) is None:
        return None

    def add(i: Array, total: tuple[Array, Array]) -> tuple[Array, Array]:
        mean, squares = total
        new = gradient(i)
        moved = mean + (new - mean) / (i + 1.0).astype(mean.dtype)
        return moved, squares + (new - mean) * (new - moved)

    zeros = jnp.zeros_like(vector)
    return jax.lax.fori_loop(0, shape.steps, add, (zeros, zeros))
