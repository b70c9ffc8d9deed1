"""The bijection to one flat vector: round trips, log-determinants, names of its entries."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.model import space

PRIOR = {
    "layers.0.weight": dist.HalfNormal(1.0),
    "layers.0.bias": dist.Uniform(-1.0, 2.0),
    "layers.1.weight": dist.Normal(0.0, 1.0),
    "layers.1.bias": dist.LogNormal(0.0, 1.0),
}
NAMES = ("real", "learned", "mixed")
each_model = pytest.mark.parametrize("name", NAMES)


def built(name: str) -> mf.BayesianNetwork:
    """Built anew, with numbers of the current precision."""
    prior = PRIOR if name == "mixed" else dist.Normal(0.0, 1.0)
    likelihood = {
        "real": mf.likelihoods.Bernoulli,
        "learned": mf.likelihoods.Normal,
        "mixed": mf.likelihoods.StudentT,
    }[name]
    return mf.BayesianNetwork(mf.nets.MLP([2, 3, 1]), prior, likelihood())


@each_model
def test_round_trip_from_the_vector(name: str, x64: None) -> None:
    it = space(built(name))
    z = jax.random.normal(jax.random.key(0), (it.size,))
    back = it.unconstrain(it.constrain(z)[0])
    assert back.dtype == z.dtype
    np.testing.assert_allclose(back, z, rtol=1e-9, atol=1e-9)


@each_model
def test_round_trip_from_parameters(name: str, x64: None) -> None:
    model = built(name)
    params = model.sample_prior(jax.random.key(1))
    back = space(model).constrain(space(model).unconstrain(params))[0]
    assert jax.tree.structure(back) == jax.tree.structure(params)
    for one, other in zip(jax.tree.leaves(back), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)


@each_model
def test_log_determinant_against_the_jacobian(name: str, x64: None) -> None:
    it = space(built(name))
    z = 0.5 * jax.random.normal(jax.random.key(2), (it.size,))

    def flat(z: jax.Array) -> jax.Array:
        return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(it.constrain(z)[0])])

    sign, want = np.linalg.slogdet(np.asarray(jax.jacobian(flat)(z)))
    assert sign == 1.0
    np.testing.assert_allclose(it.constrain(z)[1], want, rtol=1e-10, atol=1e-12)


@each_model
def test_constrained_values_lie_in_their_supports(name: str) -> None:
    model = built(name)
    params, _ = space(model).constrain(
        3.0 * jax.random.normal(jax.random.key(3), (space(model).size,))
    )
    supports = jax.tree.leaves(
        model.supports(), is_leaf=lambda node: isinstance(node, dist.constraints.Constraint)
    )
    for support, leaf in zip(supports, jax.tree.leaves(params), strict=True):
        assert jnp.all(support(leaf))


def test_every_entry_has_the_path_of_its_parameter() -> None:
    """Moving one entry of z moves the parameter that is named, and no other."""
    it = space(built("mixed"))
    z = jnp.zeros(it.size)
    base = named(it, z)
    for index in range(it.size):
        moved = named(it, z.at[index].add(1.0))
        changed = [path for path in base if not np.array_equal(base[path], moved[path])]
        assert changed == [it.path_of(index)]
    assert set(it.paths) == {*PRIOR, "likelihood.scale"}
    assert it.size == sum(map(math.prod, it.shapes)) == 14


def named(it, z: jax.Array) -> dict[str, np.ndarray]:
    params = it.constrain(z)[0]
    leaves = jax.tree_util.tree_leaves_with_path(params)
    names = [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in leaves]
    return {
        name.removeprefix("network."): np.asarray(leaf)
        for name, (_, leaf) in zip(names, leaves, strict=True)
    }


def test_an_index_outside_is_an_error() -> None:
    it = space(built("real"))
    with pytest.raises(IndexError):
        it.path_of(it.size)


@pytest.mark.parametrize(("name", "plain"), [("real", True), ("learned", False), ("mixed", False)])
def test_plain_where_nothing_is_bent(name: str, plain: bool) -> None:
    assert built(name).is_plain is plain
