"""Coverage and sharpness."""

import numpy as np
import pytest
from scipy import stats

import moonfield as mf

from .exact import Numbers, normal, two_classes

d = mf.diagnostics


def test_coverage_is_the_share_inside_ends_included() -> None:
    prediction = Numbers(stats.uniform(np.zeros(4), 1.0))
    got = d.coverage(prediction, [0.25, 0.75, 0.5, 0.9], level=0.5)
    np.testing.assert_array_equal(got.values, [1, 1, 1, 0])
    assert got.value == 0.75
    assert got.se == pytest.approx(stats.sem([1, 1, 1, 0]))


def test_coverage_of_the_truth_is_the_level() -> None:
    rng = np.random.default_rng(0)
    mean = rng.normal(size=5_000)
    y = mean + rng.normal(size=5_000)
    for level in (0.5, 0.9):
        right, narrow = (d.coverage(normal(mean, sd), y, level) for sd in (1.0, 0.7))
        assert abs(right.value - level) < 4 * right.se
        exact = 2 * stats.norm.cdf(0.7 * stats.norm.ppf(0.5 + level / 2)) - 1
        assert abs(narrow.value - exact) < 4 * narrow.se


def test_sharpness_is_the_mean_width() -> None:
    got = d.sharpness(normal([0.0, 5.0], [1.0, 3.0]), 0.9)
    np.testing.assert_allclose(got.values, 2 * 1.6448536 * np.array([1.0, 3.0]))
    assert got.value == pytest.approx(4 * 1.6448536)


def test_targets_are_taken_one_by_one() -> None:
    prediction = normal(np.zeros((2, 2)), [1.0, 10.0])
    got = d.coverage(prediction, [[0.0, 5.0], [5.0, 0.0]])
    np.testing.assert_array_equal(got.values, [[1, 1], [0, 1]])
    np.testing.assert_allclose(d.sharpness(prediction).values.mean(axis=0), [3.2897072, 32.897072])


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_levels_are_probabilities(level: float) -> None:
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1"):
        d.sharpness(normal([0.0]), level)


def test_classes_have_no_intervals() -> None:
    with pytest.raises(ValueError, match="coverage is for numbers"):
        d.coverage(two_classes([0.5]), [1])
