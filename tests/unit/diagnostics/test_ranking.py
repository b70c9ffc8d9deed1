"""Uncertainty as a detector of errors and outliers."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import moonfield as mf

from .exact import classes, normal, random_classes, two_classes

d = mf.diagnostics


def test_entropy_ranks_wrong_labels_as_scikit_learn_says() -> None:
    p, y = random_classes(500, 3, 1.0, seed=0)
    entropy, wrong = -(p * np.log(p)).sum(axis=1), p.argmax(axis=1) != y
    got = d.auroc_of_errors(classes(p), y)
    assert got == pytest.approx(roc_auc_score(wrong, entropy))
    assert 0.6 < got < 1.0


def test_perfect_reversed_and_uninformed_ranking() -> None:
    y = [1, 1, 1, 1]
    assert d.auroc_of_errors(two_classes([0.9, 0.8, 0.4, 0.45]), y) == 1.0
    assert d.auroc_of_errors(two_classes([0.6, 0.7, 0.1, 0.2]), y) == 0.0
    assert d.auroc_of_errors(two_classes([0.7, 0.7, 0.3, 0.3]), y) == 0.5


def test_sd_ranks_large_errors() -> None:
    y = [0.1, -0.2, 3.0, 4.0]
    assert d.auroc_of_errors(normal(np.zeros(4), [1.0, 2.0, 3.0, 4.0]), y) == 1.0
    assert d.auroc_of_errors(normal(np.zeros(4), [1.0, 3.0, 2.0, 4.0]), y) == 0.75
    assert d.auroc_of_errors(normal(np.zeros(4)), y) == 0.5


def test_errors_and_variances_of_a_row_are_averaged() -> None:
    sd = np.array([[1.0, 5.0], [4.0, 4.0]])
    y = np.array([[0.0, 2.0], [3.0, 0.0]])
    assert d.auroc_of_errors(normal(np.zeros((2, 2)), sd), y) == 1.0  # 26 < 32


def test_a_row_with_any_wrong_label_is_an_error() -> None:
    p = two_classes([[0.9, 0.9], [0.9, 0.6]])
    assert d.auroc_of_errors(p, [[1, 1], [1, 0]]) == 1.0


@pytest.mark.parametrize(("y", "which"), [([1, 1], "none"), ([0, 0], "all")])
def test_without_errors_or_with_nothing_else_there_is_no_ranking(y: list, which: str) -> None:
    with pytest.raises(ValueError, match=f"needs rows with errors.*{which} of these 2 rows"):
        d.auroc_of_errors(two_classes([0.9, 0.8]), y)


def test_outliers_are_found_by_the_quantity_that_is_asked_for() -> None:
    inside, outside = normal(np.zeros(3), [1.0, 2.0, 3.0]), normal(np.zeros(2), [2.0, 4.0])
    assert d.auroc_of_outliers(inside, outside, "sd") == pytest.approx(4.5 / 6)
    assert d.auroc_of_outliers(two_classes([0.9, 0.99]), two_classes([0.5]), "entropy") == 1.0


def test_sds_of_targets_are_joined_in_quadrature_and_nats_added() -> None:
    """5 < 5.5 < 7, and 0.75 < 0.85 though 0.69 > 0.42."""
    inside, outside = normal([[0.0, 0.0]], [[3.0, 4.0]]), normal([[0.0, 0.0]], [[1e-6, 5.5]])
    assert d.auroc_of_outliers(inside, outside, "sd") == 1.0
    inside, outside = two_classes([[0.5, 0.99]]), two_classes([[0.85, 0.85]])
    assert d.auroc_of_outliers(inside, outside, "entropy") == 1.0


@pytest.mark.usefixtures("wrong_types")
def test_quantities_are_fields() -> None:
    with pytest.raises(ValueError, match=r"quantity must be one of epistemic, .*got 'mean'"):
        d.auroc_of_outliers(normal([0.0]), normal([1.0]), "mean")


def test_risk_coverage_of_four_rows_by_hand() -> None:
    """In order of uncertainty: right, wrong, right, wrong."""
    prediction = two_classes([0.95, 0.1, 0.8, 0.4])
    got = d.risk_coverage(prediction, [1, 1, 1, 1])
    np.testing.assert_allclose(got.coverage, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(got.risk, [0.0, 1 / 2, 1 / 3, 1 / 2])
    assert got.area == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_equally_uncertain_rows_share_their_loss() -> None:
    got = d.risk_coverage(two_classes([0.8, 0.2, 0.8, 0.6]), [1, 1, 1, 0])
    np.testing.assert_allclose(got.risk, [1 / 3, 1 / 3, 1 / 3, 1 / 2])


def test_risk_of_numbers_is_the_mean_squared_error_of_the_surest() -> None:
    got = d.risk_coverage(normal(np.zeros(3), [3.0, 1.0, 2.0]), [3.0, 1.0, 2.0])
    np.testing.assert_allclose(got.risk, [1.0, 2.5, 14 / 3])
    one = d.risk_coverage(normal([0.0]), [2.0])
    assert one.area == one.risk[0] == 4.0
