"""Normalisation within a row, against Equinox's."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(sum(shape)).normal(2.0, 3.0, size=shape), float)


@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [
        (lambda: mf.nets.LayerNorm(6), lambda: eqx.nn.LayerNorm(6), (6,)),
        (lambda: mf.nets.GroupNorm(2, 6), lambda: eqx.nn.GroupNorm(2, 6), (6, 4, 3)),
        (lambda: mf.nets.GroupNorm(1, 6), lambda: eqx.nn.GroupNorm(1, 6), (6, 5)),
        (lambda: mf.nets.GroupNorm(3, 6), lambda: eqx.nn.GroupNorm(3, 6), (6,)),
    ],
    ids=["layer", "groups", "one group", "vector"],
)
def test_is_that_of_equinox_with_its_scale_from_1(
    ours: Any, theirs: Any, shape: tuple[int, ...], x64: None
) -> None:
    gain, offset = normal(6) - 1.0, normal(6)
    mine = eqx.tree_at(lambda it: (it.gain, it.offset), ours(), (gain, offset))
    other = eqx.tree_at(lambda it: (it.weight, it.bias), theirs(), (1.0 + gain, offset))
    np.testing.assert_allclose(mine(normal(*shape)), other(normal(*shape)), rtol=1e-10)


def test_rows_of_one_number_repeated_stay_finite() -> None:
    norm = mf.nets.LayerNorm(3)
    np.testing.assert_array_equal(norm(jnp.full(3, 7.0)), jnp.zeros(3))
    assert jnp.isfinite(jax.grad(lambda x: norm(x).sum())(jnp.full(3, 7.0))).all()


@pytest.mark.parametrize("groups", [0, 4, 7])
def test_groups_must_divide_the_channels(groups: int) -> None:
    with pytest.raises(ValueError, match="groups"):
        mf.nets.GroupNorm(groups, 6)


def test_one_number_is_not_normalised() -> None:
    with pytest.raises(ValueError, match="would not see its inputs"):
        mf.nets.LayerNorm(1)(jnp.ones(1))
    network = mf.nets.Transformer(features=3, width=1, outputs=1, heads=1)
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Normal())
    with pytest.raises(ValueError, match="larger width"):
        mf.fit(model, np.ones((5, 4, 3)), np.ones(5), steps=5)
