"""What an estimator is after a fit that failed, and input that it must not take for numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import moonfield as mf
from moonfield.estimators import base

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = X[:, 0] + 0.1 * RNG.normal(size=120)
LABELS = np.where(Y > 0.0, "b", "a")
DAYS = pd.date_range("2024", periods=120)


def regressor(**options: Any) -> mf.BayesianMLPRegressor:
    return mf.BayesianMLPRegressor((4,), method="ivon", steps=50, random_state=0, **options)


def classifier(**options: Any) -> mf.BayesianMLPClassifier:
    return mf.BayesianMLPClassifier((4,), method="ivon", steps=50, random_state=0, **options)


def test_a_regressor_whose_next_fit_fails_is_as_it_was() -> None:
    fitted = regressor().fit(X, Y)
    before = fitted.predict(X)
    with pytest.raises(ValueError, match="No activation"):
        fitted.set_params(activation="foo").fit(X[:, :2], 1_000.0 * Y + 7.0)
    np.testing.assert_array_equal(fitted.predict(X), before)


def test_a_classifier_whose_next_fit_fails_is_as_it_was() -> None:
    fitted = classifier().fit(X, LABELS)
    before = fitted.predict(X)
    with pytest.raises(ValueError, match="only one class"):
        fitted.fit(X, np.full(120, "z"))
    np.testing.assert_array_equal(fitted.predict(X), before)
    with pytest.raises(ValueError, match="only one class"):
        (new := classifier()).fit(X, np.full(120, "z"))
    assert vars(new) == vars(classifier())


def test_the_keyboard_ends_an_update_of_several_members_and_undoes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fitted = mf.BayesianMLPClassifier((4,), random_state=0).fit(X[:60], LABELS[:60])
    before, real, calls = fitted.predict_proba(X), base.fit_rows, []

    def interrupted(*arguments: Any, **options: Any) -> mf.Posterior:
        calls.append(1)
        found = real(*arguments, **options)
        if len(calls) == 2:
            monkeypatch.setattr(type(found), "result", mf.Result.interrupted)
        return found

    monkeypatch.setattr(base, "fit_rows", interrupted)
    fitted.set_params(steps=20)
    with pytest.raises(KeyboardInterrupt):
        fitted.partial_fit(X[60:], LABELS[60:])
    assert len(calls) == 2
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


def test_a_checkpoint_without_a_random_state_can_be_taken_up_again(tmp_path: Path) -> None:
    first, again = (
        mf.BayesianMLPClassifier((4,), steps=100).fit(X, LABELS, checkpoint=tmp_path / "run")
        for _ in range(2)
    )
    np.testing.assert_array_equal(again.predict_proba(X), first.predict_proba(X))


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"city": ["u", "v"] * 60, "when": DAYS}),
        pd.DataFrame({"x": X[:, 0], "when": DAYS.tz_localize("UTC")}),
        pd.DataFrame({"x": X[:, 0], "when": DAYS - DAYS[0]}),
        pl.DataFrame({"x": X[:, 0], "when": DAYS.to_numpy()}),
    ],
    ids=["beside text", "with a zone", "durations", "polars"],
)
def test_dates_are_refused_by_name(table: Any) -> None:
    """As numbers they would depend on the unit that they were read in."""
    with pytest.raises(TypeError, match="Column 'when' of X holds dates or times"):
        regressor().fit(table, Y)


def test_dates_as_categories_are_taken() -> None:
    table = pd.DataFrame({"x": X[:, 0], "when": DAYS[:2].repeat(60)})
    assert regressor(categorical=["when"]).fit(table, Y).predict(table).shape == (120,)


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(LABELS).where(np.arange(120) != 5),
        pd.Series(LABELS, dtype="string").where(np.arange(120) != 5),
        np.where(np.arange(120) == 5, None, LABELS.astype(object)),
        np.where(np.arange(120) == 5, np.nan, (Y > 0.0).astype(float)),
    ],
    ids=["str", "string", "object", "float"],
)
def test_a_missing_label_is_named(labels: Any) -> None:
    with pytest.raises(ValueError, match="missing label, first in row 5"):
        classifier().fit(X, labels)
