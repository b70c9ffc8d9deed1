"""Temperature and isotonic quantiles mend what is known to be wrong."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax

import moonfield as mf

from .exact import Numbers, classes, normal, random_classes, two_classes

d = mf.diagnostics


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found(truth: float) -> None:
    """Labels of p; stated is p**truth, normalised: within 4 standard errors of the estimate."""
    p, y = random_classes(8_000, 3, 1.5, seed=1)
    stated = classes(softmax(truth * np.log(p), axis=-1))
    got = d.Temperature().fit(stated, y)
    # Fisher information of log T at the truth: the variance of -log p under p.
    information = (p * np.log(p) ** 2).sum(axis=1) - (p * np.log(p)).sum(axis=1) ** 2
    assert abs(np.log(got.temperature / truth)) < 4 / np.sqrt(information.sum())
    np.testing.assert_allclose(got.apply(stated).probabilities, p, atol=0.02)


def test_temperature_is_the_best_log_score_and_keeps_labels() -> None:
    p, y = random_classes(2_000, 4, 2.0, seed=2)
    stated = classes(softmax(3.0 * np.log(p), axis=-1))
    fitted = d.Temperature().fit(stated, y)
    best = d.log_score(fitted.apply(stated), y).value
    for factor in (0.98, 1.02):
        other = d.Temperature(fitted.temperature * factor).apply(stated)
        assert d.log_score(other, y).value < best
    assert d.ece(fitted.apply(stated), y) < 0.3 * d.ece(stated, y)
    np.testing.assert_array_equal(fitted.apply(stated).label, p.argmax(axis=1))


def test_temperature_1_changes_nothing_and_is_the_default() -> None:
    p, _ = random_classes(20, 3, 1.0, seed=0)
    np.testing.assert_allclose(d.Temperature().apply(classes(p)).probabilities, p)
    binary = two_classes([[0.9, 0.2], [0.4, 0.5]])  # two targets a row
    np.testing.assert_allclose(d.Temperature().apply(binary).probabilities, binary.probabilities)


def test_without_an_inner_best_temperatures_are_extreme() -> None:
    """All right, or all wrong: certain of the label, or of nothing."""
    p = two_classes([0.8, 0.7])
    right, wrong = (d.Temperature().fit(p, [label] * 2) for label in (1, 0))
    np.testing.assert_allclose(right.apply(p).probabilities[:, 1], 1.0, atol=1e-6)
    assert wrong.temperature == pytest.approx(1_000.0, rel=1e-3)
    np.testing.assert_allclose(wrong.apply(p).probabilities, 0.5, atol=1e-3)


def test_certain_probabilities_are_cooled_and_heated_without_nan() -> None:
    certain = two_classes([1.0, 0.0, 1.0])
    hot = d.Temperature().fit(certain, [1, 0, 0])
    np.testing.assert_allclose(hot.apply(certain).probabilities.max(axis=1), 2 / 3, rtol=1e-3)


def test_isotonic_quantiles_mend_a_prediction_that_is_too_narrow_and_biased() -> None:
    """Truth N(m, 1), stated N(m + 0.3, 0.6): quantiles become those of the truth."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=4_000)
    y = mean + rng.normal(size=4_000)
    isotonic = d.IsotonicQuantiles().fit(normal(mean[:2_000] + 0.3, 0.6), y[:2_000])
    stated = normal(mean[2_000:] + 0.3, 0.6)
    mended = isotonic.apply(stated)
    for q in (0.1, 0.5, 0.8):
        error = np.sqrt(q * (1 - q) / 2_000) / stats.norm.pdf(stats.norm.ppf(q))
        off = mended.quantile(q) - mean[2_000:] - stats.norm.ppf(q)
        assert abs(off.mean()) < 4 * error
    for level in (0.5, 0.9):
        got = d.coverage(mended, y[2_000:], level)
        assert abs(got.value - level) < 4 * np.sqrt(2) * got.se  # noise of the map and of the test
        assert abs(d.coverage(stated, y[2_000:], level).value - level) > 0.1
    assert d.ece(mended, y[2_000:]) < 0.2 * d.ece(stated, y[2_000:])
    assert abs(d.crps(mended, y[2_000:]).value - 1 / np.sqrt(np.pi)) < 0.05
    assert mended.rows == 2_000


