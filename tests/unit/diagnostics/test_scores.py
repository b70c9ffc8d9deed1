"""Scores against closed forms and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss

import moonfield as mf

from .exact import Numbers, classes, normal, random_classes, two_classes

d = mf.diagnostics


def normal_crps(mean, sd, y):
    """Gneiting & Raftery (2007), eq 5."""
    z = (y - mean) / sd
    return sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


def test_log_score_is_the_mean_log_density_with_its_standard_error() -> None:
    y = np.array([0.5, -1.0, 2.0])
    got = d.log_score(normal([0.0, 0.0, 1.0], [1.0, 2.0, 3.0]), y)
    expected = stats.norm.logpdf(y, [0.0, 0.0, 1.0], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(got.values, expected)
    assert got.value == float(got) == pytest.approx(expected.mean())
    assert got.se == pytest.approx(stats.sem(expected))
    assert str(got) == f"{expected.mean():.4g} ± {stats.sem(expected):.2g}"


def test_log_score_of_what_was_held_to_be_impossible_is_minus_infinity() -> None:
    got = d.log_score(classes([[1.0, 0.0], [0.5, 0.5]]), [1, 0])
    assert got.value == -np.inf
    assert np.isnan(got.se)


def test_crps_of_normals_is_unbiased_with_the_documented_error() -> None:
    """By the closed form: the mean over rows within 4 Monte Carlo standard errors."""
    rng = np.random.default_rng(0)
    rows, draws = 4_000, 50
    mean, sd = rng.normal(size=rows), rng.uniform(0.5, 2.0, rows)
    y = mean + sd * rng.normal(size=rows)
    exact = normal_crps(mean, sd, y)
    off = (d.crps(normal(mean, sd), y, draws).values - exact) / sd
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(rows)
    z = np.abs(y - mean) / sd
    assert off[z < 0.1].std() * np.sqrt(draws) == pytest.approx(0.25, rel=0.2)
    assert off[z > 2.0].std() * np.sqrt(draws) == pytest.approx(1.0, rel=0.2)


def test_crps_is_the_pairwise_formula_of_the_draws() -> None:
    prediction = normal([0.0, 5.0], [1.0, 0.1], draws=7)
    y = np.array([0.3, 5.2])
    x = prediction.sample()
    pairs = np.abs(x[:, None] - x[None]).sum(axis=(0, 1)) / (7 * 6)
    expected = np.abs(x - y).mean(axis=0) - pairs / 2
    np.testing.assert_allclose(d.crps(prediction, y).values, expected, rtol=1e-6)


def test_crps_of_a_certain_number_is_its_absolute_error() -> None:
    point = Numbers(stats.uniform(np.array([2.0, -1.0]), 0.0))
    np.testing.assert_allclose(d.crps(point, [3.0, -1.0]).values, [1.0, 0.0])


def test_brier_and_accuracy_agree_with_scikit_learn() -> None:
    for k in (2, 4):
        p, y = random_classes(300, k, 1.0, seed=k)
        got = d.brier(classes(p), y)
        truth = y if k == 2 else np.eye(k)[y]
        stated = p[:, 1] if k == 2 else p
        expected = (
            brier_score_loss(truth, stated) if k == 2 else ((stated - truth) ** 2).sum(1).mean()
        )
        assert got.value == pytest.approx(expected)
        assert d.accuracy(classes(p), y).value == (p.argmax(axis=1) == y).mean()


def test_rmse_and_its_standard_error() -> None:
    got = d.rmse(normal([0.0, 0.0, 0.0]), [3.0, 4.0, 0.0])
    assert got.value == pytest.approx(np.sqrt(25 / 3))
    np.testing.assert_allclose(got.values, [9.0, 16.0, 0.0])
    assert got.se == pytest.approx(stats.sem([9.0, 16.0, 0.0]) / (2 * got.value))
    perfect = d.rmse(normal([1.0, 2.0]), [1.0, 2.0])
    assert (perfect.value, perfect.se) == (0.0, 0.0)


def test_targets_of_a_row_are_averaged_and_rows_are_what_is_independent() -> None:
    mean = np.zeros((3, 2))
    y = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]])
    got = d.rmse(normal(mean), y)
    assert got.values.shape == (3, 2)
    assert got.value == pytest.approx(np.sqrt(14 / 6))
    assert got.se == pytest.approx(stats.sem([2.5, 4.5, 0.0]) / (2 * got.value))
    joint = d.log_score(normal(mean), y)
    np.testing.assert_allclose(joint.values, stats.norm.logpdf(y).sum(axis=1))
    binary = two_classes([[0.9, 0.2], [0.6, 0.4]])
    np.testing.assert_allclose(
        d.brier(binary, [[1, 0], [0, 1]]).values, [[0.01, 0.04], [0.36, 0.36]]
    )
    assert d.accuracy(binary, [[1, 0], [0, 1]]).value == 0.5


def test_one_row_has_no_standard_error() -> None:
    for score in (d.rmse(normal([0.0]), [1.0]), d.brier(two_classes([0.5]), [1])):
        assert np.isnan(score.se)
    assert d.brier(two_classes([0.5]), [1]).value == 0.25


def test_scores_say_what_they_are_for() -> None:
    numbers, two = normal([0.0, 1.0]), two_classes([0.2, 0.8])
    with pytest.raises(ValueError, match="brier is for classes; this prediction's targets are num"):
        d.brier(numbers, [0, 1])
    with pytest.raises(ValueError, match="crps is for numbers"):
        d.crps(two, [0, 1])
    with pytest.raises(ValueError, match="accuracy needs classes 0 to 1 as y; row 1 is 2"):
        d.accuracy(two, [0, 2])
    with pytest.raises(ValueError, match="X has 2 rows, but y has shape"):
        d.rmse(numbers, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="at least 2 draws, got 1"):
        d.crps(numbers, [0.0, 1.0], draws=1)


@pytest.mark.parametrize("p", [[0.2, 0.8], [[0.5, 0.6]], [[-0.1, 1.1]], [[1.0]]])
def test_class_probabilities_are_probabilities(p: list) -> None:
    with pytest.raises(ValueError, match="probabilities must"):
        d.ClassProbabilities(np.array(p))
