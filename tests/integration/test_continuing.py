"""Starting from a posterior, from parameters, and several times at once."""

import jax
import numpy as np
import optax
import pytest

import moonfield as mf
from tests.helpers import Split, linear_model, moons_model, posterior_at, same_bytes, state_of

STILL = optax.set_to_zero()


def shared(one: np.ndarray, other: np.ndarray) -> int:
    """How many numbers two fits have in common."""
    return len(set(one.tolist()) & set(other.tolist()))


@pytest.mark.parametrize("batch_size", [None, 50])
def test_every_step_of_a_fit_uses_its_own_noise(
    posterior: mf.Posterior, model: mf.BayesianNetwork, moons: Split, batch_size: int | None
) -> None:
    method = mf.ADVI(optimizer=STILL)
    fit = mf.fit(
        model, moons.X, moons.y, method=method, steps=1_000, start=posterior, batch_size=batch_size
    )
    assert len(np.unique(fit.elbo)) > 980
    blocks = fit.elbo.reshape(4, 250)
    assert np.abs(np.corrcoef(blocks)[~np.eye(4, dtype=bool)]).max() < 6 / np.sqrt(250)


def test_more_steps_keep_or_improve(
    posterior: mf.Posterior, model: mf.BayesianNetwork, moons: Split
):
    more = mf.fit(model, moons.X, moons.y, start=posterior, steps=600)
    error = np.hypot(more.diagnostics.elbo_se, posterior.diagnostics.elbo_se)
    assert more.diagnostics.elbo > posterior.diagnostics.elbo - 3 * error
    start = np.median(more.elbo[:25])
    assert abs(start - posterior.diagnostics.elbo) < 20  # it begins where that ended
    assert np.median(posterior.elbo[:25]) < posterior.diagnostics.elbo - 100


def test_a_continued_fit_uses_other_noise(
    posterior: mf.Posterior, model: mf.BayesianNetwork, moons: Split
) -> None:
    """At parameters that never move the estimates of two legs differ, and do not repeat."""
    method = mf.ADVI(optimizer=STILL)
    first = mf.fit(model, moons.X, moons.y, method=method, steps=500, start=posterior)
    second = mf.fit(model, moons.X, moons.y, method=method, steps=500, start=first)
    assert same_bytes(state_of(first), state_of(posterior))
    assert same_bytes(state_of(second), state_of(posterior))
    assert shared(second.elbo, first.elbo) < 5  # of 500; two float32 may agree by chance


def test_a_third_leg_uses_other_noise_again(model: mf.BayesianNetwork, moons: Split) -> None:
    method = mf.ADVI(optimizer=STILL)
    legs, last = [], posterior_at(model, 0.0, 0.5)
    for _ in range(3):
        last = mf.fit(model, moons.X, moons.y, method=method, steps=250, start=last)
        legs.append(last.elbo)
    assert shared(legs[1], legs[0]) < 5
    assert shared(legs[2], legs[1]) < 5


def test_from_a_tree_of_parameters(model: mf.BayesianNetwork, moons: Split) -> None:
    start = model.sample_prior(jax.random.key(4))
    fit = mf.fit(model, moons.X, moons.y, start=start, steps=1)
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(start)])
    assert np.abs(state_of(fit).mean - flat).max() < 0.2  # one step of Adam at 0.05 away
    again = mf.fit(model, moons.X, moons.y, steps=1)
    assert np.abs(state_of(again).mean - flat).max() > 0.2


def test_from_parameters_on_the_constrained_scale() -> None:
    model = linear_model(2, mf.likelihoods.Normal())
    start = model.init(jax.random.key(0))
    start = {**start, "likelihood": {"sd": jax.numpy.asarray(7.0)}}
    fit = mf.fit(model, np.ones((4, 2)), np.ones(4), start=start, steps=1)
    assert abs(state_of(fit).mean[0] - np.log(7.0)) < 0.2  # z: sd first, by name


def test_numpy_parameters_are_a_start_too(model: mf.BayesianNetwork, moons: Split) -> None:
    start = model.sample_prior(jax.random.key(4))
    plain = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), start)
    fits = [mf.fit(model, moons.X, moons.y, start=s, steps=20) for s in (start, plain)]
    np.testing.assert_allclose(fits[0].elbo, fits[1].elbo, rtol=1e-5)


