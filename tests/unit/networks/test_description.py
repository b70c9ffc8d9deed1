"""Networks of `mf.nets` as JSON and back."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import moonfield as mf
from moonfield.networks import build, check_description, describe
from moonfield.networks.description import NETWORKS as IN_FILES

NETWORKS = [
    mf.nets.MLP([2, 5, 5, 1], activation="tanh", bias=False),
    mf.nets.MLP((4, 3), activation="relu"),
    mf.nets.ResidualMLP([2, 5, 5, 1], activation="relu", bias=False),
    mf.nets.ConvNet((2, 8, 9), [3, 4], 5, depth=2, kernel=5, activation="tanh", bias=False),
    mf.nets.ResNet((8, 8), [3, 4], 5, depth=2, activation="silu"),
    mf.nets.Recurrent([2, 5, 4, 1], cell="lstm", bias=False),
    mf.nets.Transformer(3, 12, 2, depth=1, heads=3, activation="relu"),
    mf.nets.Autoencoder([5, 4, 2], activation="relu", bias=False),
]


def test_every_network_that_a_file_can_name_is_here() -> None:
    assert {type(network).__name__ for network in NETWORKS} == set(IN_FILES)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda it: type(it).__name__)
def test_round_trip_through_json(network: eqx.Module) -> None:
    again = build(json.loads(json.dumps(describe(network))))
    assert jax.tree.structure(again) == jax.tree.structure(network)
    shapes = [[leaf.shape for leaf in jax.tree.leaves(tree)] for tree in (again, network)]
    assert shapes[0] == shapes[1]
    assert describe(again) == describe(network)
    check_description(json.loads(json.dumps(describe(network))))


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


@pytest.mark.parametrize(
    "part",
    [{"depth": 10**9}, {"channels": [4] * 501, "depth": 2}, {"channels": "44"}, {"depth": 2.0}],
)
def test_what_would_take_minutes_to_make_is_refused(part: dict) -> None:
    plain = describe(mf.nets.ConvNet((8, 8), [4], 2))
    assert plain is not None
    with pytest.raises(ValueError, match="its network has"):
        check_description({**plain, **part})
