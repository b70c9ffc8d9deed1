"""Methods that work in one go, through the public door."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield._core.trees import split
from moonfield.data import dataset
from moonfield.families import Particles
from moonfield.inference import dadvi
from moonfield.inference.dadvi import FixedDraws, matched_draws
from moonfield.io import read_file, write_file
from moonfield.posterior.judging import target_of
from tests.helpers import Split, linear_model, moons_model, regression_rows, same_bytes

from .fits import CountsCompilations

METHODS = {
    "map": mf.MAP(starts=2),
    "laplace": mf.Laplace(starts=2),
    "laplace-diagonal": mf.Laplace("diagonal", starts=2),
    "laplace-kronecker": mf.Laplace("kronecker", starts=2),
    "laplace-last_layer": mf.Laplace("last_layer", starts=2),
    "dadvi": mf.DADVI(draws=8),
}


@pytest.fixture(scope="module")
def posteriors(model: mf.BayesianNetwork, moons: Split) -> dict[str, mf.Posterior]:
    """The moons by every method."""
    return {
        name: mf.fit(model, moons.X, moons.y, method=method) for name, method in METHODS.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", list(METHODS))
def test_the_moons(name: str, posteriors: dict[str, mf.Posterior], moons: Split) -> None:
    posterior = posteriors[name]
    prediction = posterior.predict(moons.X_test, draws=200)
    assert posterior.result is mf.Result.converged
    assert ((prediction.mean > 0.5) == moons.y_test).mean() > 0.93
    assert np.mean(prediction.log_prob(moons.y_test)) > -0.25
    assert posterior.diagnostics.method == name.split("-", maxsplit=1)[0]
    assert posterior.diagnostics.evaluations > posterior.diagnostics.steps
    assert (np.diff(posterior.elbo) >= -1e-3).all()


@pytest.mark.slow
def test_a_point_has_no_epistemic_uncertainty(
    posteriors: dict[str, mf.Posterior], moons: Split
) -> None:
    point = posteriors["map"].predict(moons.X_test, draws=10)
    assert np.max(point.epistemic) < 1e-3
    assert np.median(posteriors["laplace"].predict(moons.X_test, draws=100).epistemic) > 1e-3


@pytest.mark.slow
def test_the_last_layer_alone_is_distributed(posteriors: dict[str, mf.Posterior]) -> None:
    mean, sd = (np.asarray(m) for m in posteriors["laplace-last_layer"].approximation.moments())
    mode = np.asarray(posteriors["map"].approximation.points[0])
    np.testing.assert_array_equal(mean, mode)
    assert (sd[:35] == 0.0).all()
    assert (sd[35:] > 0.0).all()
    full = np.asarray(posteriors["laplace"].approximation.moments()[1])
    assert (sd[35:] < full[35:]).all()
    assert "sd" in str(posteriors["laplace-last_layer"].summary(100))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(METHODS))
def test_saved_and_loaded(
    name: str, posteriors: dict[str, mf.Posterior], moons: Split, tmp_path: Path
) -> None:
    posterior = posteriors[name]
    posterior.save(tmp_path / "posterior.mf")
    loaded = mf.load(tmp_path / "posterior.mf")
    assert split(loaded.approximation)[0] == split(posterior.approximation)[0]
    assert same_bytes(loaded.approximation, posterior.approximation)
    rows = moons.X_test[:20]
    assert same_bytes(loaded.predict(rows, draws=20).mean, posterior.predict(rows, draws=20).mean)
    assert loaded.diagnostics.to_dict()["facts"].keys() == posterior.diagnostics.facts.keys()


@pytest.mark.parametrize(
    ("name", "array", "wrong"),
    [
        ("laplace", "scale_tril", np.zeros((40, 39), np.float32)),
        ("laplace", "mean", np.zeros(40, bool)),
        ("map", "points", np.zeros((0, 40), np.float32)),
        ("laplace-kronecker", "blocks.1.places", np.zeros((5, 5), np.int32)),
        ("laplace-kronecker", "blocks.1.sd", np.zeros((5, 4), np.float32)),
        ("laplace-last_layer", "free", np.asarray([35, 36, 37, 38, 40], np.int32)),
        ("laplace-last_layer", "free", np.zeros(5, np.float32)),
        ("laplace-last_layer", "gaussian.mean", np.zeros(4, np.float32)),
    ],
)
@pytest.mark.slow
def test_damaged_arrays_are_refused(
    name: str, array: str, wrong: np.ndarray, posteriors: dict[str, mf.Posterior], tmp_path: Path
) -> None:
    path = tmp_path / "posterior.mf"
    posteriors[name].save(path)
    content, tensors, _ = read_file(path)
    assert f"approximation.{array}" in tensors
    write_file(path, content, {**tensors, f"approximation.{array}": wrong})
    with pytest.raises(mf.FileFormatError, match=r"posterior\.mf is damaged"):
        mf.load(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(METHODS))
def test_a_second_fit_compiles_nothing(
    name: str,
    posteriors: dict[str, mf.Posterior],
    moons: Split,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with CountsCompilations(caplog) as count:
        mf.fit(moons_model(sd=0.7), moons.X_test, moons.y_test, method=METHODS[name], seed=5)
    assert count.names == []


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(
    model: mf.BayesianNetwork, posteriors: dict[str, mf.Posterior], moons: Split
) -> None:
    for name in ("laplace", "dadvi"):
        again = mf.fit(model, moons.X, moons.y, method=METHODS[name])
        assert same_bytes(again.approximation, posteriors[name].approximation)


def learned_noise(far: float) -> tuple[mf.Posterior, np.ndarray]:
    """A regression whose noise sd (0.5, half-Cauchy prior) starts at e^far."""
    X, y = regression_rows(100, 2)
    model = linear_model(2, mf.likelihoods.Normal())
    start = model.init(jax.random.key(0))
    start["likelihood"]["sd"] = jnp.exp(jnp.asarray(far, float))
    posterior = mf.fit(model, X, y, method="laplace", start=start)
    return posterior, np.asarray(posterior.sample(2_000)["likelihood"]["sd"])


@pytest.mark.parametrize(
    "far", [*(pytest.param(far, marks=pytest.mark.slow) for far in (-12.0, 0.0)), 40.0]
)
def test_a_scale_that_starts_far_out(far: float) -> None:
    """At e^-12 the log joint density is -10^13; at e^40 its square is beyond 32 bits."""
    posterior, sd = learned_noise(far)
    assert posterior.result is mf.Result.converged
    assert abs(np.median(sd) - 0.5) < 0.1
    np.testing.assert_allclose(posterior.approximation.moments()[1][0], 200**-0.5, rtol=0.1)


@pytest.mark.slow
def test_a_start_that_is_not_finite_recovers(model: mf.BayesianNetwork, moons: Split) -> None:
    """Weights of 10^30, squared, are beyond 32 bits."""
    start = jax.tree.map(lambda leaf: leaf + 1e30, model.init(jax.random.key(0)))
    posterior = mf.fit(model, moons.X, moons.y, method="map", start=start)
    assert np.isfinite(posterior.diagnostics.facts["log_joint_density"])
    assert np.abs(posterior.approximation.points).max() < 100.0


@pytest.mark.slow
def test_starting_from_a_posterior(
    model: mf.BayesianNetwork, posteriors: dict[str, mf.Posterior], moons: Split
) -> None:
    again = mf.fit(model, moons.X, moons.y, method="map", start=posteriors["laplace"])
    assert again.diagnostics.steps <= 3
    np.testing.assert_allclose(
        again.diagnostics.facts["log_joint_density"],
        posteriors["map"].diagnostics.facts["log_joint_density"],
        rtol=1e-5,
    )


@pytest.mark.usefixtures("wrong_types")
def test_wrong_options() -> None:
    with pytest.raises(ValueError, match=r"hessian must be one of .*'full'.* got 'kfac'"):
        mf.Laplace("kfac")
    with pytest.raises(ValueError, match="starts must be a whole number of 1 or more, got 0"):
        mf.MAP(starts=0)
    with pytest.raises(ValueError, match="draws must be a whole number of 2 or more, got 1"):
        mf.DADVI(draws=1)


def test_a_covariance_that_would_not_fit_is_refused_at_once() -> None:
    model = linear_model(10_001, mf.likelihoods.Bernoulli())
    X, y = np.zeros((2, 10_001)), np.zeros(2)
    for method, remedy in (("laplace", "hessian='diagonal'"), ("dadvi", "linear_response=False")):
        with pytest.raises(ValueError, match=remedy):
            mf.fit(model, X, y, method=method)


class Logarithms(eqx.Module):
    """Finite for positive inputs alone."""

    layer: eqx.nn.Linear

    def __call__(self, x: Any) -> Any:
        return self.layer(jnp.log(x))


def test_padding_is_of_rows_that_there_are() -> None:
    """Rows of zeros would give 0 * nan, whatever their weight."""
    X, y = regression_rows(40, 2)
    network = Logarithms(eqx.nn.Linear(2, 1, key=jax.random.key(0)))
    model = mf.BayesianNetwork(network, mf.priors.Normal(), mf.likelihoods.Normal(sd=0.5))
    posterior = mf.fit(model, np.exp(X), y, method=mf.Laplace("kronecker", starts=1))
    assert np.isfinite(posterior.predict(np.exp(X), draws=20).sd).all()


def test_a_start_without_moments_is_the_mean_of_its_draws() -> None:
    X, y = regression_rows(40, 2)
    model = linear_model(2, mf.likelihoods.Normal(sd=0.5))
    flow = mf.fit(model, X, y, method="asvgd", steps=200)
    assert flow.approximation.moments() is None
    seen = []

    class Recorded(mf.MAP):
        def run(self, target: Any, seed: int, start: Any = None, progress: bool = False) -> Any:
            seen.append(start)
            return super().run(target, seed, start, progress)

    mf.fit(model, X, y, method=Recorded(starts=1), start=flow)
    draws = np.asarray(flow.sample(4_000)["network"].layers[0].weight)[:, 0]
    np.testing.assert_allclose(seen[0], draws.mean(axis=0), atol=5 * draws.std() / 1_000**0.5)


def test_draws_that_are_not_finite_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = regression_rows(40, 2)
    model = linear_model(2, mf.likelihoods.Normal(sd=0.5))

    class Broken(mf.MAP):
        def run(self, *args: Any, **kwargs: Any) -> Any:
            outcome = super().run(*args, **kwargs)
            points = outcome.approximation.points.at[0, 1].set(jnp.nan)
            return outcome._replace(approximation=Particles(points))

    with pytest.raises(mf.NonFiniteError, match=r"not finite in `layers\.0\.weight`") as caught:
        mf.fit(model, X, y, method=Broken(starts=1))
    assert caught.value.path == "layers.0.weight"


def test_many_rows_are_not_held_under_all_draws(monkeypatch: pytest.MonkeyPatch, x64: None) -> None:
    """Some fixed draws at a time: the same value and gradient."""
    X, y = regression_rows(40, 2)
    target = target_of(linear_model(2, mf.likelihoods.Normal(sd=0.5)), dataset(X, y, ()))
    objective = FixedDraws(target, matched_draws(10, target.size, 0, jnp.float64))
    at = jnp.linspace(-1.0, 0.5, 2 * target.size)
    whole = jax.value_and_grad(objective.__call__)(at)
    monkeypatch.setattr(dadvi, "_TOGETHER", 3 * 40)
    value, slope = jax.value_and_grad(objective.__call__)(at)
    np.testing.assert_allclose(value, whole[0], rtol=1e-12)
    np.testing.assert_allclose(slope, whole[1], rtol=1e-12)
