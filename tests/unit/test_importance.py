"""Pareto-smoothed importance sampling, and what posteriors make of it."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.diagnostics import Importance, check_approximation
from moonfield.families import psis, systematic, weighted_moments
from moonfield.posterior import judging
from tests.helpers import checked, linear_model, posterior_at, regression_rows, same_bytes


def ratios(sd: float, draws: int = 4_000, mean: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Draws of q = N(mean, sd^2) and log p - log q for p = N(0, 1), five numbers a draw."""
    z = mean + sd * np.random.default_rng(0).normal(size=(draws, 5))
    log_q = stats.norm.logpdf(z, mean, sd)
    return z, (stats.norm.logpdf(z) - log_q).sum(axis=1)


def test_equal_ratios_are_equal_weights() -> None:
    smoothed = psis(np.full(100, -1234.5))
    np.testing.assert_allclose(smoothed.log_weights, -np.log(100))
    assert smoothed.khat == 0.0
    assert smoothed.effective_draws == pytest.approx(100)


@pytest.mark.parametrize(("sd", "low", "high"), [(1.1, -2.0, 0.3), (0.3, 0.7, 2.0)])
def test_khat_tells_a_wide_q_from_a_narrow_one(sd: float, low: float, high: float) -> None:
    assert low < psis(ratios(sd)[1]).khat < high


def test_weights_correct_a_wide_and_shifted_q() -> None:
    z, log_ratios = ratios(1.3, mean=0.2)
    smoothed = psis(log_ratios + 1e4)
    assert np.exp(smoothed.log_weights).sum() == pytest.approx(1.0)
    mean, sd = weighted_moments(z, smoothed.log_weights)
    error = 1.0 / np.sqrt(smoothed.effective_draws)
    assert smoothed.effective_draws > 1_000
    assert (np.abs(mean) < 4.5 * error).all()
    assert (np.abs(np.log(sd)) < 4.5 * error).all()


def test_what_is_not_finite_has_no_weight() -> None:
    log_ratios = ratios(1.2)[1]
    log_ratios[:3] = [-np.inf, np.nan, np.inf]
    assert (np.exp(psis(log_ratios).log_weights[:3]) < 1e-200).all()
    assert psis(np.full(50, -np.inf)).khat == np.inf


def test_a_tail_of_one_value_says_nothing() -> None:
    log_ratios = np.linspace(-50.0, 0.0, 1_000)
    log_ratios[700:] = 0.0  # as where float32 cannot tell them apart
    smoothed = psis(log_ratios)
    assert smoothed.khat == np.inf
    expected = np.exp(log_ratios) / np.exp(log_ratios).sum()
    np.testing.assert_allclose(np.exp(smoothed.log_weights), expected, rtol=1e-12)


def test_one_ratio_above_all_others_is_a_bad_sign_not_an_error() -> None:
    log_ratios = np.full(1_000, -1e6)
    log_ratios[0] = 0.0
    assert psis(log_ratios).khat > 0.7


def test_systematic_resampling_keeps_counts() -> None:
    with np.errstate(divide="ignore"):
        log_weights = np.log(np.array([0.1, 0.0, 0.25, 0.65]))
    chosen = systematic(log_weights, 20, 0.5)
    np.testing.assert_array_equal(np.bincount(chosen, minlength=4), [2, 0, 5, 13])


