"""Gradients of the whole ELBO, through network, prior, bijection and likelihood."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.data import Batch
from moonfield.families import MeanFieldState
from moonfield.model import space

LIKELIHOODS = {
    "bernoulli": (mf.likelihoods.Bernoulli, 1),
    "categorical": (mf.likelihoods.Categorical, 3),
    "normal": (mf.likelihoods.Normal, 1),
    "normal_head": (lambda: mf.likelihoods.Normal(sd="head"), 2),
    "student_t": (mf.likelihoods.StudentT, 1),
    "poisson": (mf.likelihoods.Poisson, 1),
    "negative_binomial": (mf.likelihoods.NegativeBinomial, 1),
}
PRIOR = {
    "*.weight": dist.Laplace(0.0, 1.0),
    "layers.0.bias": dist.HalfNormal(1.0),
    "*": dist.Normal(),
}


@pytest.mark.parametrize("name", list(LIKELIHOODS))
def test_against_finite_differences(name: str, x64: None) -> None:
    make, outputs = LIKELIHOODS[name]
    model = mf.BayesianNetwork(mf.nets.MLP([2, 3, outputs]), PRIOR, make())
    it, method, rng = space(model), mf.ADVI(draws=2), np.random.default_rng(0)
    X, y = jnp.asarray(rng.normal(size=(6, 2))), jnp.asarray([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    batch = Batch(X, y, jnp.asarray([1.0, 2.0, 0.0, 1.0, 0.5, 1.0]))
    noise = jnp.asarray(rng.normal(size=method.noise_shape(it.size)))
    state = MeanFieldState(jnp.asarray(0.3 * rng.normal(size=it.size)), jnp.full(it.size, -1.0))

    @jax.jit
    def elbo(state: MeanFieldState) -> jax.Array:
        return method.elbo(model, it, state, noise, batch, 1.7)

    gradient = jax.grad(elbo)(state)
    h = 1e-6
    for field in ("mean", "log_sd"):
        for index in range(it.size):
            up, down = (
                elbo(state._replace(**{field: getattr(state, field).at[index].add(step)}))
                for step in (h, -h)
            )
            want = (up - down) / (2 * h)
            np.testing.assert_allclose(getattr(gradient, field)[index], want, rtol=2e-5, atol=2e-6)
