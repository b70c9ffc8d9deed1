"""The contract of a network: a function of one row, as good after a file as before."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.networks import weights_of, with_weights
from moonfield.networks.description import NETWORKS as IN_FILES
from tests.helpers import posterior_at, same_bytes

from .registry import NETWORKS

each_network = pytest.mark.parametrize("name", list(NETWORKS))


def drawn(name: str) -> tuple[Any, jax.Array]:
    """The network with normal weights, and three rows."""
    case, rng = NETWORKS[name], np.random.default_rng(0)
    network = case.make()
    leaves, treedef = jax.tree.flatten(weights_of(network))
    values = [jnp.asarray(0.5 * rng.normal(size=leaf.shape), leaf.dtype) for leaf in leaves]
    rows = rng.normal(size=(3, *case.row))
    if case.padded:
        rows[..., -1] = np.arange(case.row[0]) < np.array([[3], [5], [2]])
    return with_weights(network, jax.tree.unflatten(treedef, values)), jnp.asarray(rows, float)


def test_every_network_that_files_hold_is_registered() -> None:
    assert {name.split("-")[0] for name in NETWORKS} == set(IN_FILES)
    assert set(IN_FILES) <= set(mf.nets.__all__)


@each_network
def test_starts_with_zeros(name: str) -> None:
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(NETWORKS[name].make()))


@each_network
def test_outputs_of_a_row_do_not_depend_on_others(name: str, x64: None) -> None:
    network, rows = drawn(name)
    together = jax.jit(lambda it, rows: jax.vmap(it)(rows))(network, rows)
    assert together.shape == (3, NETWORKS[name].outputs)
    np.testing.assert_allclose(together[1], network(rows[1]), rtol=1e-9, atol=1e-12)
    assert abs(together[0] - together[1]).max() > 1e-6


@each_network
def test_every_weight_matters(name: str, x64: None) -> None:
    network, rows = drawn(name)

    def total(weights: Any) -> jax.Array:
        return jnp.sum(jax.vmap(with_weights(network, weights))(rows) ** 2)

    gradients = jax.jit(jax.grad(total))(weights_of(network))
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
        where = jax.tree_util.keystr(path)
        nothing = ".key.bias" in where  # which softmax takes out again
        assert nothing or np.asarray(leaf).any(), where
        assert np.isfinite(np.asarray(leaf)).all()


@each_network
def test_comes_back_from_a_file(name: str, tmp_path: Path) -> None:
    _, rows = drawn(name)
    model = mf.BayesianNetwork(
        NETWORKS[name].make(), mf.priors.Scaled(1.0), mf.likelihoods.Normal(sd=1.0)
    )
    posterior = posterior_at(model, 0.1, 0.3)
    posterior.save(tmp_path / "network.mf")
    again = mf.load(tmp_path / "network.mf")
    assert str(again.model) == str(model)
    assert same_bytes(again.sample(2), posterior.sample(2))
    means = [it.predict(np.asarray(rows), draws=2).mean for it in (again, posterior)]
    np.testing.assert_array_equal(*means)
