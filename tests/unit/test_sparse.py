"""Networks of the inputs in use."""

from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

import moonfield as mf
from moonfield.families import MeanFieldState, Particles, Variational
from moonfield.model import space
from tests.helpers import posterior_at

select_inputs = mf.applications.sparse.select_inputs
X = np.random.default_rng(0).normal(size=(40, 4))


def model(first: object = None) -> mf.BayesianNetwork:
    first = mf.priors.SpikeAndSlab() if first is None else first
    prior = {"layers.0.weight": first, "*": mf.priors.Normal()}
    return mf.BayesianNetwork(mf.nets.MLP([4, 3, 1]), prior, mf.likelihoods.Normal())


def fitted(gates: list[float], sd: float = 0.1) -> mf.Posterior:
    """Random weights and these gates; the family of the prior."""
    it = model()
    mean = np.random.default_rng(1).normal(size=space(it).size)
    mean[-4:] = gates
    plain = posterior_at(it, mean, sd)
    family = mf.families.SpikeAndSlab().bind(space(it))
    state = MeanFieldState(*plain.approximation.state)
    q = Variational(family, state, space(it).size)
    return mf.Posterior(it, q, plain.elbo, plain.diagnostics, ("a", "b", "c", "d"))


@pytest.mark.slow
def test_without_inputs_whose_gates_are_closed_nothing_changes() -> None:
    """Draws of both networks have other noise, so points are compared: the identity is exact."""
    posterior = fitted([3.0, -9.0, 0.0, -9.0], 1e-6)
    selected = select_inputs(posterior)
    assert selected.inputs.tolist() == [0, 2]
    full = posterior.predict(X, draws=2).mean
    np.testing.assert_allclose(
        selected.posterior.predict(X[:, [0, 2]], draws=2).mean, full, atol=1e-4
    )


@pytest.mark.slow
def test_predictions_stay_within_their_uncertainty() -> None:
    """And are the same within Monte Carlo error where gates are surely open or closed."""
    posterior = fitted([9.0, -9.0, 9.0, -9.0])
    selected = select_inputs(posterior)
    draws = 4_000
    full = posterior.predict(X, draws=draws)
    fewer = selected.posterior.predict(X[:, selected.inputs], draws=draws, seed=1)
    error = np.hypot(full.epistemic, fewer.epistemic) / np.sqrt(draws)
    assert (np.abs(fewer.mean - full.mean) < 5.0 * error).all()
    np.testing.assert_allclose(fewer.epistemic, full.epistemic, rtol=0.15)


def test_a_smaller_network_reads_its_columns_and_is_saved(tmp_path: Path) -> None:
    selected = select_inputs(fitted([3.0, -9.0, 0.0, -9.0])).posterior
    assert selected.model.network.sizes == (2, 3, 1)
    assert selected.columns == ("a", "c")
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    by_name = selected.predict(table, draws=3).mean
    np.testing.assert_array_equal(by_name, selected.predict(X[:, [0, 2]], draws=3).mean)
    selected.save(tmp_path / "small.mf")
    again = mf.load(tmp_path / "small.mf")
    np.testing.assert_array_equal(again.predict(table, draws=3).mean, by_name)


def test_inputs_may_be_named_whatever_the_prior() -> None:
    it = model(mf.priors.Horseshoe(0.3))
    mean = np.random.default_rng(1).normal(size=space(it).size)
    selected = select_inputs(posterior_at(it, mean, 1e-6), [3, 0, 3])
    assert selected.inputs.tolist() == [0, 3]
    zeroed = np.where([True, False, False, True], X, 0.0)
    full = posterior_at(it, mean, 1e-6).predict(zeroed, draws=2).mean
    fewer = selected.posterior.predict(X[:, [0, 3]], draws=2).mean
    np.testing.assert_allclose(fewer, full, atol=1e-4)


@pytest.mark.slow
def test_points_are_selected_too() -> None:
    it = model()
    points = jax.random.normal(jax.random.key(0), (5, space(it).size))
    plain = posterior_at(it, 0.0, 1.0)
    posterior = mf.Posterior(it, Particles(points), plain.elbo, plain.diagnostics)
    selected = select_inputs(posterior, [1, 2])
    kept = selected.posterior.sample(5)["network"].layers[0].weight
    np.testing.assert_array_equal(
        kept, np.asarray(posterior.sample(5)["network"].layers[0].weight)[:, :, 1:3]
    )


def test_what_cannot_be_selected_is_named() -> None:
    closed = fitted([-9.0] * 4)
    with pytest.raises(ValueError, match="at least one of the inputs 0 to 3, got \\[\\]"):
        select_inputs(closed)
    with pytest.raises(ValueError, match="inputs 0 to 3"):
        select_inputs(closed, [4])
    with pytest.raises(ValueError, match="no gates"):
        select_inputs(posterior_at(model(mf.priors.Normal()), 0.0, 1.0))
    learned = posterior_at(model(mf.priors.LearnedScale()), 1.0, 0.1)
    with pytest.raises(ValueError, match="depend on the number of inputs"):
        select_inputs(learned, [0])
    scaled = posterior_at(model(mf.priors.Scaled()), 1.0, 0.1)
    with pytest.raises(ValueError, match="depend on the number of inputs"):
        select_inputs(scaled, [0])
    by_weight = posterior_at(model(mf.priors.SpikeAndSlab(per="weight")), 0.0, 1.0)
    with pytest.raises(ValueError, match="not per input"):
        select_inputs(by_weight)


def test_a_mask_is_one_bool_for_each_input(wrong_types: None) -> None:
    mask = np.array([True, False, True, False])
    assert select_inputs(fitted([3.0, -9.0, 0.0, -9.0]), mask).inputs.tolist() == [0, 2]
    for wrong in ([True, False], [0.5, 2.0]):
        with pytest.raises(ValueError, match="numbers of inputs or 4 bools"):
            select_inputs(fitted([3.0, -9.0, 0.0, -9.0]), wrong)


def test_a_smaller_network_has_not_the_khat_of_the_whole() -> None:
    posterior = fitted([3.0, -9.0, 0.0, -9.0])
    posterior.diagnostics.facts["khat"] = 0.3
    assert "khat" not in select_inputs(posterior).posterior.diagnostics.facts
    assert posterior.diagnostics.facts["khat"] == 0.3


def test_what_is_a_point_stays_one() -> None:
    it = model(mf.priors.Normal())
    partly = mf.BayesianNetwork(it.network, it.prior, it.likelihood, bayesian="layers.1.*")
    points = jax.random.normal(jax.random.key(0), (5, space(partly).size))
    plain = posterior_at(it, 0.0, 1.0)
    posterior = mf.Posterior(partly, Particles(points), plain.elbo, plain.diagnostics)
    assert select_inputs(posterior, [0]).posterior.model.points == partly.points


def test_networks_to_first_order_keep_their_inputs() -> None:
    network = mf.nets.MLP([4, 3, 1])
    it = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Normal(sd=0.3))
    expanded = it.linearised(it.init(jax.random.key(0))["network"])
    with pytest.raises(TypeError, match="first order"):
        select_inputs(posterior_at(expanded, 0.1, 0.2), [0])