def test_moments_and_draws_are_those_of_the_recalibrated_distribution() -> None:
    """R takes N(0, 1) to a normal of mean 0.5 and sd 0.8."""
    stated = stats.norm.cdf(np.linspace(-8.0, 8.0, 4_001))
    observed = stats.norm.cdf((np.linspace(-8.0, 8.0, 4_001) - 0.5) / 0.8)
    knots = [np.concatenate([[0.0], ends, [1.0]]) for ends in (stated, observed)]
    mended = d.IsotonicQuantiles(*knots).apply(normal(np.zeros(40), draws=4_000))
    error = 2.0 / np.sqrt(4_000 * 40)  # weights inflate that of independent draws
    assert abs(mended.mean.mean() - 0.5) < 4 * error
    assert abs(mended.sd.mean() - 0.8) < 4 * error
    drawn = mended.sample()
    assert drawn.shape == (4_000, 40)
    assert abs(drawn.mean() - 0.5) < 4 * error
    assert abs(drawn.std() - 0.8) < 4 * error
    np.testing.assert_allclose(mended.quantile(0.9), 0.5 + 0.8 * stats.norm.ppf(0.9), atol=1e-2)
    y = np.linspace(-2, 2, 40)
    np.testing.assert_allclose(mended.cdf(y), stats.norm.cdf((y - 0.5) / 0.8), atol=1e-2)


def test_held_out_rows_themselves_become_calibrated() -> None:
    """Their transforms are i / (n + 1) exactly, ties at the largest."""
    y = np.array([0.3, -1.0, 0.3, 2.0])
    stated = normal(np.zeros(4))
    mended = d.IsotonicQuantiles().fit(stated, y).apply(stated)
    np.testing.assert_allclose(d.pit(mended, y), [0.6, 0.2, 0.6, 0.8])
    np.testing.assert_allclose(mended.quantile(0.8), 2.0, atol=1e-5)


def test_by_default_quantiles_stay() -> None:
    stated = normal([0.0, 3.0], [1.0, 2.0])
    same = d.IsotonicQuantiles().apply(stated)
    np.testing.assert_allclose(same.interval(0.8), stated.interval(0.8))
    np.testing.assert_allclose(same.mean, stated.sample().mean(axis=0))


def test_each_target_has_a_map_of_its_own() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=(3_000, 2)) * np.array([2.0, 0.5])
    stated = normal(np.zeros((3_000, 2)))
    isotonic = d.IsotonicQuantiles().fit(stated, y)
    mended = isotonic.apply(normal(np.zeros((5, 2))))
    width = d.sharpness(mended, 0.5).values
    np.testing.assert_allclose(width.mean(axis=0), 2 * 0.6745 * np.array([2.0, 0.5]), rtol=0.1)
    np.testing.assert_allclose(mended.sd.mean(axis=0), [2.0, 0.5], rtol=0.15)
    with pytest.raises(ValueError, match="for 2 targets a row; this prediction has 3"):
        isotonic.apply(normal(np.zeros((5, 3)))).cdf(np.zeros((5, 3)))


def test_counts_are_recalibrated_too() -> None:
    """Stated Poisson(rate), true Poisson(2 rate)."""
    rate = np.random.default_rng(0).uniform(3.0, 6.0, 4_000)
    y = stats.poisson.rvs(2 * rate, random_state=1)
    held, new = slice(0, 2_000), slice(2_000, 4_000)
    isotonic = d.IsotonicQuantiles().fit(Numbers(stats.poisson(rate[held]), True), y[held])
    mended = isotonic.apply(Numbers(stats.poisson(rate[new]), True))
    assert mended.discrete
    assert stats.kstest(d.pit(mended, y[new]), "uniform").pvalue > 1e-3
    assert d.coverage(mended, y[new], 0.8).value > 0.8 - 4 * np.sqrt(2 * 0.16 / 2_000)


def test_recalibrations_say_what_they_are_for() -> None:
    with pytest.raises(ValueError, match="Temperature is for classes"):
        d.Temperature().fit(normal([0.0]), [0.0])
    with pytest.raises(ValueError, match="IsotonicQuantiles is for numbers"):
        d.IsotonicQuantiles().apply(two_classes([0.5]))
    with pytest.raises(ValueError, match="q must lie strictly between 0 and 1"):
        d.IsotonicQuantiles().apply(normal([0.0])).quantile(1.0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_temperatures_are_positive(temperature: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        mf.diagnostics.Temperature(temperature)


def test_labels_of_probabilities_are_as_many_as_columns(wrong_types: None) -> None:
    p = [[0.2, 0.8], [0.6, 0.4]]
    found = mf.diagnostics.ClassProbabilities(p, ["a", "b"])
    assert float(mf.diagnostics.accuracy(found, ["b", "b"])) == 0.5
    assert found.label.tolist() == [1, 0]
    for wrong in (["a", "b", "c"], ["a", "a"]):
        with pytest.raises(ValueError, match="classes must be 2 different labels"):
            mf.diagnostics.ClassProbabilities(p, wrong)
