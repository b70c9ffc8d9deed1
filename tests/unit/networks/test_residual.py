"""The residual network, against plain ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.networks import weights_of, with_weights


def drawn(network: eqx.Module) -> eqx.Module:
    """The network with normal weights."""
    leaves, treedef = jax.tree.flatten(weights_of(network))
    rng = np.random.default_rng(0)
    values = [jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype) for leaf in leaves]
    return with_weights(network, jax.tree.unflatten(treedef, values))


def test_without_blocks_it_is_the_perceptron() -> None:
    residual = drawn(mf.nets.ResidualMLP([2, 5, 3]))
    plain = eqx.tree_at(
        lambda it: it.layers, mf.nets.MLP([2, 5, 3]), [residual.first, residual.last]
    )
    x = jnp.asarray([0.3, -1.2])
    np.testing.assert_array_equal(residual(x), plain(x))
    assert residual.sizes == (2, 5, 3)


def test_one_pass_gives_the_outputs_of_every_depth(x64: None) -> None:
    network = drawn(mf.nets.ResidualMLP([2, 4, 4, 4, 3], activation="relu"))
    x = jnp.asarray([0.3, -1.2])
    outputs = network.depths(x)
    assert outputs.shape == (3, 3)
    for depth in range(3):
        cut = eqx.tree_at(lambda it: it.blocks, network, network.blocks[:depth])
        idle = [jax.tree.map(jnp.zeros_like, block) for block in network.blocks[depth:]]
        zero = eqx.tree_at(lambda it: it.blocks, network, [*cut.blocks, *idle])
        np.testing.assert_allclose(outputs[depth], cut(x), rtol=1e-12)
        np.testing.assert_allclose(outputs[depth], zero(x), rtol=1e-12)
        assert cut.sizes == (2, *[4] * (1 + depth), 3)
    state = jax.nn.relu(network.first(x))
    state = state + jax.nn.relu(network.blocks[0](state))
    np.testing.assert_allclose(outputs[1], network.last(state), rtol=1e-12)


@pytest.mark.parametrize("sizes", [[2, 1], [2], [2, 4, 5, 1], [2, 0, 0, 1]])
def test_hidden_layers_have_one_width(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="sizes needs"):
        mf.nets.ResidualMLP(sizes)


@pytest.mark.parametrize("activation", ["sigmoid", "softplus", jnp.cos])
def test_zero_weights_must_be_the_identity(activation: object) -> None:
    with pytest.raises(ValueError, match="not 0 at 0"):
        mf.nets.ResidualMLP([2, 4, 1], activation=activation)
