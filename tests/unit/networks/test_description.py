"""Networks of `mf.nets` as JSON and back."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import moonfield as mf
from moonfield.networks import build, describe

NETWORKS = [
    mf.nets.MLP([2, 5, 5, 1], activation="tanh", bias=False),
    mf.nets.MLP((4, 3), activation="relu"),
    mf.nets.ResidualMLP([2, 5, 5, 1], activation="relu", bias=False),
    mf.nets.Recurrent([2, 5, 4, 1], cell="lstm", bias=False),
]


@pytest.mark.parametrize("network", NETWORKS, ids=["deep", "flat", "residual", "recurrent"])
def test_round_trip_through_json(network: eqx.Module) -> None:
    again = build(json.loads(json.dumps(describe(network))))
    assert jax.tree.structure(again) == jax.tree.structure(network)
    shapes = [[leaf.shape for leaf in jax.tree.leaves(tree)] for tree in (again, network)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    "network",
    [
        mf.nets.MLP([2, 3, 1], activation=jnp.square),
        mf.nets.ResidualMLP([2, 3, 3, 1], activation=jnp.square),
        eqx.nn.MLP(2, 1, 3, 1, key=jax.random.key(0)),
    ],
    ids=["own activation", "residual", "equinox"],
)
def test_other_networks_have_no_description(network: eqx.Module) -> None:
    assert describe(network) is None


@pytest.mark.parametrize("kind", ["os.system", None, "Linear"])
def test_nothing_is_built_by_an_unknown_name(kind: str | None) -> None:
    with pytest.raises(ValueError, match="No network type"):
        build({"type": kind, "sizes": [2, 1]})
