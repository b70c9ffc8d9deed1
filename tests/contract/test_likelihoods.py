"""The contract of a likelihood."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield._core.trees import numbers_to_arrays, split
from tests.helpers import same_bytes

from .registry import LIKELIHOODS

each_likelihood = pytest.mark.parametrize("name", list(LIKELIHOODS))


def arguments(name: str) -> tuple[Any, dict, jax.Array, jax.Array]:
    case = LIKELIHOODS[name]
    outputs = np.random.default_rng(0).normal(size=(len(case.targets), case.outputs))
    own = {key: jnp.asarray(value, float) for key, value in case.own.items()}
    likelihood = numbers_to_arrays(case.make())
    return likelihood, own, jnp.asarray(outputs, float), jnp.asarray(case.targets, float)


@each_likelihood
def test_shapes(name: str) -> None:
    likelihood, own, outputs, y = arguments(name)
    rows = len(y)
    mean, variance = likelihood.moments(own, outputs)
    assert likelihood.log_prob(own, outputs, y).shape == (rows,)
    assert mean.shape == variance.shape
    assert mean.shape[0] == rows
    assert (np.asarray(variance) > 0).all()
    assert likelihood.target_shape(outputs.shape[1]) == ()
    assert likelihood.distribution(own, outputs).batch_shape == (rows,)
    assert set(likelihood.priors()) == set(own)


@each_likelihood
def test_same_under_jit_and_vmap(name: str, x64: None) -> None:
    likelihood, own, outputs, y = arguments(name)
    want = likelihood.log_prob(own, outputs, y)
    compiled = jax.jit(lambda it, *rest: it.log_prob(*rest))  # its numbers are traced
    np.testing.assert_allclose(compiled(likelihood, own, outputs, y), want, rtol=1e-12)
    per_row = jax.vmap(likelihood.log_prob, (None, 0, 0))(own, outputs, y)
    np.testing.assert_allclose(per_row, want, rtol=1e-12)
    for got, plain in zip(
        jax.vmap(likelihood.moments, (None, 0))(own, outputs),
        likelihood.moments(own, outputs),
        strict=True,
    ):
        np.testing.assert_allclose(got, plain, rtol=1e-12)


@each_likelihood
@pytest.mark.parametrize("double", [False, True])
def test_keeps_the_precision(name: str, double: bool) -> None:
    with jax.enable_x64(double):
        likelihood, own, outputs, y = arguments(name)
        value, gradient = jax.value_and_grad(
            lambda o, f: likelihood.log_prob(o, f, y).sum(), argnums=(0, 1)
        )(own, outputs)
        out = (value, gradient, likelihood.moments(own, outputs))
        assert {leaf.dtype for leaf in jax.tree.leaves(out)} == {
            jnp.dtype("f8" if double else "f4")
        }


@each_likelihood
def test_gradients_are_those_of_finite_differences(name: str, x64: None) -> None:
    likelihood, own, outputs, y = arguments(name)

    def total(own: dict, outputs: jax.Array) -> jax.Array:
        return likelihood.log_prob(own, outputs, y).sum()

    gradients = jax.grad(total, (0, 1))(own, outputs)
    h = 1e-6
    for index in np.ndindex(outputs.shape):
        moved = [total(own, outputs.at[index].add(step)) for step in (h, -h)]
        np.testing.assert_allclose(gradients[1][index], (moved[0] - moved[1]) / (2 * h), rtol=1e-6)
    for key in own:
        moved = [total({**own, key: own[key] + step}, outputs) for step in (h, -h)]
        np.testing.assert_allclose(gradients[0][key], (moved[0] - moved[1]) / (2 * h), rtol=1e-6)


@each_likelihood
def test_is_a_tree_and_knows_its_structure(name: str) -> None:
    likelihood = arguments(name)[0]
    leaves, treedef = jax.tree.flatten(likelihood)
    assert eqx.tree_equal(jax.tree.unflatten(treedef, leaves), likelihood)
    again = split(arguments(name)[0])[0]
    assert split(likelihood)[0] == again
    assert hash(split(likelihood)[0]) == hash(again)


@each_likelihood
def test_the_same_key_is_the_same_target(name: str) -> None:
    likelihood, own, outputs, _ = arguments(name)
    draws = [likelihood.distribution(own, outputs).sample(jax.random.key(s)) for s in (0, 0)]
    assert same_bytes(*draws)


@each_likelihood
def test_reads_as_what_it_is(name: str) -> None:
    text = str(LIKELIHOODS[name].make())
    assert text.startswith(name.split("-", maxsplit=1)[0] + "(")
    assert ("learned" in text) == name.endswith("learned")
    assert ("head" in text) == name.endswith("head")


@each_likelihood
def test_own_targets_are_welcome_and_kinds_are_known(name: str) -> None:
    likelihood, _, outputs, y = arguments(name)
    likelihood.check_targets(y, outputs.shape[1])
    assert likelihood.kind in ("classes", "numbers")
    assert not likelihood.binary or likelihood.kind == "classes"
    whole = name.split("-", maxsplit=1)[0] in (
        "Bernoulli",
        "Categorical",
        "Poisson",
        "NegativeBinomial",
    )
    assert likelihood.discrete is whole


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in LIKELIHOODS if not name.endswith("learned")])
def test_makes_a_model_whose_prior_predictive_has_moments(name: str) -> None:
    case = LIKELIHOODS[name]
    model = mf.BayesianNetwork(mf.nets.MLP([2, case.outputs]), mf.priors.Normal(), case.make())
    prediction = model.prior_predictive(np.ones((3, 2)), draws=8)
    np.testing.assert_allclose(
        prediction.sd**2, prediction.epistemic**2 + prediction.aleatoric**2, rtol=1e-5
    )
    assert np.isfinite(prediction.log_prob(case.targets[:3])).all()
