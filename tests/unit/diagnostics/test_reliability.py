"""Reliability curves, ECE and the probability integral transform."""

import numpy as np
import pytest
from scipy import stats

import moonfield as mf

from .exact import Numbers, classes, normal, random_classes, two_classes

d = mf.diagnostics


def calibrated(confidence: list[float], rows: int) -> tuple:
    """For each confidence `rows` rows, of which exactly that share is of class 1."""
    p = np.repeat(confidence, rows)
    y = np.concatenate([np.arange(rows) < round(c * rows) for c in confidence])
    return two_classes(p), y.astype(int)


@pytest.mark.parametrize("equal", ["mass", "width"])
@pytest.mark.parametrize("bins", [1, 4, 15])
def test_ece_of_exactly_calibrated_rows_is_0(equal: str, bins: int) -> None:
    prediction, y = calibrated([0.625, 0.75, 0.875, 1.0], 8)
    assert d.ece(prediction, y, bins, equal) == pytest.approx(0.0, abs=1e-15)


def test_ece_is_the_gap_between_confidence_and_frequency() -> None:
    """Says 0.9, is right half of the time; and the class of less than half is 0."""
    assert d.ece(two_classes([0.9, 0.9, 0.1, 0.1]), [1, 0, 1, 0]) == pytest.approx(0.4)


def test_ece_weighs_bins_by_their_targets() -> None:
    prediction = two_classes([0.6, 0.6, 0.6, 0.9])
    assert d.ece(prediction, [1, 1, 1, 0], 2, "width") == pytest.approx(
        abs((1.8 + 0.9) / 4 - 0.75)
    )  # both in (0.5, 1]
    assert d.ece(prediction, [1, 1, 1, 0], 10, "width") == pytest.approx(0.75 * 0.4 + 0.25 * 0.9)


def test_bins_of_equal_mass_have_equal_counts() -> None:
    p, y = random_classes(1_003, 3, 1.0, seed=0)
    curve = d.reliability(classes(p), y, 10)
    assert curve.count.sum() == 1_003
    assert set(curve.count) == {100, 101}
    assert (np.diff(curve.confidence) > 0).all()
    order = np.argsort(p.max(axis=1))[: curve.count[0]]
    assert curve.frequency[0] == (p.argmax(axis=1) == y)[order].mean()


def test_bins_of_equal_width_are_closed_on_the_right_and_never_empty() -> None:
    curve = d.reliability(two_classes([0.6, 0.75, 0.8, 1.0, 1.0]), [1, 1, 1, 1, 0], 4, "width")
    np.testing.assert_array_equal(curve.count, [2, 3])  # (0.5, 0.75], (0.75, 1]
    np.testing.assert_allclose(curve.confidence, [0.675, 2.8 / 3])
    np.testing.assert_allclose(curve.frequency, [1.0, 2 / 3])


def test_equal_confidences_share_a_bin_so_that_the_order_of_rows_does_not_matter() -> None:
    p, y = np.repeat([0.6, 0.7, 0.9], 20), np.random.default_rng(0).integers(0, 2, 60)
    order = np.random.default_rng(1).permutation(60)
    curve, again = (d.reliability(two_classes(p[o]), y[o], 15) for o in (np.arange(60), order))
    np.testing.assert_array_equal(curve.count, [20, 20, 20])
    np.testing.assert_array_equal(curve.frequency, again.frequency)


def test_calibrated_classes_lie_within_4_standard_errors_of_the_diagonal() -> None:
    p, y = random_classes(20_000, 4, 1.5, seed=5)
    curve = d.reliability(classes(p), y, 20)
    assert (np.abs(curve.frequency - curve.confidence) < 4 * curve.se).all()
    wrong = d.reliability(classes(p), np.roll(y, 1), 20)
    assert (np.abs(wrong.frequency - wrong.confidence) > 4 * wrong.se).mean() > 0.5


def test_targets_are_pooled() -> None:
    curve = d.reliability(two_classes([[0.9, 0.8], [0.9, 0.8]]), [[1, 1], [1, 0]], 10, "width")
    np.testing.assert_array_equal(curve.count, [2, 2])
    np.testing.assert_array_equal(curve.frequency, [0.5, 1.0])


def test_one_row_and_one_class_only() -> None:
    assert d.ece(two_classes([0.75]), [1]) == pytest.approx(0.25)
    assert d.ece(two_classes([1.0, 1.0, 1.0]), [1, 1, 1]) == 0.0
    assert d.reliability(two_classes([1.0, 1.0]), [1, 1]).se == 0.0


def test_pit_is_the_cdf_and_uniform_under_the_truth() -> None:
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(size=2_000), rng.uniform(0.5, 2.0, 2_000)
    y = mean + sd * rng.normal(size=2_000)
    got = d.pit(normal(mean, sd), y)
    np.testing.assert_allclose(got, stats.norm.cdf(y, mean, sd), atol=1e-6)
    assert stats.kstest(got, "uniform").pvalue > 1e-3
    assert stats.kstest(d.pit(normal(mean, 0.7 * sd), y), "uniform").pvalue < 1e-6


def test_pit_of_counts_is_drawn_within_their_step_and_uniform() -> None:
    rate = np.random.default_rng(1).uniform(0.2, 3.0, 2_000)
    prediction = Numbers(stats.poisson(rate), discrete=True)
    y = stats.poisson.rvs(rate, random_state=2)
    got = d.pit(prediction, y, seed=4)
    assert (stats.poisson.cdf(y - 1, rate) <= got).all()
    assert (got <= stats.poisson.cdf(y, rate)).all()
    assert stats.kstest(got, "uniform").pvalue > 1e-3
    np.testing.assert_array_equal(got, d.pit(prediction, y, seed=4))
    assert (got != d.pit(prediction, y, seed=5)).any()


def test_reliability_of_numbers_counts_targets_below_quantiles() -> None:
    """At exact quantiles of the prediction; ties count as below."""
    y = stats.norm.ppf((np.arange(100) + 0.5) / 100)
    curve = d.reliability(normal(np.zeros(100)), y, 10)
    np.testing.assert_allclose(curve.confidence, np.arange(1, 10) / 10)
    np.testing.assert_allclose(curve.frequency, curve.confidence)
    assert d.ece(normal(np.zeros(100)), y, 10) == pytest.approx(0.0, abs=1e-12)
    far = d.ece(normal(np.full(100, 100.0)), y, 10)
    assert far == pytest.approx(0.5)  # all below every level: mean of 1 - level


def test_arguments_are_checked() -> None:
    two = two_classes([0.2, 0.8])
    with pytest.raises(ValueError, match="bins must be a whole number of 1 or more"):
        d.ece(two, [0, 1], bins=0)
    with pytest.raises(ValueError, match="bins must be a whole number of 2 or more"):
        d.ece(normal([0.0]), [1.0], bins=1)
    with pytest.raises(ValueError, match="pit is for numbers"):
        d.pit(two, [0, 1])


@pytest.mark.usefixtures("wrong_types")
def test_equal_is_mass_or_width() -> None:
    with pytest.raises(ValueError, match="equal must be 'mass' or 'width', got 'size'"):
        d.ece(two_classes([0.2, 0.8]), [0, 1], equal="size")
