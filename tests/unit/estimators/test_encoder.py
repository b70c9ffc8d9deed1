"""What happens to columns before the network sees them."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import moonfield as mf
from moonfield.estimators.columns import (
    MISSING,
    Columns,
    categorical_places,
    columns_of,
    finite_targets,
    level_text,
)
from moonfield.estimators.encoder import Scales, learn, scales_of


def numbers(values):
    return Columns(np.asarray(values, float), [])


def encoded(columns, weights=None, missing=False):
    return learn(columns, [], missing, weights).encode(columns)


def test_objects_are_numbers_or_named():
    def found(*values, missing=True):
        table = pd.DataFrame({"a": [1.0] * len(values), "b": pd.Series(values, dtype=object)})
        return columns_of(table, [], missing, None).numbers[:, 1]

    np.testing.assert_array_equal(found(1, pd.NA, None, "2.5"), [1.0, np.nan, np.nan, 2.5])
    with pytest.raises(ValueError, match="NaN, first in row 1, column 'b'"):
        found(1, pd.NA, missing=False)
    with pytest.raises(ValueError, match=r"Row 2, column 'b' of X is no number: .* 'x'. Convert"):
        found(1, 2, "x")
    with pytest.raises(TypeError, match=r"Row 1, column 'b' of X is no number: .* 'dict'"):
        found(1, {})
    with pytest.raises(TypeError, match="Column 'b' of X holds dates or times"):
        found(1, datetime.date(2020, 1, 1))
    with pytest.raises(ValueError, match=r"Row 1, column 'b' of X is no number: int too large"):
        found(1, 10**400)


DAY = datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    "y",
    [
        pd.date_range("2020", periods=3),
        np.zeros(3, "m8[s]"),
        pd.DataFrame({"y": pd.date_range("2020", periods=3)}),
        pd.DataFrame({"y": [1.0, 2.0], "z": pd.date_range("2020", periods=2)}),
        pl.Series([DAY, DAY]),
        pl.Series([datetime.time(1)]),
        pl.DataFrame({"y": [DAY, DAY]}),
        pl.DataFrame({"y": [1.0, 2.0], "z": [DAY, DAY]}),
        pl.DataFrame({"y": [1, 2], "z": [datetime.timedelta(1)] * 2}),
        pa.chunked_array([[DAY, DAY]]),
        pa.table({"y": [DAY, DAY]}),
        pd.Series([DAY, DAY]),
        pd.Series([pd.NaT, pd.Timestamp(0)], dtype=object),
        [DAY, DAY],
        [1.0, np.timedelta64(1, "D")],
    ],
)
def test_targets_are_no_dates(y):
    with pytest.raises(TypeError, match="y holds dates or times"):
        finite_targets(y)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([1.0, "x"], "Row 1 of y is no number: .* 'x'. Convert it"),
        (pd.DataFrame({"y": [1, 2], "z": [2, "x"]}), "Row 1, column 1 of y is no number"),
        ([1, 10**400], "Row 1 of y is no number: int too large"),
        (pd.Series([1.0, pd.NA], dtype=object), "Input y contains NaN, first in row 1"),
        (pl.Series([1, None]), "Input y contains NaN, first in row 1"),
    ],
)
def test_targets_that_are_no_numbers_are_named(y, said):
    with pytest.raises(ValueError, match=said):
        finite_targets(y)


def test_numbers_of_any_kind_are_targets():
    for y in (["1.5", 2], [Decimal("1.5"), 2], pl.Series([1.5, 2]), pa.chunked_array([[1.5, 2]])):
        np.testing.assert_array_equal(finite_targets(y), [1.5, 2.0])
    assert finite_targets(pa.table({"y": [1, 2]})).shape == (2, 1)


def test_levels_without_an_input_are_counted():
    found = np.array([*map(str, range(150)), *["7"] * 350], dtype=object)
    columns = Columns(np.zeros((500, 0)), [found, found[::-1], np.full(500, "a", object)])
    encoder = learn(columns, [1, 4, 6], False, None)
    assert [*encoder.left_out(columns)] == [(1, 150, 0.1), (4, 150, 0.1)]
    assert (encoder.encode(columns).sum(axis=1) == 2).sum() == 100  # rows lack one of three


def test_columns_are_standardised():
    found = encoded(numbers([[1.0, 10.0], [3.0, 30.0]]))
    np.testing.assert_allclose(found, [[-1.0, -1.0], [1.0, 1.0]])


@given(st.integers(-290, 290))
def test_any_scale_gives_the_same_numbers(exponent):
    values = np.array([[1.0], [2.0], [4.0]])
    found = encoded(numbers(values * 10.0**exponent))
    np.testing.assert_allclose(found, encoded(numbers(values)), rtol=1e-9)


def test_a_weight_counts_as_often_as_the_row():
    values = np.array([[1.0], [2.0], [5.0]])
    weighted = scales_of(values, np.array([1.0, 3.0, 2.0]))
    repeated = scales_of(np.repeat(values, [1, 3, 2], axis=0))
    np.testing.assert_allclose(weighted.centre, repeated.centre, rtol=1e-14)
    np.testing.assert_allclose(weighted.sd, repeated.sd, rtol=1e-14)


@pytest.mark.parametrize("constant", [0.0, 7.0, 1e12, 0.1])
def test_a_constant_column_says_nothing_even_later(constant):
    encoder = learn(numbers(np.full((9, 1), constant)), [], False, None)
    np.testing.assert_array_equal(encoder.encode(numbers([[constant], [-3.0]])), 0.0)


def test_numbers_far_outside_are_cut():
    scales = Scales(np.zeros(1), np.ones(1))
    np.testing.assert_array_equal(scales.column(0, np.array([1e300, -1e300])), [1e6, -1e6])


def test_a_missing_number_is_the_mean_beside_an_indicator():
    columns = numbers([[1.0, 5.0], [np.nan, 6.0], [3.0, 7.0]])
    found = encoded(columns, missing=True)
    np.testing.assert_allclose(found[:, 0], [-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(found[:, 2], [0.0, 1.0, 0.0])
    assert found.shape == (3, 3)


def test_a_column_of_nothing_but_missing_values():
    found = encoded(numbers([[np.nan], [np.nan]]), missing=True)
    np.testing.assert_array_equal(found, [[0.0, 1.0], [0.0, 1.0]])


def test_levels_are_one_hot_and_unseen_ones_are_zeros():
    encoder = learn(
        Columns(np.zeros((3, 0)), [np.array(["b", "a", "b"], object)]), [0], False, None
    )
    found = encoder.encode(Columns(np.zeros((3, 0)), [np.array(["a", "b", "new"], object)]))
    np.testing.assert_array_equal(found, [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])


def test_rare_levels_of_very_many_count_as_unseen():
    levels = np.array(["common", "common", *(f"k{i}" for i in range(10_000))], object)
    encoder = learn(Columns(np.zeros((len(levels), 0)), [levels]), [0], False, None)
    assert encoder.inputs == 100
    assert "common" in encoder.levels[0]


TABLES = [
    pd.DataFrame({"x": [1.0, 2.0], "k": ["u", "v"], "c": pd.Categorical(["p", "q"])}),
    pl.DataFrame(
        {"x": [1.0, 2.0], "k": ["u", "v"], "c": ["p", "q"]}, schema_overrides={"c": pl.Categorical}
    ),
]


@pytest.mark.parametrize("table", TABLES, ids=["pandas", "polars"])
def test_text_and_categories_are_found_in_tables(table):
    places = categorical_places(table, "auto", list(table.columns), 3)
    assert places == [1, 2]
    columns = columns_of(table, places, False, None)
    np.testing.assert_array_equal(columns.numbers, [[1.0], [2.0]])
    assert [column.tolist() for column in columns.levels] == [["u", "v"], ["p", "q"]]


def test_names_and_places_make_numbers_categories():
    X = np.array([[0.5, 3.0], [1.5, 4.0]])
    assert categorical_places(X, [-1], None, 2) == [1]
    assert columns_of(X, [1], False, None).levels[0].tolist() == ["3", "4"]
    assert categorical_places(X, ["b"], ["a", "b"], 2) == [1]


@pytest.mark.parametrize("wanted", [["c"], [2], [-3], [1.5], [True]])
def test_a_column_that_is_not_there(wanted):
    with pytest.raises(ValueError, match="categorical"):
        categorical_places(np.zeros((1, 2)), wanted, ["a", "b"], 2)


@pytest.mark.parametrize("absent", [None, np.nan, pd.NA])
def test_a_missing_category_is_an_error_or_a_level(absent):
    table = pd.DataFrame({"k": pd.Series(["u", absent], dtype=object)})
    with pytest.raises(ValueError, match=r"categorical column 'k' .* row 1.*missing='indicator'"):
        columns_of(table, [0], False, None)
    assert columns_of(table, [0], True, None).levels[0].tolist() == ["u", MISSING]


def test_a_missing_number_is_named():
    with pytest.raises(ValueError, match="NaN, first in row 1, column 0"):
        columns_of(np.array([[1.0], [np.nan]]), [], False, None)


def test_what_is_not_finite_is_named_by_row_and_column():
    table = pd.DataFrame({"k": ["u", "v", "u"], "age": [1.0, 2.0, 3.0], "pay": [1.0, 2.0, np.inf]})
    with pytest.raises(ValueError, match="infinity, first in row 2, column 'pay'"):
        columns_of(table, [0], False, None)
    table["pay"] = [1.0, np.nan, 2.0]
    with pytest.raises(ValueError, match="NaN, first in row 1, column 'pay'"):
        columns_of(table, [0], False, None)
    for value, what in ((np.nan, "NaN"), (np.inf, "infinity")):
        with pytest.raises(ValueError, match=f"Input y contains {what}, first in row 2"):
            mf.BayesianMLPRegressor().fit(np.ones((4, 1)), [1.0, 2.0, value, 3.0])


def test_equal_values_are_one_level():
    values = [1, 1.0, True, np.float32(1.0), np.int8(1), np.True_, "1"]
    assert {level_text(value) for value in values} == {"1"}
    assert level_text(np.float32(0.5)) == level_text(0.5) == "0.5"
