"""Draws, maps and pointwise log-likelihoods of a posterior."""

from typing import Any

import jax
import numpy as np
import pytest

import moonfield as mf
from tests.helpers import Split, in_units_of_error, linear_model, posterior_at, same_bytes


def test_draws_are_a_tree_with_a_leading_axis(posterior: mf.Posterior) -> None:
    draws = posterior.sample(7)
    assert set(draws) == {"network", "prior", "likelihood"}
    assert [layer.weight.shape for layer in draws["network"].layers] == [
        (7, 5, 2),
        (7, 5, 5),
        (7, 1, 5),
    ]
    assert draws["likelihood"] == draws["prior"] == {}


def test_draws_have_the_moments_of_q(posterior: mf.Posterior) -> None:
    mean, sd = (np.asarray(moment) for moment in posterior.approximation.moments())
    draws = posterior.sample(20_000, seed=3)
    flat = np.concatenate(
        [np.asarray(leaf).reshape(20_000, -1) for leaf in jax.tree.leaves(draws)], 1
    )
    assert (np.abs(in_units_of_error(flat, mean)) < 5).all()
    assert (np.abs(in_units_of_error((flat - mean) ** 2, sd**2)) < 5).all()


def test_seeds_decide_and_more_draws_begin_with_fewer(posterior: mf.Posterior) -> None:
    few, many, other = posterior.sample(3), posterior.sample(9), posterior.sample(3, seed=1)
    assert same_bytes(few, jax.tree.map(lambda leaf: leaf[:3], many))
    assert not same_bytes(few, other)


def test_draws_lie_on_the_constrained_scale() -> None:
    prior = mf.priors.HalfNormal(1.0)
    model = mf.BayesianNetwork(mf.nets.MLP([2, 1]), prior, mf.likelihoods.Normal())
    draws = posterior_at(model, -2.0, 1.0).sample(500)
    weight, sd = draws["network"].layers[0].weight, draws["likelihood"]["sd"]
    assert (np.asarray(weight) > 0).all()
    assert weight.shape == (500, 1, 2)
    assert sd.shape == (500,)
    assert abs(in_units_of_error(np.log(np.asarray(sd)), -2.0)) < 4.5


@pytest.mark.parametrize("n", [0, -1])
def test_no_draws_are_an_error(posterior: mf.Posterior, n: int) -> None:
    with pytest.raises(ValueError, match="n must be"):
        posterior.sample(n)


@pytest.mark.parametrize("draws", [0, -1])
@pytest.mark.parametrize("verb", ["map", "log_likelihood", "summary"])
def test_no_draws_are_an_error_everywhere(posterior: mf.Posterior, verb: str, draws: int) -> None:
    X, y = np.ones((2, 2)), np.ones(2)
    calls: dict[str, Any] = {
        "map": lambda: posterior.map(lambda params, row: row[0], X, draws=draws),
        "log_likelihood": lambda: posterior.log_likelihood(X, y, draws=draws),
        "summary": lambda: posterior.summary(draws=draws),
    }
    with pytest.raises(ValueError, match=r"draws must be|n must be"):
        calls[verb]()


