"""The transformer encoder, against Equinox's attention."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.networks import weights_of, with_weights
from moonfield.networks.transformer import places


def drawn(network: Any) -> Any:
    """The network with normal weights."""
    leaves, treedef = jax.tree.flatten(weights_of(network))
    rng = np.random.default_rng(0)
    values = [jnp.asarray(0.3 * rng.normal(size=leaf.shape), leaf.dtype) for leaf in leaves]
    return with_weights(network, jax.tree.unflatten(treedef, values))


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(1).normal(size=shape), float)


def test_attention_is_that_of_equinox(x64: None) -> None:
    ours = drawn(mf.nets.Transformer(3, 8, 2, heads=4)).blocks[0].attention
    bias = dict.fromkeys(("query", "key", "value", "output"), True)
    theirs = eqx.nn.MultiheadAttention(
        4, 8, key=jax.random.key(0), **{f"use_{name}_bias": on for name, on in bias.items()}
    )
    parts = ("query_proj", "key_proj", "value_proj", "output_proj")
    layers = (ours.query, ours.key, ours.value, ours.out)
    for name, layer in zip(parts, layers, strict=True):
        theirs = eqx.tree_at(
            lambda it, name=name: (getattr(it, name).weight, getattr(it, name).bias),
            theirs,
            (layer.weight, layer.bias),
        )
    x = normal(5, 8)
    np.testing.assert_allclose(ours(x), theirs(x, x, x), rtol=1e-10)


def test_without_blocks_it_reads_the_mean_of_places_and_tokens(x64: None) -> None:
    network, x = drawn(mf.nets.Transformer(3, 8, 2, depth=1)), normal(5, 3)
    network = eqx.tree_at(lambda it: it.blocks, network, [])
    h = x @ network.first.weight.T + network.first.bias[None] + places(5, 8)
    want = network.last.weight @ network.norm(h.mean(axis=0)) + network.last.bias
    np.testing.assert_allclose(network(x), want, rtol=1e-10)


def test_a_block_adds_attention_and_perceptron(x64: None) -> None:
    block, x = drawn(mf.nets.Transformer(3, 8, 2)).blocks[0], normal(5, 8)
    h = x + block.attention(jnp.stack([block.norms[0](token) for token in x]))
    want = h + jnp.stack([block.perceptron(block.norms[1](token)) for token in h])
    np.testing.assert_allclose(block(x), want, rtol=1e-10)


def test_the_order_of_tokens_matters() -> None:
    network, x = drawn(mf.nets.Transformer(3, 8, 2)), normal(6, 3)
    assert abs(network(x) - network(x[::-1])).max() > 1e-3


def test_places_are_sines_and_cosines() -> None:
    found = places(7, 4)
    np.testing.assert_allclose(found[:, 0], np.sin(np.arange(7)))
    np.testing.assert_allclose(found[:, 3], np.cos(np.arange(7) / 100.0))
    assert places(7, 5).shape == (7, 5)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="3 heads do not divide a width of 8"):
        mf.nets.Transformer(3, 8, 2, heads=3)
    with pytest.raises(ValueError, match=r"rows of shape \(tokens, 3\)"):
        mf.nets.Transformer(3, 8, 2)(jnp.ones((5, 4)))
