"""The exact divergence from normal priors."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.families import AbstractFamily
from moonfield.model import normal_prior, space
from moonfield.objectives import log_joint_of
from tests.helpers import (
    Split,
    all_rows,
    in_units_of_error,
    linear_model,
    moons_model,
    regression_rows,
)

FAMILIES = {
    "MeanField": mf.families.MeanField(),
    "FullRank": mf.families.FullRank(),
    "LowRank": mf.families.LowRank(2),
    "Mixture": mf.families.Mixture(2),
}
X, y = regression_rows(20, 3)


def a_state(family: AbstractFamily, size: int):
    state = family.init(jnp.linspace(-1.0, 1.0, size), 0.4)
    leaves, treedef = jax.tree.flatten(state)
    rng = np.random.default_rng(0)
    moved = [leaf + jnp.asarray(0.2 * rng.normal(size=leaf.shape), leaf.dtype) for leaf in leaves]
    return jax.tree.unflatten(treedef, moved)


def estimates(
    objective, family: AbstractFamily, model: mf.BayesianNetwork, batch, count: int = 20_000
):
    """Estimates and their gradients, (count, parameters), from the same noise for every one."""
    size = space(model).size
    state = a_state(family, size)
    density = log_joint_of(model, space(model), batch, 1.0)
    noise = jax.random.normal(jax.random.key(1), (count, 1, family.noise_size(size)), float)

    def one(noise: jax.Array):
        return jax.value_and_grad(lambda s: objective.estimate(family, s, density, noise))(state)

    values, gradients = jax.jit(lambda rows: jax.lax.map(one, rows, batch_size=256))(noise)
    flat = [np.asarray(leaf).reshape(count, -1) for leaf in jax.tree.leaves(gradients)]
    return np.asarray(values), np.concatenate(flat, axis=1)


@pytest.mark.parametrize("name", ["MeanField", "FullRank"])
def test_it_is_the_divergence_of_numpyro(name: str, x64: None) -> None:
    """Without rows nothing is sampled: minus the divergence, summed over the weights."""
    prior = {"*.weight": mf.priors.Normal(0.3, 0.7), "*": mf.priors.Scaled(2.0)}
    network = mf.nets.MLP([3, 2, 1])
    model = mf.BayesianNetwork(network, prior, mf.likelihoods.Normal(sd=0.5))
    batch = all_rows(model, X, y)
    batch = batch._replace(weights=jnp.zeros_like(batch.weights))
    family = FAMILIES[name]
    found, _ = estimates(mf.objectives.AnalyticKL(), family, model, batch, count=2)
    known = normal_prior(space(model))
    state = a_state(family, space(model).size)
    if name == "MeanField":
        q = dist.Normal(state.mean, jnp.exp(state.log_sd)).to_event(1)
        want = dist.kl_divergence(q, dist.Normal(known.mean, known.sd).to_event(1))
    else:
        factor = jax.vmap(state.factor.times)(jnp.eye(len(state.mean))).T
        q = dist.MultivariateNormal(state.mean, scale_tril=factor)
        p = dist.MultivariateNormal(known.mean, scale_tril=jnp.diag(known.sd))
        want = dist.kl_divergence(q, p)
    np.testing.assert_allclose(found, -float(want), rtol=1e-10)


@pytest.mark.parametrize(
    "name",
    ["MeanField", *(pytest.param(it, marks=pytest.mark.slow) for it in list(FAMILIES)[1:])],
)
def test_value_and_gradient_are_those_of_samples(name: str, x64: None) -> None:
    """In expectation, and where a learned sd has a prior that is not normal."""
    model = linear_model(3, mf.likelihoods.Normal(), bias=True)
    batch, family = all_rows(model, X, y), FAMILIES[name]
    exact = estimates(mf.objectives.AnalyticKL(), family, model, batch)
    sampled = estimates(mf.objectives.Reparameterised(), family, model, batch)
    assert abs(in_units_of_error(exact[0] - sampled[0], 0.0)) < 4.5
    differences = exact[1] - sampled[1]
    same = differences.std(axis=0) < 1e-9  # what the prior of the weights says nothing about
    assert not same.all()
    np.testing.assert_allclose(differences[:, same], 0.0, atol=1e-8)
    assert (np.abs(in_units_of_error(differences[:, ~same], 0.0)) < 4.5).all()


@pytest.mark.parametrize("prior", [mf.priors.Laplace(0.0, 1.0), mf.priors.HalfNormal(1.0)])
def test_other_priors_are_sampled(prior: dist.Distribution) -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([3, 1]), prior, mf.likelihoods.Normal(sd=0.5))
    batch = all_rows(model, X, y)
    pair = (mf.objectives.AnalyticKL(), mf.objectives.Reparameterised())
    exact, sampled = (estimates(it, FAMILIES["MeanField"], model, batch, 8) for it in pair)
    np.testing.assert_array_equal(exact[0], sampled[0])
    assert normal_prior(space(model)) is None


def test_its_gradient_is_less_noisy_for_the_moons(moons: Split) -> None:
    """Where the prior weighs as much as the rows: variance of the whole gradient."""
    model = moons_model()
    batch = all_rows(model, moons.X[:5], moons.y[:5])
    pair = (mf.objectives.AnalyticKL(), mf.objectives.Reparameterised())
    exact, sampled = (
        estimates(it, FAMILIES["MeanField"], model, batch, 2_000)[1].var(axis=0).sum()
        for it in pair
    )
    assert exact < 0.8 * sampled


@pytest.mark.slow
def test_a_fit_reaches_the_same_optimum(moons: Split) -> None:
    fits = [
        mf.fit(moons_model(), moons.X, moons.y, method=mf.ADVI(objective=it), steps=4_000)
        for it in (mf.objectives.AnalyticKL(), mf.objectives.Reparameterised())
    ]
    one, other = (fit.diagnostics for fit in fits)
    assert abs(one.elbo - other.elbo) < 1.0 + 4.5 * np.hypot(one.elbo_se, other.elbo_se)
