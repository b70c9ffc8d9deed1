"""Convolutions as matrix products, against XLA's own."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.networks import convolution


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape), float)


def direct(weight: jax.Array, x: jax.Array) -> jax.Array:
    return jax.lax.conv_general_dilated(x[None], weight, (1, 1), "SAME")[0]


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_value_and_gradients_are_those_of_the_direct_sum(kernel: int, x64: None) -> None:
    weight, x, way = normal(4, 3, kernel, kernel), normal(3, 6, 5), normal(4, 6, 5)
    np.testing.assert_allclose(convolution(weight, None, x), direct(weight, x), atol=1e-12)
    bias = normal(4)
    shifted = convolution(weight, bias, x) - convolution(weight, None, x)
    np.testing.assert_allclose(shifted, jnp.broadcast_to(bias[:, None, None], way.shape))
    ours, theirs = (
        jax.grad(lambda w, x, f=f: jnp.sum(way * f(w, x)), (0, 1))(weight, x)
        for f in (lambda w, x: convolution(w, None, x), direct)
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


class Gaussian:
    """A normal for each weight, propagated to the moments of a product."""

    def __init__(self, mean: Any, variance: Any):
        self.mean, self.variance = mean, variance
        self.shape = mean.shape

    def reshape(self, *shape: int) -> "Gaussian":
        return Gaussian(self.mean.reshape(*shape), self.variance.reshape(*shape))

    def __matmul__(self, x: jax.Array) -> "Gaussian":
        return Gaussian(self.mean @ x, self.variance @ x**2)

    def __add__(self, x: Any) -> "Gaussian":
        return Gaussian(self.mean + x, self.variance)


def test_a_gaussian_can_stand_for_the_weights(x64: None) -> None:
    mean, variance, x = normal(2, 3, 3, 3), normal(2, 3, 3, 3) ** 2, normal(3, 4, 4)
    out: Any = convolution(Gaussian(mean, variance), normal(2), x)
    np.testing.assert_allclose(out.mean, convolution(mean, normal(2), x), rtol=1e-12)
    np.testing.assert_allclose(out.variance, convolution(variance, None, x**2), rtol=1e-12)


def test_it_is_public() -> None:
    assert mf.nets.convolution is convolution
