"""The table of marginals."""

import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.families import MeanFieldState
from tests.helpers import linear_model, moons_model, posterior_at, posterior_of


def test_exact_where_parameters_are_the_vector_itself() -> None:
    mean, log_sd = np.linspace(-2.0, 2.0, 40), np.linspace(-3.0, 0.0, 40)
    state = MeanFieldState(*(_single(v) for v in (mean, log_sd)))
    summary = posterior_of(moons_model(), state).summary(draws=200)
    np.testing.assert_allclose(summary.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(summary.sd, np.exp(log_sd), rtol=1e-6)
    np.testing.assert_allclose(summary.signal_to_noise, np.abs(mean) / np.exp(log_sd), rtol=1e-5)


def test_of_weights_where_the_vector_is_of_latents() -> None:
    network, prior = mf.nets.MLP([3, 1], bias=False), mf.priors.Informed(5.0, 0.1)
    model = mf.BayesianNetwork(network, prior, mf.likelihoods.Bernoulli())
    summary = posterior_at(model, 1.0, 0.5).summary(draws=4_000)
    np.testing.assert_allclose(summary.mean, 5.1, atol=0.01)
    np.testing.assert_allclose(summary.sd, 0.05, rtol=0.1)


def _single(values: np.ndarray):
    import jax.numpy as jnp

    return jnp.asarray(values, jnp.float32)


def test_quantiles_are_those_of_a_normal() -> None:
    draws = 4_000
    summary = posterior_at(linear_model(3, mf.likelihoods.Bernoulli()), 1.0, 0.5).summary(draws)
    want = stats.norm.ppf([0.05, 0.5, 0.95], 1.0, 0.5)
    density = stats.norm.pdf(want, 1.0, 0.5)
    error = np.sqrt(np.asarray([0.05 * 0.95, 0.25, 0.05 * 0.95]) / draws) / density
    assert (np.abs(summary.quantiles - want) < 4.5 * error).all()


def test_names_stand_beside_their_numbers() -> None:
    model = linear_model(2, mf.likelihoods.Normal(), bias=True)
    posterior = posterior_at(
        model, np.asarray([0.5, 10.0, 20.0, 30.0]), 0.01
    )  # z: sd, weights, bias
    summary = posterior.summary(draws=500)
    assert summary.name == [
        "layers.0.weight[0, 0]", "layers.0.weight[0, 1]", "layers.0.bias[0]", "likelihood.sd",
    ]  # fmt: skip
    np.testing.assert_allclose(summary.mean, [10.0, 20.0, 30.0, np.exp(0.5)], rtol=0.01)
    assert len(summary) == 4


def test_columns_for_a_data_frame() -> None:
    import pandas as pd

    summary = posterior_at(moons_model(), 0.0, 1.0).summary(draws=50)
    frame = pd.DataFrame(summary.to_dict())
    assert list(frame) == ["name", "mean", "sd", "q5", "q50", "q95", "signal_to_noise"]
    assert len(frame) == 40
    assert (frame.q5 < frame.q95).all()


@pytest.mark.parametrize(("units", "lines"), [(5, 16), (70, 62)])
def test_prints_a_table_that_ends(units: int, lines: int) -> None:
    network = mf.nets.MLP([2, units, 1], bias=False)
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Bernoulli())
    text = str(posterior_at(model, 0.0, 1.0).summary(draws=20))
    assert len(text.splitlines()) == lines
    assert ("150 more" in text) == (units == 70)
