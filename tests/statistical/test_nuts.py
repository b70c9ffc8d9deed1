"""The No-U-Turn sampler against posteriors in closed form."""

import contextlib

import jax
import numpy as np
import pytest

import moonfield as mf
from moonfield import Result
from moonfield.inference.approach import approach
from moonfield.inference.chains import nuts
from tests.helpers import linear_model, regression_rows, same_bytes
from tests.targets import Density, gaussian, raw_rows, regression


@pytest.fixture(autouse=True)
def standard_promotion():
    """BlackJAX mixes types and ranks."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def errors(target: Density, mean: np.ndarray, sd: np.ndarray, seed: int = 0) -> tuple:
    """Largest error of means in sds, of log sds, and the facts."""
    outcome = mf.NUTS().run(target, seed)
    points = np.asarray(outcome.approximation.points, np.float64)
    off = np.abs(points.mean(axis=0) - mean) / sd
    return off.max(), np.abs(np.log(points.std(axis=0) / sd)).max(), outcome.facts


@pytest.mark.slow
def test_nearly_singular_regression_in_raw_units() -> None:
    """Single precision; the intercept and a slope are correlated by 1 - 1e-7."""
    mean, log_sd, facts = errors(*regression(*raw_rows()))
    # 8,000 draws worth 5,000 or more each: five standard errors over 5 numbers
    assert facts["ess_bulk"] > 5_000
    assert mean < 5.0 / np.sqrt(5_000)
    assert log_sd < 5.0 / np.sqrt(2.0 * 3_000)
    assert facts["r_hat"] < 1.01
    assert facts["divergences"] == 0
    assert abs(facts["acceptance"] - 0.8) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 30])
def test_gaussians(size: int) -> None:
    mean, log_sd, facts = errors(*gaussian(size))
    assert mean < 5.0 / np.sqrt(facts["ess_bulk"])
    assert log_sd < 5.0 / np.sqrt(2.0 * 2_500)


def test_conjugate_regression_through_the_front_door() -> None:
    X, y = regression_rows(100, 3)
    model = linear_model(3, mf.likelihoods.Normal(sd=0.5), prior_sd=2.0)
    posterior = mf.fit(model, X, y, method=mf.NUTS(warmup=200, draws=500), seed=1)
    covariance = np.linalg.inv(np.eye(3) / 4.0 + X.T @ X / 0.25)
    mean, sd = covariance @ X.T @ y / 0.25, np.sqrt(np.diag(covariance))
    points = np.asarray(posterior.approximation.points, np.float64)
    facts = posterior.diagnostics.facts
    assert points.shape == (2_000, 3)
    assert (np.abs(points.mean(axis=0) - mean) < 4.5 * sd / np.sqrt(facts["ess_bulk"])).all()
    assert (np.abs(np.log(points.std(axis=0) / sd)) < 4.5 / np.sqrt(2.0 * 600)).all()
    again = mf.fit(model, X, y, method=mf.NUTS(warmup=200, draws=500), seed=1)
    assert same_bytes(again.approximation.points, posterior.approximation.points)
    other = mf.fit(model, X, y, method=mf.NUTS(warmup=200, draws=500), seed=2)
    assert not same_bytes(other.approximation.points, posterior.approximation.points)


@pytest.mark.slow
def test_the_approach_is_exact_for_a_gaussian(x64: None) -> None:
    target, mean, sd = gaussian(7)
    keys = jax.random.split(jax.random.key(0), 3)
    found, _ = approach(target.log_density, jax.vmap(target.start)(keys), keys[0])
    np.testing.assert_allclose(found.centre, mean, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(found.factor, axis=1), sd, rtol=1e-6)


def test_arguments_are_checked() -> None:
    for given in ({"chains": 0}, {"draws": 0}, {"warmup": 5}, {"acceptance": 1.0}):
        with pytest.raises(ValueError, match=next(iter(given))):
            mf.NUTS(**given)


SHORT = mf.NUTS(chains=2, warmup=100, draws=100)


def interrupting(monkeypatch: pytest.MonkeyPatch, what: str, when: int) -> None:
    """The user presses Ctrl-C after so many iterations."""

    @contextlib.contextmanager
    def counted(label: str, total: int, enabled: bool):
        def advance(done: int) -> None:
            if what in label and done >= when:
                raise KeyboardInterrupt

        yield advance

    monkeypatch.setattr(nuts, "counted", counted)
    monkeypatch.setattr(nuts, "_BLOCK_SECONDS", 0.0)  # one iteration at a time, in the end


@pytest.mark.slow
def test_interrupted_chains_return_their_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    target = gaussian(2)[0]
    with monkeypatch.context() as patched:
        patched.setattr(nuts, "_STRICTER", ())
        whole = SHORT.run(target, 0)
    interrupting(monkeypatch, "draws", 60)
    part = SHORT.run(target, 0)
    assert part.result is Result.interrupted
    assert 60 <= part.steps < 100
    first = whole.approximation.points[: 2 * part.steps]
    np.testing.assert_array_equal(part.approximation.points, first)
    assert part.facts["r_hat"] > 0.9
    interrupting(monkeypatch, "draws", 150)  # when they run again, for 200 draws are few
    again = SHORT.run(target, 0)
    assert again.result is Result.interrupted
    np.testing.assert_array_equal(again.approximation.points, whole.approximation.points)


@pytest.mark.slow
@pytest.mark.parametrize(("what", "when"), [("warm-up", 30), ("draws", 2)])
def test_interrupted_before_there_are_draws(
    what: str, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupting(monkeypatch, what, when)
    monkeypatch.setattr(nuts, "_BLOCK", 2)
    with pytest.raises(KeyboardInterrupt):
        SHORT.run(gaussian(2)[0], 0)
