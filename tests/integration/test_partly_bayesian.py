"""Networks of which a part is Bayesian, all else learned as numbers."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.families import Partial, full_rank_state
from moonfield.model import space
from moonfield.objectives import log_joint
from tests.helpers import Split, all_rows, linear_model, regression_rows, same_bytes

NOISE = 0.5
X, Y = regression_rows(30, 2)


def line() -> mf.BayesianNetwork:
    """Weights with distributions, a bias without, whose posterior is known."""
    return mf.BayesianNetwork(
        mf.nets.MLP([2, 1]),
        mf.priors.Normal(0.0, 1.0),
        mf.likelihoods.Normal(sd=NOISE),
        bayesian="*.weight",
    )


def exact() -> tuple[float, np.ndarray, np.ndarray, float]:
    """The bias of most evidence, mean and covariance of the weights given it, the evidence."""
    covariance = X @ X.T + NOISE**2 * np.eye(len(X))  # of y given the bias
    solve = np.linalg.solve(covariance, np.stack([Y, np.ones(len(X))], axis=1))
    bias = solve[:, 0].sum() / (solve[:, 1].sum() + 1.0)
    spread = np.linalg.inv(X.T @ X / NOISE**2 + np.eye(2))
    mean = spread @ X.T @ (Y - bias) / NOISE**2
    away = Y - bias
    evidence = -0.5 * (
        away @ np.linalg.solve(covariance, away)
        + np.linalg.slogdet(covariance)[1]
        + bias**2
        + (len(X) + 1) * math.log(2.0 * math.pi)
    )
    return bias, mean, spread, evidence


@pytest.mark.slow
def test_at_the_exact_posterior_every_draw_gives_the_evidence(x64: None) -> None:
    bias, mean, spread, evidence = exact()
    model = line()
    where = space(model)
    assert where.paths == ("layers.0.weight", "layers.0.bias")
    family = Partial(mf.families.FullRank()).bind(where)
    state = family.init(jnp.asarray([*mean, bias]), 1.0)
    state = state._replace(inner=full_rank_state(jnp.asarray(mean), jnp.asarray(spread)))
    batch = all_rows(model, X, Y)
    for seed in range(3):
        noise = jax.random.normal(jax.random.key(seed), (family.noise_size(3),), float)
        z, log_q = family.sample_and_log_prob(state, noise)
        np.testing.assert_allclose(z[2], bias)
        np.testing.assert_allclose(log_joint(model, where, z, batch, 1.0) - log_q, evidence)
    gradient = jax.grad(lambda point: elbo(model, family, state._replace(point=point), batch))
    np.testing.assert_allclose(gradient(state.point), 0.0, atol=1e-8)


def elbo(model: Any, family: Partial, state: Any, batch: Any) -> jax.Array:
    """Over noise of mean 0 and covariance I, which is exact for a quadratic."""
    noise = math.sqrt(2.0) * jnp.concatenate([jnp.eye(2), -jnp.eye(2)])
    z = jax.vmap(family.sample, (None, 0))(state, noise)
    return jnp.mean(jax.vmap(lambda z: log_joint(model, space(model), z, batch, 1.0))(z))


def test_laplace_is_exact_for_a_linear_model(x64: None) -> None:
    bias, mean, spread, evidence = exact()
    posterior = mf.fit(line(), X, Y, method=mf.Laplace(starts=1, linearised=False))
    assert posterior.diagnostics.elbo == pytest.approx(evidence, rel=1e-6)
    approximation = posterior.approximation
    np.testing.assert_allclose(approximation.moments()[0], [*mean, bias], rtol=1e-4)
    root = np.asarray(approximation.gaussian.scale_tril)
    np.testing.assert_allclose(root @ root.T, spread, rtol=1e-4)


def test_a_fit_has_one_value_for_what_is_not_bayesian(tmp_path: Path) -> None:
    model = mf.BayesianNetwork(
        mf.nets.MLP([2, 4, 1]),
        mf.priors.Normal(0.0, 1.0),
        mf.likelihoods.Normal(),
        bayesian="layers.-1.*",
    )
    assert model.points == {"layers.0.weight", "layers.0.bias"}
    assert str(model).count("at a point") == 2
    posterior = mf.fit(model, X, Y, method="advi", steps=60)
    assert posterior.diagnostics.method == "advi"
    draws = posterior.sample(5)
    first, last = draws["network"].layers
    assert not np.ptp(np.asarray(first.weight), axis=0).any()
    assert (np.ptp(np.asarray(last.weight), axis=0) > 0).all()
    assert (np.ptp(np.asarray(draws["likelihood"]["sd"]), axis=0) > 0).all()
    posterior.save(tmp_path / "part.mf")
    again = mf.load(tmp_path / "part.mf")
    assert again.model.points == model.points
    assert same_bytes(again.sample(5), draws)
    longer = mf.fit(model, X, Y, method="advi", steps=20, start=posterior)
    assert longer.diagnostics.steps_in_all == 80
    whole = mf.BayesianNetwork(model.network, model.prior, model.likelihood)
    with pytest.raises(ValueError, match="its bayesian is not the saved one"):
        mf.load(tmp_path / "part.mf", model=whole)


def test_scales_of_what_is_not_bayesian_are_numbers_too() -> None:
    model = mf.BayesianNetwork(
        mf.nets.MLP([2, 4, 1]),
        {"*.weight": mf.priors.LearnedScale(), "*": mf.priors.Normal()},
        mf.likelihoods.Normal(),
        bayesian="layers.-1.*",
    )
    assert "prior.layers.0.weight.scale" in model.points
    assert "prior.layers.1.weight.scale" not in model.points
    draws = mf.fit(model, X, Y, method="advi", steps=60).sample(5)
    first, last = draws["network"].layers
    assert not np.ptp(np.asarray(first.weight), axis=0).any()
    assert (np.ptp(np.asarray(last.weight), axis=0) > 0).all()


@pytest.mark.slow
def test_a_last_layer_of_all_correlations(moons: Split) -> None:
    network = mf.nets.MLP([2, 20, 20, 1])
    model = mf.BayesianNetwork(
        network, mf.priors.Scaled(2.0), mf.likelihoods.Bernoulli(), bayesian="layers.-1.*"
    )
    scores = []
    for method in ("fullrank_advi", "mixture_advi", mf.Laplace(), "map", "ensemble"):
        options = {} if method == "map" or isinstance(method, mf.Laplace) else {"steps": 3_000}
        posterior = mf.fit(model, moons.X, moons.y, method=method, **options)
        prediction = posterior.predict(moons.X_test, draws=200)
        scores.append(float(prediction.log_prob(moons.y_test).mean()))
        assert (prediction.label == moons.y_test).mean() > 0.95
        uncertain = float(np.mean(prediction.epistemic))
        assert uncertain == pytest.approx(0.0, abs=1e-6) if method == "map" else uncertain > 1e-3
    assert min(scores) > -0.15


@pytest.mark.parametrize("method", ["ivon", "dadvi", "svgd", mf.Laplace("diagonal")])
def test_methods_that_cannot_say_so(method: Any) -> None:
    with pytest.raises(ValueError, match=r"needs a distribution for every weight.*'advi'"):
        mf.fit(line(), X, Y, method=method)


def test_a_part_that_is_nothing() -> None:
    plain = linear_model(2, mf.likelihoods.Normal())
    for bayesian, message in (("layers.-2.*", "matches no parameter"), ([], "names no parameter")):
        with pytest.raises(ValueError, match=message):
            mf.BayesianNetwork(plain.network, plain.prior, plain.likelihood, bayesian)


def test_a_number_that_is_not_finite_names_its_parameter() -> None:
    where = space(line())
    family = Partial().bind(where)
    names = [family.path_of(where, index) for index in range(5)]
    assert names == ["layers.0.weight"] * 4 + ["layers.0.bias"]
