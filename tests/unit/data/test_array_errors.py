"""Bad rows are errors that name the column and the first row."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from moonfield.data import as_array, as_inputs, as_targets, as_weights


def bad(value: float) -> np.ndarray:
    """Finite but for column 1 from row 2 on."""
    values = np.arange(8.0).reshape(4, 2)
    values[2:, 1] = value
    return values


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match=r"X .*not finite.*column 1, row 2"):
        as_inputs(bad(value))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_not_finite_in_a_table(make: Any, value: float) -> None:
    values = bad(value)
    with pytest.raises(ValueError, match=r"[Cc]olumn 'dose'.* row 2"):
        as_inputs(make({"age": values[:, 0], "dose": values[:, 1]}))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_missing_in_a_table(make: Any) -> None:
    with pytest.raises(ValueError, match=r"Column 'dose' of X has a missing value, first in row 1"):
        as_inputs(make({"age": [1.0, 2.0, 3.0], "dose": [1.0, None, None]}))


def test_missing_in_a_nullable_column() -> None:
    frame = pd.DataFrame({"age": pd.array([1, None, 3], dtype="Int64")})
    with pytest.raises(ValueError, match=r"Column 'age' of X has a missing value, first in row 1"):
        as_inputs(frame)


def test_none_among_objects() -> None:
    with pytest.raises((TypeError, ValueError), match=r"row 1.*column 0|column 0.*row 1"):
        as_inputs(np.asarray([[1.0, 2.0], [None, 3.0]], dtype=object))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
@pytest.mark.parametrize("column", [["a", "b"], [b"a", b"b"]])
def test_text_in_a_table(make: Any, column: list) -> None:
    with pytest.raises(TypeError, match=r"Column 'sex' of X is not numeric.*OneHotEncoder"):
        as_inputs(make({"age": [1.0, 2.0], "sex": column}))


def test_categories_and_dates_in_a_table() -> None:
    for column in (pd.Categorical(["a", "b"]), pd.to_datetime(["2020-01-01", "2020-01-02"])):
        with pytest.raises(TypeError, match="Column 'kind' of X is not numeric"):
            as_inputs(pd.DataFrame({"kind": column}))


def test_text_among_objects_names_the_place() -> None:
    with pytest.raises(TypeError, match=r"row 1, column 0 is 'high'"):
        as_inputs(np.asarray([[1.0, 2.0], ["high", 3.0]], dtype=object))


@pytest.mark.parametrize(
    "source", [np.asarray([["a"], ["b"]]), [["1"], ["2"]], np.ones((2, 1)) * 1j]
)
def test_not_numeric_at_all(source: Any) -> None:
    with pytest.raises(TypeError, match="X must be numeric"):
        as_inputs(source)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
def test_sparse(make: Any) -> None:
    with pytest.raises(TypeError, match=r"X is a sparse matrix. Use X.toarray\(\)"):
        as_inputs(make(np.eye(3)))


def test_one_axis() -> None:
    with pytest.raises(ValueError, match=r"got shape \(3,\).*X.reshape\(-1, 1\)"):
        as_inputs(np.ones(3))


@pytest.mark.parametrize("source", [np.ones((0, 2)), pd.DataFrame({"a": []}, dtype=float)])
def test_no_rows(source: Any) -> None:
    with pytest.raises(ValueError, match="X has no rows"):
        as_inputs(source)


@pytest.mark.parametrize("source", [np.ones((3, 0)), pd.DataFrame(index=[0, 1])])
def test_no_columns(source: Any) -> None:
    with pytest.raises(ValueError, match=r"X has no columns|at least one column"):
        as_inputs(source)


def test_missing_altogether() -> None:
    with pytest.raises(TypeError, match="X is missing"):
        as_inputs(None)


def test_ragged_lists() -> None:
    with pytest.raises((TypeError, ValueError), match="X"):
        as_inputs([[1.0, 2.0], [3.0]])


def test_targets_of_another_length() -> None:
    with pytest.raises(ValueError, match=r"X has 5 rows, but y has shape \(4,\)"):
        as_targets(np.ones(4), 5, ())


@pytest.mark.parametrize(("shape", "want"), [((5, 2), ()), ((5,), (2,)), ((5, 3), (2,))])
def test_targets_of_another_shape(shape: tuple[int, ...], want: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"y must have shape \(5,.*got \(5"):
        as_targets(np.ones(shape), 5, want)


def test_targets_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match=r"y .*not finite \(nan\), first in row 3"):
        as_targets([0.0, 1.0, 2.0, np.nan, np.nan], 5, ())
    with pytest.raises(ValueError, match=r"Column 'out' of y has a missing value, first in row 1"):
        as_targets(pl.Series("out", [1.0, None]), 2, ())
    with pytest.raises(TypeError, match=r"Column 'out' of y is not numeric"):
        as_targets(pd.Series(["yes", "no"], name="out"), 2, ())


def test_weights() -> None:
    with pytest.raises(ValueError, match=r"weights must not be negative; row 1 is -2.0"):
        as_weights([1.0, -2.0, -3.0], 3)
    with pytest.raises(ValueError, match="weights are all 0"):
        as_weights([0.0, 0.0], 2)
    with pytest.raises(ValueError, match=r"X has 3 rows, but weights has shape \(2,\)"):
        as_weights([1.0, 1.0], 3)
    with pytest.raises(ValueError, match=r"weights .*not finite.*row 0"):
        as_weights([np.inf, 1.0], 2)
    with pytest.raises(TypeError, match="weights"):
        as_weights(["heavy", "light"], 2)


def test_whole_numbers_do_not_wrap() -> None:
    with pytest.raises(ValueError, match=r"data\['id'\] has whole numbers from 1 to 4294967296"):
        as_array("id", np.array([1, 2**32]))
    assert as_array("id", np.array([-(2**31), 2**31 - 1])).tolist() == [-(2**31), 2**31 - 1]


def test_masked_values() -> None:
    values = np.ones((3, 2))
    assert as_inputs(np.ma.asarray(values)).values.shape == (3, 2)
    with pytest.raises(ValueError, match=r"X is masked, first at \(1, 0\): drop such rows"):
        as_inputs(np.ma.masked_array(values, [[False, False], [True, False], [False, True]]))


def test_what_is_neither_an_array_nor_a_table() -> None:
    with pytest.raises(TypeError, match="X must be an array or a table, got dict"):
        as_inputs({"a": np.ones(3)})


def test_two_columns_of_one_name() -> None:
    with pytest.raises(ValueError, match="X has two columns of one name"):
        as_inputs(pd.DataFrame(np.ones((3, 2)), columns=["a", "a"]))
