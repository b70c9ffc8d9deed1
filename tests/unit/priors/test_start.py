"""Fits start bounded: around the prior mean, never wide, always inside the support."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf


def starts(prior, sizes: tuple[int, ...] = (50, 8, 1)) -> list[jax.Array]:
    model = mf.BayesianNetwork(mf.nets.MLP(sizes), prior, mf.likelihoods.Normal(sd=1.0))
    keys = jax.random.split(jax.random.key(0), 50)
    return jax.tree.leaves(jax.jit(jax.vmap(model.init))(keys)["network"])


@pytest.mark.parametrize("sd", [0.1, 1.0, 100.0])
def test_never_wider_than_the_prior_nor_than_the_layer_can_bear(sd: float) -> None:
    for leaf in starts(dist.Normal(0.0, sd)):
        fan = leaf.shape[-1] if leaf.ndim == 3 else 1
        limit = 3**0.5 * min(sd, 2.0 / fan**0.5)
        assert 0.9 * limit < np.abs(leaf).max() <= limit * (1 + 1e-6)


def test_centred_at_the_prior_mean() -> None:
    for leaf in starts(dist.Normal(5.0, 0.01)):
        np.testing.assert_allclose(leaf, 5.0, atol=0.02)


def test_a_heavy_tail_without_moments_starts_bounded() -> None:
    for leaf in starts(dist.Cauchy(0.0, 1.0)):
        assert np.abs(leaf).max() <= 2.0 * 3**0.5


@pytest.mark.parametrize(
    "prior", [dist.HalfNormal(1.0), dist.Uniform(-1.0, 2.0), dist.LogNormal(0.0, 1.0)]
)
@pytest.mark.slow
def test_inside_a_constrained_support(prior: dist.Distribution) -> None:
    for leaf in starts(prior):
        assert jnp.all(prior.support(leaf))
        assert jnp.isfinite(prior.log_prob(leaf)).all()
        assert len(np.unique(np.asarray(leaf))) > 1


def test_keys_decide() -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([2, 2]), dist.Normal(0.0, 1.0), mf.likelihoods.Poisson())
    one, same, other = (model.init(jax.random.key(seed)) for seed in (0, 0, 1))
    first = [tree["network"].layers[0].weight for tree in (one, same, other)]
    assert np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], first[2])
