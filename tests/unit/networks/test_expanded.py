"""Networks to first order in their weights."""

import jax
import jax.numpy as jnp
import numpy as np

import moonfield as mf
from moonfield.networks import Expanded, weights_of, with_weights

X = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)), float)


def drawn(network, seed: int):
    """The network with normal weights."""
    leaves, treedef = jax.tree.flatten(weights_of(network))
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    values = [jax.random.normal(k, leaf.shape, float) for k, leaf in zip(keys, leaves, strict=True)]
    return with_weights(network, jax.tree.unflatten(treedef, values))


def test_it_is_the_jacobian_times_the_way(x64: None) -> None:
    network = mf.nets.MLP([3, 4, 2])
    mode, other = drawn(network, 0), drawn(network, 1)
    away = jax.tree.map(lambda w, m: w - m, weights_of(other), weights_of(mode))
    x = jnp.asarray(np.linspace(-1.0, 1.0, 3))
    jacobian = jax.jacobian(lambda w: with_weights(network, w)(x))(weights_of(mode))
    terms = jax.tree.map(lambda j, d: j.reshape(2, -1) @ d.ravel(), jacobian, away)
    want = mode(x) + sum(jax.tree.leaves(terms))
    np.testing.assert_allclose(Expanded(other, weights_of(mode))(x), want, rtol=1e-10)


def test_at_the_mode_it_is_the_network() -> None:
    mode = drawn(mf.nets.MLP([3, 4, 2]), 0)
    expanded = Expanded(mode, weights_of(mode))
    np.testing.assert_array_equal(jax.vmap(expanded)(X), jax.vmap(mode)(X))


def test_a_network_that_is_linear_in_its_weights_stays_itself(x64: None) -> None:
    network = mf.nets.MLP([3, 2])
    mode, other = drawn(network, 0), drawn(network, 1)
    x = jnp.linspace(-1.0, 1.0, 3)
    np.testing.assert_allclose(Expanded(other, weights_of(mode))(x), other(x), rtol=1e-12)
