"""The contract of a prior."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield._core.trees import named_leaves, split
from moonfield.priors import AbstractPrior, Latents
from tests.helpers import same_bytes

from .registry import PRIORS

each_prior = pytest.mark.parametrize("name", list(PRIORS))


def bound(name: str) -> tuple[AbstractPrior, object]:
    """The prior and the shapes of a network's weights."""
    deep = name.startswith("AdaptiveDepth")
    network = mf.nets.ResidualMLP([3, 4, 4, 4, 2]) if deep else mf.nets.MLP([3, 4, 2])
    model = mf.BayesianNetwork(network, PRIORS[name](), mf.likelihoods.Normal(sd=1.0))
    model.prior.check(model.shapes)
    return model.prior, model.shapes


def matches(tree: object, shapes: object) -> bool:
    got = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]
    same = jax.tree.structure(tree) == jax.tree.structure(shapes)
    return same and got == [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(shapes)]


@each_prior
@pytest.mark.parametrize("verb", ["init", "sample"])
def test_latents_make_weights_inside_their_supports(name: str, verb: str) -> None:
    prior, shapes = bound(name)
    latents = getattr(prior, verb)(jax.random.key(0), shapes)
    assert isinstance(latents, Latents)
    assert matches(prior.transform(latents), shapes)
    assert np.isfinite(prior.log_prob(latents))
    supports = jax.tree.leaves(
        prior.supports(shapes), is_leaf=lambda node: isinstance(node, dist.constraints.Constraint)
    )
    for support, leaf in zip(supports, jax.tree.leaves(latents), strict=True):
        assert jnp.all(support(leaf))


@each_prior
def test_plain_weights_are_their_latents(name: str) -> None:
    prior, shapes = bound(name)
    latents = prior.sample(jax.random.key(0), shapes)
    weights, known = named_leaves(prior.transform(latents)), named_leaves(latents.network)
    same = {path for path in weights if np.array_equal(weights[path], known[path])}
    assert {path for path in weights if prior.is_plain(path)} <= same


@pytest.mark.parametrize(
    ("name", "bent"),
    [
        ("Independent-table", set()),
        ("Independent-ScaleMixture", set()),
        ("Independent-Informed", {"layers.0.weight"}),
        ("Pruned-Normal", {"layers.0.weight"}),
    ],
)
def test_weights_are_plain_but_where_a_prior_bends_them(name: str, bent: set[str]) -> None:
    prior, shapes = bound(name)
    assert {path for path in named_leaves(shapes) if not prior.is_plain(path)} == bent


@each_prior
def test_same_under_jit_and_vmap(name: str, x64: None) -> None:
    prior, shapes = bound(name)
    keys = jax.random.split(jax.random.key(0), 3)
    draws = jax.vmap(lambda key: prior.sample(key, shapes))(keys)
    values = jax.jit(jax.vmap(prior.log_prob))(draws)
    for i in range(3):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], draws)
        np.testing.assert_allclose(values[i], prior.log_prob(one), rtol=1e-10)


@pytest.mark.slow
@each_prior
@pytest.mark.parametrize("double", [False, True])
def test_keeps_the_precision(name: str, double: bool) -> None:
    with jax.enable_x64(double):
        prior, shapes = bound(name)

        @jax.jit
        def everything(key: jax.Array) -> tuple:
            both = [verb(key, shapes) for verb in (prior.init, prior.sample)]
            return both, [jax.value_and_grad(prior.log_prob)(latents) for latents in both]

        out = everything(jax.random.key(0))
        dtypes = {leaf.dtype for leaf in jax.tree.leaves(out)}
        assert dtypes == {jnp.dtype("f8" if double else "f4")}


@each_prior
def test_is_a_tree_and_knows_its_structure(name: str) -> None:
    prior, _ = bound(name)
    leaves, treedef = jax.tree.flatten(prior)
    assert eqx.tree_equal(jax.tree.unflatten(treedef, leaves), prior)
    assert split(prior)[0] == split(bound(name)[0])[0]


@each_prior
def test_the_key_decides(name: str) -> None:
    prior, shapes = bound(name)
    one, same, other = (prior.sample(jax.random.key(seed), shapes) for seed in (0, 0, 1))
    assert same_bytes(one, same)
    for latents in (one, other):
        latents.prior.pop("depth", None)  # zeros and a one
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert not np.isin(a, b).any()


@each_prior
def test_reads_as_what_it_is(name: str) -> None:
    prior, _ = bound(name)
    text = prior.describe("layers.0.weight", (4, 3))
    expected = {"Scaled": "Normal", "table": "Normal"}.get(name.split("-")[1], name.split("-")[1])
    assert text.startswith(expected + "(")


@each_prior
def test_a_network_that_does_not_fit_is_an_error(name: str) -> None:
    prior = mf.priors.Independent({"nowhere.*": mf.priors.Normal()})
    with pytest.raises(ValueError, match="nowhere"):
        prior.check(bound(name)[1])
