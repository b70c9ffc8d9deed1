"""What a prediction refuses, how it reads, and that it is not changed behind its back."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import moonfield as mf
from tests.helpers import Split, linear_model, posterior_at


@pytest.fixture(scope="module")
def numbers() -> mf.Prediction:
    posterior = posterior_at(linear_model(2, mf.likelihoods.Normal(sd=1.0)), 0.0, 1.0)
    return posterior.predict(np.ones((3, 2)), draws=8)


@pytest.fixture(scope="module")
def classes(posterior: mf.Posterior, moons: Split) -> mf.Prediction:
    return posterior.predict(moons.X_test, draws=8)


@pytest.mark.parametrize(
    "field",
    [
        "probabilities",
        "label",
        "probability_sd",
        "entropy",
        "expected_entropy",
        "mutual_information",
    ],
)
def test_fields_of_classes_are_for_classes(numbers: mf.Prediction, field: str) -> None:
    with pytest.raises(AttributeError, match="is for classes"):
        getattr(numbers, field)


def test_quantiles_are_for_numbers(classes: mf.Prediction) -> None:
    with pytest.raises(ValueError, match="use probabilities"):
        classes.quantile(0.5)


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, float("nan")])
def test_levels_lie_between_0_and_1(numbers: mf.Prediction, q: float) -> None:
    with pytest.raises(ValueError, match="q must lie strictly between 0 and 1"):
        numbers.quantile(q)
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1"):
        numbers.interval(q)


@pytest.mark.parametrize("level", [1e-8, 1.0 - 1e-8])
def test_levels_that_rounding_cannot_tell_from_the_ends_are_refused(
    numbers: mf.Prediction, level: float
) -> None:
    with pytest.raises(ValueError, match=r"q must be at least 1.2e-07 away from 0 and 1"):
        numbers.quantile(level)
    with pytest.raises(ValueError, match=r"level must be at least 2.4e-07 away from 0 and 1"):
        numbers.interval(level)


def test_single_draws_are_not_kept_by_default(numbers: mf.Prediction) -> None:
    with pytest.raises(AttributeError, match="keep_draws=True"):
        _ = numbers.mean_draws


@pytest.mark.parametrize("n", [0, -1])
def test_draws_of_y_are_at_least_one(numbers: mf.Prediction, n: int) -> None:
    with pytest.raises(ValueError, match="n must be a whole number of 1 or more"):
        numbers.sample(n)


def test_targets_are_checked(numbers: mf.Prediction) -> None:
    with pytest.raises(ValueError, match=r"X has 3 rows, but y has shape \(2,\)"):
        numbers.log_prob([1.0, 2.0])
    with pytest.raises(ValueError, match=r"not finite.*row 1"):
        numbers.log_prob([1.0, np.nan, 2.0])


@pytest.mark.parametrize("draws", [0, -5, 1.5, True])
def test_draws_are_a_whole_number(posterior: mf.Posterior, draws: Any, wrong_types: None) -> None:
    with pytest.raises((TypeError, ValueError), match="draws must be a whole number of 1 or more"):
        posterior.predict(np.ones((2, 2)), draws=draws)


def test_rows_are_checked_at_once(posterior: mf.Posterior) -> None:
    with pytest.raises(ValueError, match=r"column 1, row 0"):
        posterior.predict([[1.0, np.inf]])
    with pytest.raises(ValueError, match=r"row of shape \(3,\)"):
        posterior.predict(np.ones((4, 3)))
    with pytest.raises(ValueError, match="seed must lie"):
        posterior.predict(np.ones((4, 2)), seed=-1)
    with pytest.raises(ValueError, match="no groups"):
        posterior.predict(np.ones((4, 2)), groups=[1, 1, 1, 1])


def test_single_precision_and_shapes(classes: mf.Prediction) -> None:
    assert classes.mean.dtype == np.float32
    assert classes.probabilities.shape == (500, 2)
    assert classes.label.dtype.kind == "i"
    np.testing.assert_allclose(classes.probabilities.sum(axis=1), 1.0, rtol=1e-6)


def test_several_targets_a_row() -> None:
    model = linear_model(2, mf.likelihoods.Normal(sd=[1.0][0]), outputs=3)
    prediction = posterior_at(model, 0.0, 1.0).predict(np.ones((5, 2)), draws=8)
    assert prediction.mean.shape == prediction.sd.shape == (5, 3)
    assert prediction.log_prob(np.zeros((5, 3))).shape == (5,)
    assert prediction.interval(0.5).shape == (5, 3, 2)
    assert prediction.sample(4).shape == (4, 5, 3)


def test_reads_as_what_it_is(classes: mf.Prediction) -> None:
    assert repr(classes) == "Prediction(rows=500, draws=8, kind='classes')"


def test_rows_changed_afterwards_change_nothing(posterior: mf.Posterior) -> None:
    """It is lazy: what it predicts is fixed when it is asked for, not when it is computed."""
    X = np.ones((4, 2), np.float32)
    want = posterior.predict(X.copy(), draws=8).mean
    prediction = posterior.predict(X, draws=8)
    X[:] = -3.0
    np.testing.assert_array_equal(prediction.mean, want)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_columns_are_found_by_name(make: Any) -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    table = make({"a": X[:, 0], "b": X[:, 1]})
    model = linear_model(2, mf.likelihoods.Normal(sd=1.0))
    posterior = mf.fit(model, table, X[:, 0], steps=5)
    assert posterior.columns == ("a", "b")
    swapped = make({"extra": np.zeros(20), "b": X[:, 1], "a": X[:, 0]})
    want = posterior.predict(X, draws=8).mean
    np.testing.assert_array_equal(posterior.predict(swapped, draws=8).mean, want)
    with pytest.raises(ValueError, match="lacks the column 'b'"):
        posterior.predict(make({"a": X[:, 0], "c": X[:, 1]}))