def test_map_sees_the_network_under_every_draw(posterior: mf.Posterior, moons: Split) -> None:
    X = moons.X_test[:9].astype(np.float32)

    def hidden(params: Any, row: jax.Array) -> dict[str, jax.Array]:
        first = params["network"].layers[0]
        return {"hidden": first(row), "logit": params["network"](row)[0], "x": row[1]}

    out = posterior.map(hidden, X, draws=20, seed=5)
    assert out["hidden"].shape == (20, 9, 5)
    weights = [np.asarray(layer.weight) for layer in posterior.sample(20, seed=5)["network"].layers]
    want = np.einsum("doi,ri->dro", weights[0], X)
    np.testing.assert_allclose(out["hidden"], want, rtol=1e-4, atol=1e-5)
    logit = np.einsum(
        "dk,drk->dr", weights[2][:, 0], np.tanh(np.tanh(want) @ weights[1].swapaxes(1, 2))
    )
    np.testing.assert_allclose(out["logit"], logit, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(out["x"], np.broadcast_to(X[:, 1], (20, 9)))


def test_map_agrees_with_predict(posterior: mf.Posterior, moons: Split) -> None:
    p = posterior.map(
        lambda params, row: jax.nn.sigmoid(params["network"](row)[0]), moons.X_test, draws=50
    )
    prediction = posterior.predict(moons.X_test, draws=50)
    np.testing.assert_allclose(p.mean(axis=0), prediction.mean, rtol=1e-4)
    np.testing.assert_allclose(p.std(axis=0), prediction.epistemic, rtol=1e-3, atol=1e-5)


def test_pointwise_log_likelihood_is_unscaled(posterior: mf.Posterior, moons: Split) -> None:
    X, y = moons.X_test[:30], moons.y_test[:30]
    values = posterior.log_likelihood(X, y, draws=17, seed=2)
    assert values.shape == (17, 30)
    mixture = np.log(np.exp(np.asarray(values, np.float64)).mean(axis=0))
    np.testing.assert_allclose(
        mixture, posterior.predict(X, draws=17, seed=2).log_prob(y), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(ValueError, match="classes 0 to 1"):
        posterior.log_likelihood(X, y + 5)


def test_reads_as_model_and_result(posterior: mf.Posterior) -> None:
    text = repr(posterior)
    for part in ("40 weights", "advi: 600 steps", "ELBO -", "All requested steps were run."):
        assert part in text
    assert posterior.result is mf.Result.steps_exhausted
    assert posterior.diagnostics.message == posterior.result.message


def test_diagnostics_survive_a_file(posterior: mf.Posterior) -> None:
    import json

    facts = json.loads(json.dumps(posterior.diagnostics.to_dict()))
    assert mf.Diagnostics.from_dict(facts) == posterior.diagnostics


def test_another_approximation_has_a_khat_of_its_own() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    model = linear_model(4, mf.likelihoods.Normal(sd=0.1))
    found = mf.fit(model, X, X @ [1.0, 0.5, 0.2, 0.1], method="fullrank_advi", steps=300)
    good = found.khat
    pruned = mf.applications.pruning.prune(found, 0.75)
    assert pruned.khat == pruned.importance().khat != good
    assert found.khat == good


def test_prior_predictive_is_the_prior(x64: None) -> None:
    """A linear model: the mean is normal with the prior's variance."""
    model = linear_model(2, mf.likelihoods.Normal(sd=0.5), prior_sd=2.0)
    X = np.asarray([[1.0, 0.0], [3.0, 4.0]])
    prediction = model.prior_predictive(X, draws=8_000, seed=1)
    sd = 2.0 * np.asarray([1.0, 5.0])
    assert (np.abs(prediction.mean) < 4.5 * sd / np.sqrt(8_000)).all()
    np.testing.assert_allclose(prediction.epistemic, sd, rtol=4.5 / np.sqrt(2 * 8_000))
    np.testing.assert_allclose(prediction.aleatoric, 0.5, rtol=1e-6)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_columns_of_a_table_are_found_by_name(library: str) -> None:
    tables = pytest.importorskip(library)
    make = tables.table if library == "pyarrow" else tables.DataFrame
    X = np.arange(12.0).reshape(4, 3)
    model = linear_model(3, mf.likelihoods.Normal(1.0))
    posterior = posterior_at(model, 0.5, 0.1)
    posterior.columns = ("a", "b", "c")
    expected = posterior.predict(X).mean
    for order in ("abc", "cbad"):
        columns = {name: X[:, "abcd".index(name) % 3] for name in order}
        np.testing.assert_array_equal(posterior.predict(make(columns)).mean, expected)
    with pytest.raises(ValueError, match="X lacks the column 'b'"):
        posterior.predict(make(dict.fromkeys("ac", X[:, 0])))
