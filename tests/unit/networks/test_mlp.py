"""The multilayer perceptron against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

import moonfield as mf
from moonfield.networks import ACTIVATIONS, linear, weights_of, with_weights

NUMPY = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * special.expit(x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "sigmoid": special.expit,
    "sin": np.sin,
    "identity": lambda x: x,
}


def randomised(network: mf.nets.MLP, seed: int = 0) -> mf.nets.MLP:
    rng = np.random.default_rng(seed)
    weights = jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), weights_of(network)
    )
    return with_weights(network, weights)


def test_every_activation_is_checked() -> None:
    assert set(NUMPY) == set(ACTIVATIONS)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("bias", [True, False])
def test_against_numpy(activation: str, bias: bool, x64: None) -> None:
    network = randomised(mf.nets.MLP([3, 4, 5, 2], activation=activation, bias=bias))
    x = np.asarray([0.3, -1.2, 0.8])
    want = x
    for i, layer in enumerate(network.layers):
        want = np.asarray(layer.weight) @ want
        want = want + np.asarray(layer.bias) if bias else want
        want = NUMPY[activation](want) if i < 2 else want
    np.testing.assert_allclose(network(jnp.asarray(x)), want, rtol=1e-10)
    assert (network.layers[0].bias is None) is not bias


def test_a_function_is_an_activation() -> None:
    network = randomised(mf.nets.MLP([2, 3, 1], activation=jnp.square))
    x = jnp.asarray([1.0, -2.0])
    first, last = network.layers
    np.testing.assert_allclose(network(x), last(jnp.square(first(x))), rtol=1e-6)


def test_one_layer_is_linear() -> None:
    network = randomised(mf.nets.MLP([3, 2], activation="relu"))
    x = jnp.asarray([1.0, 2.0, 3.0])
    np.testing.assert_allclose(network(-x) + network(x), 2.0 * network.layers[0].bias, rtol=1e-5)


@pytest.mark.parametrize("sizes", [[], [3], [3, 0, 1], [3, -1]])
def test_impossible_sizes(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="at least two numbers of units of 1 or more"):
        mf.nets.MLP(sizes)


def test_an_unknown_activation_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"No activation 'tahn'.*tanh.*relu"):
        mf.nets.MLP([2, 1], activation="tahn")


def test_weights_may_be_any_object_with_products_and_sums() -> None:
    class Doubling:
        def __matmul__(self, x: jax.Array) -> jax.Array:
            return 2.0 * x

    out = linear(Doubling(), jnp.ones(2), jnp.asarray([1.0, 3.0]))
    np.testing.assert_array_equal(out, [3.0, 7.0])
    np.testing.assert_array_equal(linear(Doubling(), None, jnp.ones(2)), [2.0, 2.0])


def test_precision_follows_jax(x64: None) -> None:
    assert mf.nets.MLP([2, 1]).layers[0].weight.dtype == jnp.float64