def test_a_draw_of_a_posterior_is_a_start(
    posterior: mf.Posterior, model: mf.BayesianNetwork, moons: Split
) -> None:
    draw = jax.tree.map(lambda leaf: leaf[0], posterior.sample(1))
    fit = mf.fit(model, moons.X, moons.y, start=draw, steps=5)
    assert fit.elbo[0] > -400


@pytest.mark.parametrize("start", [{"network": 1}, [1.0], 3.0, "last"])
def test_something_else_is_no_start(model: mf.BayesianNetwork, moons: Split, start) -> None:
    with pytest.raises(
        (TypeError, ValueError), match="start must be a posterior or a tree of parameters"
    ):
        mf.fit(model, moons.X, moons.y, start=start, steps=1)


def test_parameters_of_another_shape_are_named(model: mf.BayesianNetwork, moons: Split) -> None:
    start = model.init(jax.random.key(0))
    wrong = jax.tree.map(lambda leaf: leaf[:, :-1], start)
    with pytest.raises(ValueError, match=r"start.*layers\.0\.weight.*\(5, 2\)"):
        mf.fit(model, moons.X, moons.y, start=wrong, steps=1)


def test_a_posterior_of_another_model_is_refused(moons: Split) -> None:
    other = posterior_at(linear_model(2, mf.likelihoods.Bernoulli()), 0.0, 1.0)
    with pytest.raises(
        ValueError, match="start must be a posterior of a model with the same parameters"
    ):
        mf.fit(moons_model(), moons.X, moons.y, start=other, steps=1)


def test_restarts_report_every_elbo_and_return_the_best(
    model: mf.BayesianNetwork, moons: Split
) -> None:
    fit = mf.fit(model, moons.X, moons.y, restarts=4, steps=400, seed=2)
    elbos = fit.diagnostics.restart_elbos
    assert len(set(elbos)) == 4
    assert fit.diagnostics.elbo == max(elbos)
    assert fit.elbo.shape == (400,)
    method = mf.ADVI(draws=1)
    assert method.name == fit.diagnostics.method
    again = mf.fit(model, moons.X, moons.y, start=fit, steps=1)
    assert abs(again.elbo[0] - max(elbos)) < 30
    assert fit.approximation.state.mean.shape == (40,)


def test_a_start_is_not_forgotten_by_restarts(
    posterior: mf.Posterior, model: mf.BayesianNetwork, moons: Split
) -> None:
    """Refused, or begun from: never silently dropped."""
    try:
        fit = mf.fit(model, moons.X, moons.y, start=posterior, restarts=2, steps=25)
    except ValueError as error:
        assert "restarts" in str(error)  # noqa: PT017
    else:
        assert fit.elbo[0] > posterior.diagnostics.elbo - 30


def test_minibatch_restarts(model: mf.BayesianNetwork, moons: Split) -> None:
    fit = mf.fit(model, moons.X, moons.y, restarts=2, steps=400, batch_size=100)
    assert len(set(fit.diagnostics.restart_elbos)) == 2
    assert fit.diagnostics.elbo > -250


@pytest.mark.parametrize("method", ["advi", "laplace"])
@pytest.mark.parametrize("sd", [0.0, -1.0, np.nan])
def test_a_start_lies_inside_the_support(method: str, sd: float) -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    model = mf.BayesianNetwork(mf.nets.MLP([2, 3, 1]), mf.priors.Normal(), mf.likelihoods.Normal())
    fit = mf.fit(model, X, X[:, 0], method="laplace")
    start = jax.tree.map(lambda leaf: leaf[0], fit.sample(1))
    with pytest.raises(ValueError, match=r"start is not finite, or .* in `likelihood.sd`"):
        mf.fit(model, X, X[:, 0], method=method, start={**start, "likelihood": {"sd": sd}})


def test_targets_without_a_mode_are_said() -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    model = mf.BayesianNetwork(mf.nets.MLP([2, 3, 1]), mf.priors.Normal(), mf.likelihoods.Normal())
    with pytest.raises(mf.NonFiniteError, match=r"no curvature that is finite .*standardise them"):
        mf.fit(model, X, np.zeros(20), method="laplace")
