"""Conformal prediction keeps its promise in finite samples, whatever the model is worth."""

import numpy as np
import pytest
from scipy import stats

import moonfield as mf

from .exact import classes, normal, random_classes, two_classes

d = mf.diagnostics


def share_inside(score: str, level: float, held: int, repetitions: int) -> np.ndarray:
    """Whether one new target is inside, in many repetitions, for a wrong model."""
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(repetitions):
        x = rng.normal(size=held + 1)
        y = np.exp(x) * rng.standard_t(3, held + 1)
        stated = normal(0.3 * x[:held], 1.0 + x[:held] ** 2)
        new = normal(0.3 * x[held:], 1.0 + x[held:] ** 2)
        lower, upper = d.Conformal(level, score).fit(stated, y[:held]).interval(new)[0]
        inside.append(lower <= y[held] <= upper)
    return np.array(inside)


@pytest.mark.slow
@pytest.mark.parametrize("score", ["sd", "quantile"])
@pytest.mark.parametrize(("level", "held"), [(0.9, 9), (0.8, 30)])
def test_intervals_hold_a_new_target_with_the_exact_probability(
    score: str, level: float, held: int
) -> None:
    """`ceil((n + 1) level) / (n + 1)`, for a wrong model of skewed data."""
    exact = np.ceil(round((held + 1) * level, 9)) / (held + 1)
    inside = share_inside(score, level, held, 1_500)
    assert stats.binomtest(int(inside.sum()), len(inside), exact).pvalue > 1e-3


@pytest.mark.parametrize("score", ["aps", "lac"])
def test_sets_hold_a_new_label_with_at_least_the_probability(score: str) -> None:
    """19 held-out rows, level 0.8, probabilities that are far too sharp."""
    p, y = random_classes(20 * 1_000, 4, 1.5, seed=0)
    stated = p**3 / (p**3).sum(axis=1, keepdims=True)
    inside = []
    for start in range(0, len(p), 20):
        held, new = slice(start, start + 19), slice(start + 19, start + 20)
        fitted = d.Conformal(0.8, score).fit(classes(stated[held]), y[held])
        inside.append(fitted.set(classes(stated[new]))[0, y[new][0]])
    assert stats.binomtest(sum(inside), len(inside), 0.8, alternative="less").pvalue > 1e-3


def test_the_threshold_is_the_order_statistic() -> None:
    """9 scores 1, ..., 9 at level 0.8: the 8th."""
    y = np.arange(1.0, 10.0) * 2.0
    fitted = d.Conformal(0.8).fit(normal(np.zeros(9), 2.0), y)
    assert (fitted.score, float(fitted.threshold)) == ("sd", 8.0)
    np.testing.assert_allclose(fitted.interval(normal([1.0], 0.5)), [[1.0 - 4.0, 1.0 + 4.0]])


@pytest.mark.parametrize("score", ["sd", "quantile"])
def test_targets_at_an_end_are_inside_however_it_is_rounded(score: str) -> None:
    """Counts of rows that are predicted alike: half of them are at the upper end."""
    y = np.repeat([0.0, 1.0], 20)
    for mean, sd in np.random.default_rng(0).uniform(0.1, 0.4, size=(200, 2)):
        alike = normal(np.full(40, mean), 0.1 * sd)
        lower, upper = d.Conformal(0.9, score).fit(alike, y).interval(alike).T
        assert ((lower <= y) & (y <= upper)).all()


def test_conformalised_quantiles_move_both_ends_by_the_same_amount() -> None:
    y = stats.norm.ppf(0.9) + np.arange(1.0, 10.0)  # 1, ..., 9 above the 80% interval
    fitted = d.Conformal(0.8, "quantile").fit(normal(np.zeros(9)), y)
    new = normal([0.0, 5.0], [1.0, 3.0])
    expected = new.interval(0.8) + np.array([-8.0, 8.0])
    np.testing.assert_allclose(fitted.interval(new), expected, atol=1e-5)


def test_intervals_that_would_be_less_than_nothing_are_their_middle() -> None:
    fitted = d.Conformal(0.8, "quantile").fit(normal(np.zeros(9), 10.0), np.zeros(9))
    assert fitted.threshold == pytest.approx(-10.0 * stats.norm.ppf(0.9))
    np.testing.assert_allclose(fitted.interval(normal([3.0], 1.0)), [[3.0, 3.0]])


def test_sets_by_hand() -> None:
    p = [[0.5, 0.3, 0.2], [0.2, 0.1, 0.7]]
    aps = d.Conformal(0.5, "aps", np.asarray(0.8))
    np.testing.assert_array_equal(aps.set(classes(p)), [[1, 1, 0], [0, 0, 1]])
    lac = d.Conformal(0.5, "lac", np.asarray(0.75))
    np.testing.assert_array_equal(lac.set(classes(p)), [[1, 1, 0], [0, 0, 1]])
    empty = d.Conformal(0.5, "lac", np.asarray(0.1))
    np.testing.assert_array_equal(empty.set(classes(p)), [[1, 0, 0], [0, 0, 1]])


