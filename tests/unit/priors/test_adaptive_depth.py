"""The prior over the depth of a network, against its equation."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.priors import Latents
from tests.helpers import all_rows, regression_rows

BETA = np.array([0.5, 0.2, 0.3])


def model(prior: Any = None, likelihood: Any = None) -> mf.BayesianNetwork:
    table = {"blocks.*": mf.priors.Normal(0.0, 2.0), "*": mf.priors.Normal(0.0, 1.0)}
    return mf.BayesianNetwork(
        mf.nets.ResidualMLP([2, 3, 3, 3, 1]),
        mf.priors.AdaptiveDepth(table, 10.0 * BETA) if prior is None else prior,
        mf.likelihoods.Normal(sd=0.5) if likelihood is None else likelihood,
    )


def at(params: dict, depth: Any) -> dict:
    return {**params, "prior": {"depth": jnp.asarray(depth, float)}}


def test_only_the_blocks_within_the_depth_exist(x64: None) -> None:
    it = model()
    params = eqx.filter_jit(it.sample_prior)(jax.random.key(0))
    network = params["network"]
    sizes = {"blocks": 0.0, "others": 0.0}
    others = jax.tree.leaves((network.first, network.last))
    sizes["others"] = sum(stats.norm.logpdf(np.asarray(leaf)).sum() for leaf in others)
    log_prior, weights = eqx.filter_jit(it.log_prior), eqx.filter_jit(it.weights)
    for depth in range(3):
        blocks = jax.tree.leaves(network.blocks[:depth])
        want = np.log(BETA[depth]) + sizes["others"]
        want += sum(stats.norm.logpdf(np.asarray(leaf), 0.0, 2.0).sum() for leaf in blocks)
        now = at(params, np.eye(3)[depth])
        np.testing.assert_allclose(log_prior(now), want, rtol=1e-12)
        seen = weights(now)["network"]
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(seen.blocks[depth:]))
        for a, b in zip(seen.blocks[:depth], network.blocks[:depth], strict=True):
            np.testing.assert_array_equal(a.weight, b.weight)


@pytest.mark.slow
def test_log_densities_are_linear_in_the_depth(x64: None) -> None:
    """So that they are expectations over depths where probabilities take the place of the 1."""
    it, (X, y) = model(), regression_rows(7, 2)
    params, rows = eqx.filter_jit(it.sample_prior)(jax.random.key(1)), all_rows(it, X, y)
    q = np.array([0.2, 0.5, 0.3])
    for density in (it.log_prior, lambda params: it.log_likelihood(params, rows)):
        each = np.stack([density(at(params, one)) for one in np.eye(3)])
        np.testing.assert_allclose(density(at(params, q)), q @ each, rtol=1e-10)
    plain = model(it.prior.prior)
    seen = {**at(params, np.eye(3)[1]), "network": it.weights(at(params, np.eye(3)[1]))["network"]}
    np.testing.assert_allclose(
        it.log_likelihood(at(params, np.eye(3)[1]), rows),
        plain.log_likelihood({**seen, "prior": {}}, rows),
        rtol=1e-12,
    )


@pytest.mark.slow
def test_draws_have_depths_of_the_prior() -> None:
    """Within four standard errors."""
    it, draws = model(), 2_000
    keys = jax.random.split(jax.random.key(0), draws)
    depth = jax.jit(jax.vmap(it.sample_prior))(keys)["prior"]["depth"]
    assert np.array_equal(np.sort(depth, axis=1), np.tile([0.0, 0.0, 1.0], (draws, 1)))
    error = np.sqrt(BETA * (1.0 - BETA) / draws)
    assert (np.abs(depth.mean(axis=0) - BETA) < 4.0 * error).all()


def test_depths_are_equally_probable_without_probabilities(x64: None) -> None:
    it = model(mf.priors.AdaptiveDepth(mf.priors.Normal(0.0, 1.0)))
    init = it.init(jax.random.key(0))
    np.testing.assert_allclose(init["prior"]["depth"], np.full(3, 1.0 / 3.0), rtol=1e-12)
    latents = Latents(init["network"], init["prior"])
    np.testing.assert_array_equal(it.prior.depth(latents), init["prior"]["depth"])


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (lambda: mf.priors.AdaptiveDepth(mf.priors.Normal(), [1.0, 2.0]), "3 depths"),
        (lambda: mf.priors.AdaptiveDepth(mf.priors.Normal(), [1.0, 0.0, 2.0]), "positive"),
        (lambda: mf.priors.AdaptiveDepth(mf.priors.LearnedScale()), "bounded numbers"),
    ],
)
def test_what_does_not_fit_is_an_error(prior: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(prior())


def test_a_network_without_blocks_is_an_error() -> None:
    prior = mf.priors.AdaptiveDepth(mf.priors.Normal(0.0, 1.0))
    for network in (mf.nets.MLP([2, 3, 1]), mf.nets.ResidualMLP([2, 3, 1])):
        with pytest.raises(ValueError, match=r"mf\.nets\.ResidualMLP"):
            mf.BayesianNetwork(network, prior, mf.likelihoods.Normal())


def test_groups_have_one_depth() -> None:
    prior = mf.priors.AdaptiveDepth(mf.priors.Normal(0.0, 1.0))
    with pytest.raises(ValueError, match="leave AdaptiveDepth out"):
        mf.HierarchicalNetwork(
            mf.nets.ResidualMLP([2, 3, 3, 1]), prior, mf.likelihoods.Normal(), groups=2
        )