def exact() -> tuple[mf.BayesianNetwork, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A conjugate linear model and its rows; means and sds of its posterior, a mean-field one."""
    X, y = regression_rows(60, 2)
    X = np.linalg.qr(X)[0] * 5.0
    precision = 1.0 + 25.0 / 0.25
    model = linear_model(2, mf.likelihoods.Normal(sd=0.5))
    return model, X, y, X.T @ y / 0.25 / precision, np.full(2, precision**-0.5)


def at(mean: np.ndarray, sd: np.ndarray, weights: np.ndarray | None = None) -> mf.Posterior:
    """A mean-field posterior of that model with these moments, and with its training data."""
    model, X, y, _, _ = exact()
    posterior = posterior_at(model, mean, sd)
    posterior.data = checked(model, X, y, weights)
    return posterior


def test_khat_of_the_posterior_itself_is_small(x64: None) -> None:
    _, _, _, mean, sd = exact()
    assert at(mean, sd).khat == 0.0
    assert at(mean, 0.2 * sd).khat > 0.7
    assert at(mean, 1.2 * sd).khat < 0.5


def test_row_weights_count(x64: None) -> None:
    _, _, _, mean, sd = exact()
    four_times = at(mean, sd, np.full(60, 4.0)).importance()
    assert four_times is not None
    # prior precision 1, of the data 100 instead of 400
    assert np.abs(four_times.corrected_sd / four_times.sd - np.sqrt(101 / 401)).max() < 0.1


def test_resampling_corrects_a_shifted_q() -> None:
    _, _, _, mean, sd = exact()
    off = at(mean + 0.5 * sd, 1.3 * sd)
    better = off.resample(draws=4_000, seed=1)
    points = np.asarray(better.approximation.points, np.float64)
    error = 1.0 / np.sqrt(better.diagnostics.facts["effective_draws"])
    assert error < 0.03
    assert (np.abs(points.mean(axis=0) - mean) < 4.5 * error * sd).all()
    assert (np.abs(np.log(points.std(axis=0) / sd)) < 4.5 * error).all()
    assert better.khat < 0.7
    assert same_bytes(better.approximation, off.resample(4_000, seed=1).approximation)


def test_particles_have_no_khat_and_loaded_posteriors_no_data() -> None:
    _, _, _, mean, sd = exact()
    particles = at(mean, sd).resample(100)
    assert particles.importance() is None
    with pytest.raises(ValueError, match="no density"):
        particles.resample()
    loaded = at(mean, sd)
    loaded.data = None
    with pytest.raises(ValueError, match="no training data"):
        _ = loaded.khat


def test_khat_is_computed_when_a_network_is_asked_for_it() -> None:
    model, X, y, _, _ = exact()
    posterior = mf.fit(model, X, y, steps=1_500)
    assert "khat" not in posterior.diagnostics.facts
    assert posterior.khat < 0.7
    assert posterior.diagnostics.facts["khat"] == posterior.khat


def test_doubts_about_restarts() -> None:
    assert check_approximation({}, None, (-10.0, -12.0)) == []
    assert "differ by 20.0 nats" in check_approximation({}, None, (-10.0, -30.0))[0]


def weighed(**changes) -> Importance:
    ones = np.ones(2)
    facts = {
        "z": jnp.zeros((3, 2)), "log_weights": np.zeros(3), "khat": 0.1, "effective_draws": 500.0,
        "mean": 0.0 * ones, "sd": ones, "corrected_mean": 0.0 * ones, "corrected_sd": ones,
    }  # fmt: skip
    return Importance(**{**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"khat": 0.8}, ["k-hat is 0.80"]),
        ({"corrected_mean": np.array([0.0, 0.5])}, ["mean is off by 0.5 sds"]),
        ({"corrected_sd": np.array([2.0, 1.0])}, ["factor of 2.00"]),
        ({"corrected_sd": np.array([2.0, 1.0]), "effective_draws": 20.0}, ["are worth 20"]),
    ],
)
def test_doubts_about_approximations(changes: dict, words: list[str]) -> None:
    found = check_approximation({}, weighed(**changes))
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


def test_doubts_about_chains() -> None:
    good = {"r_hat": 1.005, "ess_bulk": 900.0, "ess_tail": 500.0}
    assert check_approximation(good) == []
    assert "R-hat is 1.020" in check_approximation({**good, "r_hat": 1.02})[0]
    assert "350 independent" in check_approximation({**good, "ess_tail": 350.0})[0]


def test_networks_do_not_warn_and_other_models_do(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, _, mean, sd = exact()
    bad = at(mean, 0.2 * sd)
    judging.judged(bad)
    monkeypatch.setattr(mf.BayesianNetwork, "identified", True)
    with pytest.warns(mf.MoonfieldWarning, match="k-hat"):
        judging.judged(bad)
