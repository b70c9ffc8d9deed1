"""Joint log-densities of priors against NumPyro's, weight by weight."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.model import space
from moonfield.priors import Independent, Latents, as_prior, fan_in

NETWORK = mf.nets.MLP([3, 4, 2])
ALL = [
    dist.Normal(0.3, 2.0),
    dist.Laplace(0.0, 0.5),
    dist.Cauchy(0.0, 1.0),
    dist.StudentT(3.0, 0.0, 2.0),
    dist.HalfNormal(1.5),
    dist.Uniform(-1.0, 3.0),
]


def some(prior) -> Latents:
    """Values inside every support."""
    model = mf.BayesianNetwork(NETWORK, prior, mf.likelihoods.Normal(sd=1.0))
    rng = np.random.default_rng(0)
    values = jax.tree.map(
        lambda s: jnp.asarray(rng.uniform(0.1, 2.9, s.shape), s.dtype), model.shapes
    )
    return Latents(values, {})


@pytest.mark.parametrize("prior", ALL, ids=lambda prior: type(prior).__name__)
def test_one_distribution_for_all_weights(prior: dist.Distribution) -> None:
    latents = some(prior)
    flat = jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(latents.network)])
    assert flat.size == 26
    got = as_prior(prior).log_prob(latents)
    np.testing.assert_allclose(got, np.sum(prior.log_prob(flat), dtype=float), rtol=1e-5)


def test_a_table_gives_each_path_its_own() -> None:
    prior = as_prior({
        "layers.0.weight": dist.Laplace(0.0, 0.5),
        "*.weight": dist.Normal(0.0, 3.0),
        "*": dist.Cauchy(0.0, 1.0),
    })  # fmt: skip
    latents = some(prior)
    first, last = latents.network.layers
    want = [
        dist.Laplace(0.0, 0.5).log_prob(first.weight),
        dist.Normal(0.0, 3.0).log_prob(last.weight),
        dist.Cauchy(0.0, 1.0).log_prob(first.bias),
        dist.Cauchy(0.0, 1.0).log_prob(last.bias),
    ]
    total = sum(float(np.sum(term)) for term in want)
    np.testing.assert_allclose(prior.log_prob(latents), total, rtol=1e-5)


def test_the_first_pattern_that_matches_wins() -> None:
    wide_first = as_prior({"*": dist.Normal(0.0, 10.0), "*.bias": dist.Normal(0.0, 0.1)})
    latents = some(wide_first)
    np.testing.assert_allclose(
        wide_first.log_prob(latents), as_prior(dist.Normal(0.0, 10.0)).log_prob(latents), rtol=1e-6
    )


def test_scaled_divides_by_the_root_of_fan_in() -> None:
    prior = as_prior(mf.priors.Scaled(2.0))
    latents = some(prior)
    first, last = latents.network.layers
    sds = [(first.weight, 2 / 3**0.5), (first.bias, 2.0), (last.weight, 1.0), (last.bias, 2.0)]
    total = sum(float(np.sum(dist.Normal(0.0, sd).log_prob(leaf))) for leaf, sd in sds)
    np.testing.assert_allclose(prior.log_prob(latents), total, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "want"), [((), 1), ((7,), 1), ((5, 3), 3), ((8, 2, 3, 3), 18), ((4, 0), 1)]
)
def test_fan_in_is_all_but_the_output_axis(shape: tuple[int, ...], want: int) -> None:
    assert fan_in(shape) == want


def test_scaled_stands_in_a_table() -> None:
    prior = as_prior({"*.weight": mf.priors.Scaled(1.0), "*.bias": dist.Normal(0.0, 5.0)})
    draws = jax.vmap(lambda key: draw_weights(prior, key))(
        jax.random.split(jax.random.key(3), 4_000)
    )
    sds = [np.asarray(leaf).std() for leaf in jax.tree.leaves(draws)]
    want = [3**-0.5, 5.0, 0.5, 5.0]  # layers.0.weight, layers.0.bias, layers.1.weight, ...
    error = [
        sd / np.sqrt(2 * leaf.size) for sd, leaf in zip(want, jax.tree.leaves(draws), strict=True)
    ]
    assert np.all(np.abs(np.subtract(sds, want)) < 5 * np.asarray(error))


def draw_weights(prior, key: jax.Array):
    shapes = mf.BayesianNetwork(NETWORK, prior, mf.likelihoods.Normal(sd=1.0)).shapes
    return prior.sample(key, shapes).network


def test_a_constrained_weight_carries_the_jacobian_of_its_bijection(x64: None) -> None:
    """The density of log w for w ~ HalfNormal, in closed form."""
    network = mf.nets.MLP([1, 1], bias=False)
    model = mf.BayesianNetwork(network, dist.HalfNormal(1.5), mf.likelihoods.Normal(sd=1.0))
    z = jnp.asarray([-0.7])
    params, log_det = space(model).constrain(z)
    w = np.exp(-0.7)
    assert params["network"].layers[0].weight[0, 0] == pytest.approx(w, rel=1e-12)
    want = np.log(2.0) - 0.5 * np.log(2 * np.pi) - np.log(1.5) - 0.5 * (w / 1.5) ** 2 - 0.7
    np.testing.assert_allclose(model.log_prior(params) + log_det, want, rtol=1e-12)


def test_a_prior_passes_through() -> None:
    prior = Independent(dist.Normal(0.0, 1.0))
    assert as_prior(prior) is prior
