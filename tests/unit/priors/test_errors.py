"""A prior that does not fit says which pattern or parameter is wrong."""

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.priors import as_prior

NORMAL = dist.Normal(0.0, 1.0)


def bind(prior: Any) -> mf.BayesianNetwork:
    return mf.BayesianNetwork(mf.nets.MLP([3, 4, 2]), prior, mf.likelihoods.Normal(sd=1.0))


def test_a_pattern_that_matches_nothing_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"'layers\.7\.\*' matches no parameter.*layers\.0\.weight"
    ):
        bind({"*": NORMAL, "layers.7.*": NORMAL})


def test_a_parameter_without_a_prior_is_named() -> None:
    with pytest.raises(ValueError, match=r"No prior for parameter 'layers\.0\.bias'.*'\*\.weight'"):
        bind({"*.weight": NORMAL})


@pytest.mark.parametrize("prior", [1.0, "normal", None, [NORMAL]])
def test_something_else_is_no_prior(prior: Any, wrong_types: None) -> None:
    with pytest.raises(TypeError, match=f"prior must be.*got {type(prior).__name__}"):
        bind(prior)


def test_an_entry_that_is_no_distribution_is_named() -> None:
    with pytest.raises(TypeError, match=r"'\*\.bias'.*got float"):
        bind({"*.weight": NORMAL, "*.bias": 1.0})


def test_vector_events_are_refused() -> None:
    joint = dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2))
    with pytest.raises(ValueError, match=r"'\*'.*events of shape \(2,\)"):
        bind({"*": joint})


def test_discrete_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'\*' is discrete"):
        bind(dist.Poisson(3.0))


@pytest.mark.parametrize("batch", [(5,), (1, 4, 3), (2, 4, 3)])
def test_a_batch_of_distributions_must_fit_the_weights(batch: tuple[int, ...]) -> None:
    prior = {"layers.0.weight": dist.Normal(jnp.zeros(batch), 1.0), "*": NORMAL}
    with pytest.raises(ValueError, match=r"layers\.0\.weight"):
        bind(prior)


def test_a_batch_of_distributions_that_fits_is_used() -> None:
    location = jnp.arange(12.0).reshape(4, 3)
    model = bind({"layers.0.weight": dist.Normal(location, 1e-6), "*": NORMAL})
    import jax

    weight = model.sample_prior(jax.random.key(0))["network"].layers[0].weight
    assert jnp.allclose(weight, location, atol=1e-4)


def test_no_patterns_at_all() -> None:
    with pytest.raises(ValueError, match=r"No prior for parameter 'layers\.0\.weight'"):
        bind({})


def test_numbers_are_arrays_so_that_another_scale_recompiles_nothing() -> None:
    from moonfield._core.trees import split

    one, other = (split(as_prior({"*": dist.Normal(0.0, sd)})) for sd in (1.0, 2))
    assert one[0] == other[0]
    assert hash(one[0]) == hash(other[0])
    assert [float(x) for x in one[1]] != [float(x) for x in other[1]]


@pytest.mark.parametrize("sd", [0.0, -1.0, float("nan"), jnp.array([[1.0], [0.0]])])
def test_a_scaled_sd_is_positive(sd: Any) -> None:
    with pytest.raises(ValueError, match="sd must be positive"):
        mf.priors.Scaled(sd)
