"""The log joint density of a batch: normalised over z, and scaled in one place only."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.data import Batch
from moonfield.model import space
from moonfield.objectives import log_joint
from tests.helpers import all_rows, linear_model

PRIORS = [
    dist.Normal(0.3, 2.0),
    dist.HalfNormal(1.5),
    dist.LogNormal(0.2, 0.7),
    dist.Uniform(-1.0, 2.0),
    dist.Gamma(2.0, 1.0),
]


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: type(prior).__name__)
def test_without_data_it_is_a_density_of_z(prior: dist.Distribution, x64: None) -> None:
    """Its integral over the unconstrained line is 1: the Jacobian is there, once."""
    network = mf.nets.MLP([1, 1], bias=False)
    model = mf.BayesianNetwork(network, prior, mf.likelihoods.Normal(sd=1.0))
    nothing = Batch(jnp.ones((4, 1)), jnp.ones(4), jnp.zeros(4))
    z = jnp.linspace(-25.0, 25.0, 20_001)
    density = jnp.exp(jax.vmap(lambda x: log_joint(model, space(model), x[None], nothing, 1.0))(z))
    assert np.trapezoid(density, z) == pytest.approx(1.0, abs=1e-5)


def test_a_learned_scale_carries_its_jacobian_too(x64: None) -> None:
    model = linear_model(1, mf.likelihoods.Normal(sd=dist.LogNormal(0.0, 1.0)))
    nothing = Batch(jnp.ones((4, 1)), jnp.ones(4), jnp.zeros(4))
    grid = jnp.stack(jnp.meshgrid(*[jnp.linspace(-8.0, 8.0, 201)] * 2), axis=-1).reshape(-1, 2)
    values = jax.vmap(lambda z: log_joint(model, space(model), z, nothing, 1.0))(grid)
    assert float(jnp.exp(values).sum()) * 0.08**2 == pytest.approx(1.0, abs=1e-6)


def test_it_is_prior_plus_scaled_weighted_rows(x64: None) -> None:
    model, rng = linear_model(2, mf.likelihoods.Poisson()), np.random.default_rng(0)
    X, y, weights = rng.normal(size=(7, 2)), rng.poisson(1.0, 7), rng.random(7)
    z, batch = jnp.asarray([0.3, -0.2]), all_rows(model, X, y, weights)
    params = space(model).constrain(z)[0]
    rows = np.asarray(model.log_likelihood(params, batch))[:7]
    want = float(model.log_prior(params)) + 2.5 * weights @ rows
    assert float(log_joint(model, space(model), z, batch, 2.5)) == pytest.approx(want, rel=1e-12)
