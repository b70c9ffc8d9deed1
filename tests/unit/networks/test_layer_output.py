"""A network cut off after a layer."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.networks import (
    Expanded,
    Grouped,
    check_layer,
    layer_names,
    layer_output,
    weights_of,
)

SHAPE = jax.ShapeDtypeStruct((2,), jnp.float32)


def row() -> jax.Array:
    return jnp.array([0.3, -1.2])


def drawn(network: eqx.Module, seed: int = 0) -> Any:
    """The network with normal weights."""
    leaves, treedef = jax.tree.flatten(network)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    made = [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(treedef, made)


class Block(eqx.Module):
    """A network whose layers stand deeper, one used twice, one inside vmap."""

    parts: dict
    twice: eqx.nn.Linear
    many: eqx.nn.Linear

    def __init__(self) -> None:
        keys = jax.random.split(jax.random.key(0), 4)
        self.parts = {
            "a": [eqx.nn.Linear(2, 3, key=keys[0])],
            "b": eqx.nn.MLP(3, 2, 4, 1, key=keys[1]),
        }
        self.twice, self.many = (eqx.nn.Linear(2, 2, key=key) for key in keys[2:])

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.parts["b"](self.parts["a"][0](x))
        return self.twice(self.twice(jax.vmap(self.many)(x[None])[0]))


def test_is_the_output_of_that_layer() -> None:
    network = drawn(mf.nets.MLP([2, 4, 3, 1]))
    first = network.layers[0](row())
    np.testing.assert_array_equal(layer_output(network, "layers.0")(row()), first)
    second = network.layers[1](jnp.tanh(first))
    np.testing.assert_array_equal(layer_output(network, "layers.1")(row()), second)
    np.testing.assert_array_equal(layer_output(network, "layers.2")(row()), network(row()))


def test_of_any_equinox_network() -> None:
    network = Block()
    assert layer_names(network) == [
        "parts.a.0", "parts.b", "parts.b.layers.0", "parts.b.layers.1", "twice", "many",
    ]  # fmt: skip
    inner = network.parts["a"][0](row())
    np.testing.assert_array_equal(layer_output(network, "parts.a.0")(row()), inner)
    whole = network.parts["b"](inner)
    np.testing.assert_array_equal(layer_output(network, "parts.b")(row()), whole)
    deep = network.parts["b"].layers[0](inner)
    np.testing.assert_array_equal(layer_output(network, "parts.b.layers.0")(row()), deep)


def test_of_a_network_to_first_order(x64: None) -> None:
    network = drawn(mf.nets.MLP([2, 4, 1]))
    mode = weights_of(drawn(mf.nets.MLP([2, 4, 1]), seed=1))
    outputs = layer_output(Expanded(network, mode), "layers.0")(row())
    want = network.layers[0](row())  # which is linear in its weights
    np.testing.assert_allclose(outputs, want, rtol=1e-6)


def test_of_a_network_of_groups() -> None:
    network = mf.nets.MLP([2, 4, 1])
    weights = [drawn(network, seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *weights)
    shared = eqx.tree_at(lambda it: it.layers[0].bias, stacked, weights[0].layers[0].bias)
    apart = frozenset({"layers.0.weight", "layers.1.weight", "layers.1.bias"})
    grouped = Grouped(network, shared, apart)
    outputs = layer_output(grouped, "layers.0")({"x": row(), "group": jnp.int32(2)})
    want = weights[2].layers[0].weight @ row() + weights[0].layers[0].bias
    np.testing.assert_allclose(outputs, want, rtol=1e-6)


def test_mistakes_are_named() -> None:
    network = Block()
    check_layer(network, "parts.b", SHAPE)
    with pytest.raises(ValueError, match=r"no layer 'layers\.0'; there are parts\.a\.0, parts\.b"):
        check_layer(network, "layers.0", SHAPE)
    with pytest.raises(ValueError, match="twice is used 2 times"):
        check_layer(network, "twice", SHAPE)
    with pytest.raises(ValueError, match=r"many works inside jax\.vmap"):
        check_layer(network, "many", SHAPE)
