"""Networks of images."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.networks import weights_of, with_weights


def drawn(network: Any) -> Any:
    """The network with normal weights."""
    leaves, treedef = jax.tree.flatten(weights_of(network))
    rng = np.random.default_rng(0)
    values = [jnp.asarray(0.3 * rng.normal(size=leaf.shape), leaf.dtype) for leaf in leaves]
    return with_weights(network, jax.tree.unflatten(treedef, values))


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(1).normal(size=shape), float)


def halved(x: jax.Array) -> jax.Array:
    """Means of 2 x 2 by XLA's own windows."""
    sums = jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 2, 2), (1, 2, 2), "VALID")
    return sums / 4.0


def test_a_conv_net_by_hand(x64: None) -> None:
    network, x = drawn(mf.nets.ConvNet((2, 9, 8), [3, 4], 5, depth=2)), normal(2, 9, 8)
    h = x
    for i, layer in enumerate(network.layers[:-1]):
        out = jax.lax.conv_general_dilated(h[None], layer.weight, (1, 1), "SAME")[0]
        h = jax.nn.relu(out + layer.bias[:, None, None])
        h = halved(h) if i % 2 else h
    assert h.shape == (4, 2, 2)
    want = network.layers[-1].weight @ h.reshape(-1) + network.layers[-1].bias
    np.testing.assert_allclose(network(x), want, rtol=1e-10)


def test_channels_and_flat_rows() -> None:
    for made in (mf.nets.ConvNet((6, 4), [3], 2), mf.nets.ResNet((6, 4), [3, 4], 2)):
        network, x = drawn(made), normal(6, 4)
        np.testing.assert_array_equal(network(x), network(x.ravel()))


def test_a_res_net_of_idle_blocks_is_its_ends(x64: None) -> None:
    """Convolutions of zeros leave x, halved between stages."""
    network, x = drawn(mf.nets.ResNet((8, 8), [4, 4], 3)), normal(8, 8)
    idle = [jax.tree.map(jnp.zeros_like, block) for block in network.blocks]
    network = with_weights(network, weights_of(network))
    object.__setattr__(network, "blocks", idle)
    h = jax.nn.relu(network.norm(halved(network.first(x[None]))))
    want = network.last.weight @ h.mean(axis=(1, 2)) + network.last.bias
    np.testing.assert_allclose(network(x), want, rtol=1e-10)


def test_blocks_of_a_res_net_are_added_to_a_shortcut(x64: None) -> None:
    block, x = drawn(mf.nets.ResNet((8, 8), [4, 6], 3)).blocks[1], normal(4, 8, 8)
    y = halved(x)
    change = block.convolutions[0](jax.nn.relu(block.norms[0](y)))
    change = block.convolutions[1](jax.nn.relu(block.norms[1](change)))
    shortcut = jnp.einsum("oc,chw->ohw", block.shortcut.weight[:, :, 0, 0], y)
    np.testing.assert_allclose(block(x), change + shortcut, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mf.nets.ConvNet((8,), [4], 2), "height, width"),
        (lambda: mf.nets.ConvNet((3, 8), [4, 4], 2), "cannot be halved 2 times"),
        (lambda: mf.nets.ConvNet((8, 8), [4], 2, kernel=2), "odd"),
        (lambda: mf.nets.ConvNet((8, 8), [], 2), "channels"),
        (lambda: mf.nets.ConvNet((8, 8), [4], 0), "outputs"),
        (lambda: mf.nets.ResNet((8, 8), [4, 0], 2), "channels"),
        (lambda: mf.nets.ResNet((1, 1), [4, 4], 2), "cannot be halved 1 times"),
        (lambda: mf.nets.ResNet((8, 8), [4], 2, activation="rely"), "No activation"),
    ],
)
def test_bad_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_rows_of_another_shape_are_refused_before_anything_compiles() -> None:
    network = mf.nets.ConvNet((8, 8), [2], 3)
    model = mf.BayesianNetwork(network, mf.priors.Scaled(1.0), mf.likelihoods.Categorical())
    X = np.random.default_rng(0).normal(size=(20, 7, 8))
    with pytest.raises(ValueError, match=r"images of shape \(8, 8\) \(or flat, 64 numbers\)"):
        mf.fit(model, X, np.zeros(20))
