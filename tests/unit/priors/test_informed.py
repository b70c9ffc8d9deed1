"""Priors from posteriors, populations, trees and files."""

from pathlib import Path
from typing import Any

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


def test_directions_correlate_the_weights_of_an_array(x64: None) -> None:
    rng = np.random.default_rng(0)
    mean, directions = rng.normal(size=(3, 2)), rng.normal(size=(4, 3, 2))
    entry = Informed(mean, 0.5, directions=directions)
    it = model({"layers.0.weight": entry, "*": mf.priors.Normal()})
    params = it.sample_prior(jax.random.key(1))
    z, along = params["network"].layers[0].weight, params["prior"]["layers.0.weight"]["along"]
    assert along.shape == (4,)
    weight = it.weights(params)["network"].layers[0].weight
    want = mean + 0.5 * z + np.einsum("k,kij->ij", along, directions)
    np.testing.assert_allclose(weight, want, rtol=1e-12)
    latents = [z, along, params["network"].layers[0].bias]
    latents += jax.tree.leaves(params["network"].layers[1])
    density = sum(dist.Normal().log_prob(value).sum() for value in latents)
    np.testing.assert_allclose(it.log_prior(params), density, rtol=1e-12)
    assert str(entry) == "Informed(sd about 0.5, 4 directions)"


def test_a_population_is_correlated_as_its_groups_are() -> None:
    """Two weights on a line: groups at (1, 2) t, known almost exactly."""
    it, means = lines([(name,) for name in "abcde"])
    z = np.outer([-1.0, -0.5, 0.0, 0.5, 1.0], [1.0, 0.5])
    means("z", z)
    means("sd", np.log([[2.0, 4.0]]))
    posterior = posterior_at(it, means(), 1e-4)
    own = Informed.from_population(posterior)["layers.0.weight"]
    found = Informed.from_population(posterior, correlated=True, inflate=2.0)["layers.0.weight"]
    assert found.directions is not None
    assert found.directions.shape == (1, 1, 2)
    d = np.asarray(found.directions).reshape(-1, 2)
    groups = z * [2.0, 4.0]
    np.testing.assert_allclose(d.T @ d, 4.0 * np.cov(groups.T), rtol=1e-3)
    np.testing.assert_allclose(found.mean, own.mean)
    left = np.ravel(own.sd) ** 2 - np.diag(np.cov(groups.T))
    np.testing.assert_allclose(np.ravel(found.sd), 2.0 * np.sqrt(left), rtol=1e-3)


def test_a_new_model_of_a_known_maker_has_its_makers_mean() -> None:
    names = [("ford", "t"), ("ford", "a"), ("fiat", "500"), ("fiat", "600"), ("fiat", "124")]
    it, means = lines(names)
    means("sd_0", np.log([[1.0, 1.0]]))
    means("sd_1", np.log([[1.0, 1.0]]))
    makers, models = np.array([[3.0, -3.0], [-1.0, 1.0]]), np.zeros((5, 2))
    models[:, 0] = [1.0, -1.0, 2.0, 0.0, -2.0]
    means("z_0", makers)
    means("z_1", models)
    posterior = posterior_at(it, means(), 1e-4)
    for maker, mean in zip(("ford", "fiat"), makers, strict=True):
        draws = posterior.population(4_000, within=(maker,)).layers[0].weight
        assert draws.shape == (4_000, 1, 2)
        np.testing.assert_allclose(draws.mean(axis=0)[0], mean, atol=5 / 4_000**0.5)
        found = Informed.from_population(posterior, within=(maker,), correlated=True)
        d = np.asarray(found["layers.0.weight"].directions).reshape(-1, 2)
        want = (models**2).sum(axis=0) / 3.0  # five models less two makers
        np.testing.assert_allclose((d**2).sum(axis=0), want, atol=1e-3)
    draws = posterior.population(4_000).layers[0].weight  # of any maker
    np.testing.assert_allclose(draws.mean(axis=0)[0], 0.0, atol=5 * (2 / 4_000) ** 0.5)
    d = Informed.from_population(posterior, correlated=True)["layers.0.weight"].directions
    between = np.cov(makers.T)  # of the makers' means: their models' differences average to 0
    between[0, 0] += 10.0 / 3.0
    d = np.asarray(d).reshape(-1, 2)
    np.testing.assert_allclose(d.T @ d, between, rtol=1e-3)


def lines(names: list[tuple]) -> tuple[mf.HierarchicalNetwork, Any]:
    """A network of two weights for each group, and its unconstrained vector, by site."""
    line = mf.nets.MLP([2, 1], bias=False)
    it = mf.HierarchicalNetwork(
        line, mf.priors.Normal(), mf.likelihoods.Normal(sd=1.0), groups=names,
        spread=dist.LogNormal(0.0, 1.0),
    )  # fmt: skip
    vector = np.zeros(space(it).size)
    begins = np.cumsum([0, *map(np.prod, space(it).shapes)]).astype(int)
    places = dict(zip(space(it).paths, begins, strict=False))

    def means(site: str = "", values: Any = None) -> np.ndarray:
        if site:
            begin = places[f"prior.groups.layers.0.weight.{site}"]
            vector[begin : begin + np.size(values)] = np.ravel(values)
        return vector

    return it, means


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
    with pytest.raises(ValueError, match=r"directions must be an array \(directions, 3\)"):
        Informed(jnp.zeros(3), 1.0, directions=jnp.zeros((2, 4)))
    with pytest.raises(ValueError, match="population of groups"):
        Informed.from_population(old())
    it, means = lines([("ford", "t"), ("fiat", "500")])
    posterior = posterior_at(it, means(), 0.1)
    with pytest.raises(ValueError, match=r"'seat'.*not in the model's groups"):
        Informed.from_population(posterior, within=("seat",))
    with pytest.raises(ValueError, match="within names the groups above a new one: at most 1"):
        posterior.population(3, within=("ford", "t"))
