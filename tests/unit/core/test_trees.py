"""Paths, and what of a tree is traced and what compiled in."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield._core.trees import named_leaves, numbers_to_arrays, shapes_of, split
from moonfield.networks import weights_of


def test_paths_are_spelled_with_points() -> None:
    network = mf.nets.MLP([2, 3, 1])
    names = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert list(named_leaves(weights_of(network))) == names
    assert list(named_leaves({"a": [1, {"b": 2}]})) == ["a.0", "a.1.b"]


def test_split_and_join_are_inverse() -> None:
    tree = {
        "array": jnp.arange(3.0),
        "text": "tanh",
        "none": None,
        "deep": [jnp.ones(()), 3, jnp.tanh],
    }
    structure, arrays = split(tree)
    assert [array.shape for array in arrays] == [(3,), ()]
    again = structure.join(arrays)
    assert again["text"] == "tanh"
    assert again["deep"][1:] == [3, jnp.tanh]
    np.testing.assert_array_equal(again["array"], tree["array"])
    doubled = structure.join([2 * array for array in arrays])
    np.testing.assert_array_equal(doubled["array"], [0.0, 2.0, 4.0])


def test_models_of_one_structure_share_a_key() -> None:
    def model(
        sd: float, noise: float, units: int = 3, activation: str = "tanh"
    ) -> mf.BayesianNetwork:
        network = mf.nets.MLP([2, units, 1], activation)
        return mf.BayesianNetwork(
            network, mf.priors.Normal(0.0, sd), mf.likelihoods.Normal(sd=noise)
        )

    one, other = split(model(1.0, 0.5))[0], split(model(7, 2))[0]
    assert one == other
    assert hash(one) == hash(other)
    assert one != split(model(1.0, 0.5, activation="relu"))[0]
    assert one != split(model(1.0, 0.5, units=4))[0] or [
        a.shape for a in split(model(1.0, 0.5))[1]
    ] != [a.shape for a in split(model(1.0, 0.5, units=4))[1]]


def test_numbers_become_arrays_and_nothing_else_does() -> None:
    class Config(eqx.Module):
        flag: bool
        whole: int
        real: float
        numpy: np.ndarray
        text: str = eqx.field(static=True)

    out = numbers_to_arrays(Config(True, 2, 0.5, np.asarray([1, 2]), "a"))
    assert out.flag is True
    assert out.text == "a"
    assert isinstance(out.whole, jax.Array)
    assert out.whole.dtype == out.real.dtype == jnp.float32
    assert jnp.issubdtype(out.numpy.dtype, jnp.integer)


def test_numbers_follow_the_precision(x64: None) -> None:
    assert numbers_to_arrays(0.1).dtype == jnp.float64
    assert float(numbers_to_arrays(0.1)) == 0.1


def test_shapes_hold_no_data() -> None:
    shape = shapes_of([jnp.ones((2, 3))])[0]
    assert shape == jax.ShapeDtypeStruct((2, 3), jnp.float32)


@pytest.mark.parametrize("leaf", [True, "text", None, jnp.tanh])
def test_other_leaves_are_returned_as_they_are(leaf) -> None:
    assert numbers_to_arrays([leaf]) == [leaf]
