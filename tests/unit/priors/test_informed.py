"""Priors from posteriors, populations, trees and files."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from safetensors.numpy import save_file

import moonfield as mf
from moonfield.model import space
from tests.helpers import posterior_at

Informed = mf.priors.Informed


def network() -> mf.nets.MLP:
    return mf.nets.MLP([2, 3, 1])


def model(prior: object) -> mf.BayesianNetwork:
    return mf.BayesianNetwork(network(), prior, mf.likelihoods.Normal(sd=1.0))  # type: ignore[arg-type]


def old() -> mf.Posterior:
    it = model(mf.priors.Normal())
    means = np.random.default_rng(0).normal(size=space(it).size)
    return posterior_at(it, means, 0.3)


def prior_draws(it: mf.BayesianNetwork, count: int = 4_000) -> dict[str, np.ndarray]:
    keys = jax.random.split(jax.random.key(0), count)
    weights = jax.vmap(lambda key: it.weights(it.sample_prior(key)))(keys)["network"]
    return {
        "first": np.asarray(weights.layers[0].weight),
        "last": np.asarray(weights.layers[1].weight),
    }


def test_means_and_sds_are_the_posteriors() -> None:
    before = old()
    it = model(
        {
            **Informed.from_posterior(before, "layers.0.*", inflate=2.0),
            "*": mf.priors.Normal(0.0, 5.0),
        }
    )
    mean = before.sample(4_000)["network"].layers[0].weight.mean(axis=0)
    found = prior_draws(it)
    np.testing.assert_allclose(found["first"].mean(axis=0), mean, atol=0.06)
    np.testing.assert_allclose(found["first"].std(axis=0), 0.6, rtol=0.1)
    np.testing.assert_allclose(found["last"].std(axis=0), 5.0, rtol=0.1)


def test_the_density_is_normal_about_the_means(x64: None) -> None:
    mean = np.random.default_rng(0).normal(size=(3, 2))
    it = model({"layers.0.weight": Informed(mean, 0.5), "*": mf.priors.Normal()})
    params = it.sample_prior(jax.random.key(1))
    weight = it.weights(params)["network"].layers[0].weight
    z = params["network"].layers[0].weight
    np.testing.assert_allclose(weight, mean + 0.5 * z, rtol=1e-12)
    others = [params["network"].layers[0].bias, *jax.tree.leaves(params["network"].layers[1])]
    want = dist.Normal().log_prob(z).sum() + sum(dist.Normal().log_prob(v).sum() for v in others)
    np.testing.assert_allclose(it.log_prior(params), want, rtol=1e-12)


def test_weights_from_a_tree_and_a_file(tmp_path: Path) -> None:
    tree = jax.tree.map(lambda leaf: leaf + 2.0, network())
    save_file({"layers.0.weight": np.full((3, 2), 2.0)}, tmp_path / "old.safetensors")
    for table in (
        Informed.from_weights(tree, sd=0.1, layers="layers.0.weight"),
        Informed.from_weights(tmp_path / "old.safetensors", sd=0.1),
    ):
        assert list(table) == ["layers.0.weight"]
        found = prior_draws(model({**table, "*": mf.priors.Normal()}))
        np.testing.assert_allclose(found["first"].mean(axis=0), 2.0, atol=0.01)
        np.testing.assert_allclose(found["first"].std(axis=0), 0.1, rtol=0.1)


def test_a_population_is_a_prior_for_the_next_task() -> None:
    groups = mf.HierarchicalNetwork(
        network(), mf.priors.Normal(), mf.likelihoods.Normal(sd=1.0), groups=4,
        level={"layers.1.*": "shared"}, spread=dist.LogNormal(0.0, 1.0),
    )  # fmt: skip
    it = space(groups)
    means = np.zeros(it.size)
    begins = dict(zip(it.paths, np.cumsum([0, *map(np.prod, it.shapes)]).astype(int), strict=False))
    sd = begins["prior.groups.layers.0.weight.sd"]
    means[sd : sd + 6] = np.log(1.2)
    mu = begins["layers.0.weight"]
    means[mu : mu + 6] = 3.0
    table = Informed.from_population(posterior_at(groups, means, 0.01))
    assert set(table) == {f"layers.{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")}
    np.testing.assert_allclose(table["layers.0.weight"].mean, 3.0, atol=0.15)
    np.testing.assert_allclose(table["layers.0.weight"].sd, 1.2, rtol=0.15)
    np.testing.assert_allclose(table["layers.1.weight"].sd, 0.01, rtol=0.15)
    assert model(table).size == 13


def test_a_learned_scale_finds_how_far_to_trust() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    line = mf.nets.MLP([2, 1], bias=False)
    scales = {}
    for name, truth in {"right": [1.0, -1.0], "wrong": [4.0, 3.0]}.items():
        prior = {"*": Informed(np.array([[1.0, -1.0]]), 0.1, dist.HalfCauchy(1.0))}
        it = mf.BayesianNetwork(line, prior, mf.likelihoods.Normal(sd=0.1))
        fit = mf.fit(it, X, X @ truth, method="advi", steps=3_000)
        scale = fit.sample(200)["prior"]["layers.0.weight"]["scale"]
        scales[name] = float(np.median(scale))
    assert scales["wrong"] > 5.0 * scales["right"]


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match=r"layers\.0\.weight is a batch of \(3, 5\)"):
        model({"layers.0.weight": Informed(np.zeros((3, 5)), 1.0), "*": mf.priors.Normal()})
    with pytest.raises(ValueError, match=r"No weights match 'conv\.\*'.*layers\.0\.weight"):
        Informed.from_posterior(old(), layers="conv.*")
    with pytest.raises(ValueError, match="sd must be positive"):
        Informed(jnp.zeros(3), 0.0)
    with pytest.raises(ValueError, match="population of groups"):
        Informed.from_population(old())
