"""The model's densities against NumPyro, its own errors, and how it reads."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.data import Batch
from tests.helpers import all_rows, moons_model


def test_log_likelihood_is_per_row_and_unscaled(x64: None) -> None:
    model = moons_model()
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = (X[:, 0] > 0).astype(float)
    params = model.sample_prior(jax.random.key(0))
    batch = Batch(jnp.asarray(X), jnp.asarray(y), jnp.full(20, 7.0))  # weights are the engine's
    first, second, third = (np.asarray(layer.weight) for layer in params["network"].layers)
    logits = (np.tanh(np.tanh(X @ first.T) @ second.T) @ third.T)[:, 0]
    want = y * logits - np.logaddexp(0.0, logits)
    got = model.log_likelihood(params, batch)
    assert got.shape == (20,)
    np.testing.assert_allclose(got, want, rtol=1e-10)


def test_a_row_counts_once_whatever_its_neighbours() -> None:
    model = moons_model()
    X, y = np.ones((3, 2)), np.ones(3)
    params = model.sample_prior(jax.random.key(0))
    whole = model.log_likelihood(params, all_rows(model, X, y))[:3]
    np.testing.assert_allclose(whole, np.full(3, whole[0]), rtol=1e-6)


def test_a_network_may_return_a_number() -> None:
    class Sum(eqx.Module):
        scale: jax.Array

        def __call__(self, x: jax.Array) -> jax.Array:
            return self.scale * x.sum()

    model = mf.BayesianNetwork(Sum(jnp.ones(())), dist.Normal(), mf.likelihoods.Poisson())
    assert model.target_shape(np.ones((3, 4))) == ()
    assert model.outputs(model.init(jax.random.key(0)), jnp.ones((3, 4))).shape == (3, 1)


def test_rows_that_the_network_refuses_are_named_by_shape() -> None:
    with pytest.raises(ValueError, match=r"does not accept a row of shape \(3,\)"):
        mf.fit(moons_model(), np.ones((5, 3)), np.ones(5), steps=1)


def test_an_output_that_is_no_vector_is_refused() -> None:
    class Square(eqx.Module):
        weight: jax.Array

        def __call__(self, x: jax.Array) -> jax.Array:
            return self.weight * x

    model = mf.BayesianNetwork(Square(jnp.ones((2, 2))), dist.Normal(), mf.likelihoods.Normal())
    with pytest.raises(ValueError, match="vector or a number"):
        model.output_size(np.ones((5, 2, 2)))


@pytest.mark.parametrize("likelihood", ["normal", None, dist.Normal(), mf.likelihoods.Normal])
def test_a_likelihood_is_one_of_ours(likelihood, wrong_types: None) -> None:
    with pytest.raises(TypeError, match=r"likelihood must be one of mf\.likelihoods"):
        mf.BayesianNetwork(mf.nets.MLP([2, 1]), dist.Normal(), likelihood)


def test_reads_as_layers_shapes_priors_and_size() -> None:
    prior = {"*.weight": mf.priors.Scaled(2.0), "*.bias": dist.Normal(0.0, 10.0)}
    model = mf.BayesianNetwork(mf.nets.MLP([4, 3, 1]), prior, mf.likelihoods.Normal(sd=0.5))
    text = str(model)
    for part in ("19 weights", "layers.0.weight", "(3, 4)", "Normal(0, 1)", "Normal(0, 10)", "0.5"):
        assert part in text
    assert repr(model) == text
    assert model.size == 19


def test_prior_draws_differ_between_keys_and_layers() -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([3, 3, 3]), dist.Normal(), mf.likelihoods.Normal())
    one, other = (model.sample_prior(jax.random.key(seed)) for seed in (0, 1))
    layers = one["network"].layers
    assert not np.array_equal(layers[0].weight, layers[1].weight)
    assert not np.array_equal(layers[0].weight, other["network"].layers[0].weight)
    assert one["likelihood"]["sd"] > 0


def test_integer_and_none_leaves_of_a_network_are_left_alone() -> None:
    class Picky(eqx.Module):
        weight: jax.Array
        columns: jax.Array
        extra: None

        def __call__(self, x: jax.Array) -> jax.Array:
            return self.weight @ x[self.columns]

    network = Picky(jnp.ones((1, 2)), jnp.asarray([2, 0]), None)
    model = mf.BayesianNetwork(network, dist.Normal(0.0, 1.0), mf.likelihoods.Normal(sd=1.0))
    assert model.size == 2
    params = {**model.init(jax.random.key(0))}
    weight = params["network"].weight
    outputs = model.outputs(params, jnp.asarray([[1.0, 2.0, 3.0]]))
    np.testing.assert_allclose(outputs[0, 0], 3.0 * weight[0, 0] + weight[0, 1], rtol=1e-6)