def test_scores_of_labels_by_hand() -> None:
    """APS sums 0.9, 1.0, 0.6; the second of three at level 0.5."""
    p = classes([[0.6, 0.3, 0.1], [0.6, 0.1, 0.3], [0.6, 0.3, 0.1]])
    assert d.Conformal(0.5).fit(p, [1, 1, 0]).threshold == pytest.approx(0.9)
    assert d.Conformal(0.5, "lac").fit(p, [1, 1, 0]).threshold == pytest.approx(0.7)


def test_all_classes_hold_all_probability_however_it_is_rounded() -> None:
    """A held-out label that is the least likely makes sets of all classes at a level near 1."""
    p = np.random.default_rng(0).dirichlet(np.ones(7), size=300).astype(np.float32)
    assert (p.cumsum(axis=1)[:, -1] != 1.0).any()
    fitted = d.Conformal(0.9, "aps").fit(classes(p[:9]), p[:9].argmin(axis=1))
    assert fitted.threshold == pytest.approx(1.0)
    assert fitted.set(classes(p)).all()


def test_certain_and_right_is_no_reason_for_more_classes() -> None:
    """All classes after one of probability 1 hold as much, which made sets of all of them."""
    certain = np.eye(3)[np.arange(30) % 3]
    fitted = d.Conformal(0.9, "aps").fit(classes(certain), np.arange(30) % 3)
    np.testing.assert_array_equal(fitted.set(classes(certain)), certain > 0.0)


def test_each_target_has_a_threshold_of_its_own() -> None:
    y = np.arange(1.0, 10.0)[:, None] * np.array([1.0, 100.0])
    fitted = d.Conformal(0.8).fit(normal(np.zeros((9, 2))), y)
    np.testing.assert_allclose(fitted.threshold, [8.0, 800.0])
    interval = fitted.interval(normal(np.zeros((3, 2))))
    np.testing.assert_allclose(interval[..., 1], [[8.0, 800.0]] * 3)
    binary = two_classes(np.full((9, 2), 0.9))
    labels = np.stack([np.ones(9), np.arange(9) < 2], axis=1)
    sets = d.Conformal(0.5, "lac").fit(binary, labels).set(two_classes([[0.8, 0.8]]))
    np.testing.assert_array_equal(sets, [[[False, True], [True, True]]])


def test_metrics_take_conformal_intervals() -> None:
    rng = np.random.default_rng(0)
    y = 3.0 * rng.normal(size=2_000)
    fitted = d.Conformal(0.9).fit(normal(np.zeros(1_000)), y[:1_000])
    intervals = fitted.apply(normal(np.zeros(1_000)))
    got = d.coverage(intervals, y[1_000:], 0.9)
    assert abs(got.value - 0.9) < 4 * np.sqrt(2) * got.se
    assert d.sharpness(intervals, 0.9).value == pytest.approx(2 * float(fitted.threshold))
    with pytest.raises(ValueError, match=r"of level 0.9, got 0.5"):
        d.coverage(intervals, y[1_000:], 0.5)


@pytest.mark.parametrize(("level", "needed"), [(0.9, 9), (0.95, 19), (0.5, 1), (0.99, 99)])
def test_too_few_rows_are_named_with_how_many_are_needed(level: float, needed: int) -> None:
    y = np.arange(float(needed))
    assert d.Conformal(level).fit(normal(np.zeros(needed)), y).threshold == needed - 1
    if needed > 1:
        with pytest.raises(ValueError, match=f"at least {needed} held-out rows, got {needed - 1}"):
            d.Conformal(level).fit(normal(np.zeros(needed - 1)), y[1:])


@pytest.mark.usefixtures("wrong_types")
def test_errors_name_the_remedy() -> None:
    numbers, two = normal(np.zeros(9)), two_classes(np.full(9, 0.7))
    with pytest.raises(ValueError, match=r"use fit\(prediction, y\)"):
        d.Conformal().interval(numbers)
    with pytest.raises(ValueError, match=r"score='aps'.* is for classes"):
        d.Conformal(0.5, "aps").fit(numbers, np.zeros(9))
    with pytest.raises(ValueError, match=r"Conformal\.set is for classes"):
        d.Conformal(0.5).fit(numbers, np.zeros(9)).set(numbers)
    with pytest.raises(ValueError, match=r"Conformal\(score='aps'\) is for classes"):
        d.Conformal(0.5).fit(two, np.ones(9)).interval(numbers)
    with pytest.raises(ValueError, match="score must be one of sd, quantile, aps, lac, got 'x'"):
        d.Conformal(0.5, "x")
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1"):
        d.Conformal(1.0)
