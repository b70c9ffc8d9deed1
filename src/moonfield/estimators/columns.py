"""Tables from users -> numeric and categorical columns, before anything is learned from them."""

import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals.stable.v1 as nw
import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from .._core.missing import is_missing

_REMEDY = "Impute or drop such rows, or use missing='indicator'."
_NO_NUMBER = "could not convert string to float", "float() argument must be", "int too large"
_TIMES = datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64
MISSING = "\x00missing"  # the level of what is missing in a categorical column


class Columns(NamedTuple):
    """The columns of a table by kind; `numbers` may hold NaN where missing values are allowed."""

    numbers: np.ndarray  # (rows, numeric columns), float64
    levels: list[np.ndarray]  # of each categorical column (rows,), text

    def take(self, rows: np.ndarray) -> "Columns":
        """Some rows."""
        return Columns(self.numbers[rows], [column[rows] for column in self.levels])


def check_table(X: Any) -> None:
    """Raise `TypeError` for a sparse matrix, `ValueError` for what has no rows and columns."""
    if issparse(X):
        raise TypeError("X is a sparse matrix, but dense data is required. Use X.toarray().")
    shape = _shape(X)
    if len(shape) != 2:
        raise ValueError(
            f"X must have two dimensions, rows and columns, got shape {shape}. Reshape your data: "
            "X.reshape(-1, 1) for a single feature, X.reshape(1, -1) for a single row."
        )


def categorical_places(X: Any, wanted: Any, names: Any, count: int) -> list[int]:
    """Positions of categorical columns: those of text or categories (`"auto"`), or those wanted.

    `names` are those of the columns, None where they have none.

    Raises:
        ValueError: a wanted column is not there.
    """
    if isinstance(wanted, str):
        frame = _frame(X)
        return [] if frame is None else [i for i in range(count) if _is_text(frame[:, i])]
    return sorted({_place(column, names, count) for column in wanted})


def columns_of(X: Any, categorical: Sequence[int], missing: bool, estimator: Any) -> Columns:
    """The columns of checked input; categorical ones by position.

    Raises:
        TypeError, ValueError: as scikit-learn's `check_array`; a number is infinite, or a number or
            category is missing where missing values are not allowed: the message names its place.
    """
    _check_dates(X, categorical)
    (rows, count), frame = _shape(X), _frame(X)
    names = [str(i) if frame is None else repr(frame.columns[i]) for i in range(count)]
    if not categorical:
        return Columns(_numbers(X, names, missing, estimator), [])
    numeric = [place for place in range(count) if place not in categorical]
    numbers, own = np.zeros((rows, 0)), [names[place] for place in numeric]
    if numeric:
        numbers = _numbers(_pick(X, numeric), own, missing, estimator)
    levels = [_levels(_column(X, place), names[place], missing) for place in categorical]
    return Columns(numbers, levels)


def _check_dates(X: Any, categorical: Sequence[int]) -> None:
    """A date is a number in a unit that depends on where it was read from."""
    frame, kind = _frame(X), getattr(getattr(X, "dtype", None), "kind", "")
    places = [place for place in range(_shape(X)[1]) if place not in categorical]
    if frame is not None:
        names = frame.columns
        found = [repr(names[i]) for i in places if _is_temporal(frame, i)]
    else:
        found = [str(place) for place in places] if kind in ("m", "M") else []
    if found:
        raise _of_dates(f"Column {found[0]} of X", ", or to categories")


def _of_dates(what: str, other: str = "") -> TypeError:
    return TypeError(
        f"{what} holds dates or times. Convert it to a number, such as days since a day{other}."
    )


def _numbers(X: Any, names: list[str], missing: bool, estimator: Any) -> np.ndarray:
    options: dict[str, Any] = {"dtype": np.float64, "ensure_all_finite": False}
    try:
        numbers = check_array(X, **options, estimator=estimator, input_name="X")
    except (TypeError, ValueError, OverflowError) as error:
        if not any(said in str(error) for said in _NO_NUMBER):
            raise
        every = [_feature(_column(X, place), name) for place, name in enumerate(names)]
        numbers = np.stack(every, axis=1)
    infinite, absent = (np.argwhere(test(numbers)) for test in (np.isinf, np.isnan))
    if len(infinite):
        row, column = infinite[0].tolist()
        raise ValueError(
            f"Input X contains infinity, first in row {row}, column {names[column]}: numbers must "
            "be finite."
        )
    if len(absent) and not missing:
        row, column = absent[0].tolist()
        raise ValueError(
            f"Input X contains NaN, first in row {row}, column {names[column]}. {_REMEDY}"
        )
    return numbers


def _feature(values: list[Any], name: str) -> np.ndarray:
    if any(isinstance(value, _TIMES) for value in values):
        raise _of_dates(f"Column {name} of X", ", or to categories")
    return _floats(values, f", column {name} of X", ", or name the column in categorical")


def _floats(values: list[Any], where: str, other: str = "") -> np.ndarray:
    """A column of objects, NaN where one is missing; the error of the first that is no number."""
    found = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        try:
            found[row] = np.nan if is_missing(value) else float(value)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"Row {row}{where} is no number: {error}. Convert it{other}.") from error
    return found


def finite_targets(y: Any) -> np.ndarray:
    """Targets as numbers (rows,) or (rows, targets); errors name the first bad row.

    Raises:
        TypeError, ValueError: as scikit-learn's `check_array`; y holds dates, or a number is
            missing or infinite.
    """
    frame = _frame(y)
    if frame is not None and any(_is_temporal(frame, i) for i in range(frame.shape[1])):
        raise _of_dates("y")
    options: dict[str, Any] = {"dtype": None, "ensure_all_finite": False, "ensure_2d": False}
    found = check_array(y, **options, input_name="y")
    if found.dtype.kind in "mM" or (found.dtype == object and _has_times(found)):
        raise _of_dates("y")
    numbers = _target_numbers(found)
    bad = np.flatnonzero(~np.isfinite(numbers.reshape(len(numbers), -1)).all(axis=1))
    if len(bad):
        what = "NaN" if np.isnan(numbers[bad[0]]).any() else "infinity"
        raise ValueError(
            f"Input y contains {what}, first in row {bad[0]}. Drop such rows: nothing can be "
            "learned from them."
        )
    return numbers


def _has_times(objects: np.ndarray) -> bool:
    return any(isinstance(value, _TIMES) for value in objects.ravel().tolist())


def _target_numbers(found: np.ndarray) -> np.ndarray:
    if found.dtype.kind in "biuf":
        return found.astype(np.float64)
    if found.ndim == 1:
        return _floats(found.tolist(), " of y")
    columns = [_floats(it.tolist(), f", column {i} of y") for i, it in enumerate(found.T)]
    return np.stack(columns, axis=1)


def _frame(X: Any) -> nw.DataFrame | None:
    """The table as narwhals sees it; None for arrays."""
    if not hasattr(X, "columns"):
        return None
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _is_temporal(frame: nw.DataFrame, place: int) -> bool:
    return frame[:, place].dtype.is_temporal()


def _is_text(series: nw.Series) -> bool:
    kind = series.dtype
    if kind == nw.Object:
        return all(isinstance(value, str) or is_missing(value) for value in series.to_list())
    return kind in (nw.String, nw.Categorical, nw.Enum)


def _place(column: Any, names: Any, count: int) -> int:
    if isinstance(column, str):
        if names is None or column not in names:
            raise ValueError(f"categorical names the column {column!r}, which X does not have.")
        return list(names).index(column)
    if isinstance(column, bool) or not isinstance(column, int | np.integer):
        raise ValueError(f"categorical must be 'auto' or names and positions, got {column!r}.")
    if not -count <= column < count:
        raise ValueError(f"categorical names column {column}, but X has {count} columns.")
    return int(column) % count


def _shape(X: Any) -> tuple[int, ...]:
    return tuple(X.shape) if hasattr(X, "shape") else np.asarray(X).shape


def _pick(X: Any, places: Sequence[int]) -> Any:
    frame = _frame(X)
    if frame is not None:
        return frame[:, list(places)].to_native()
    return np.asarray(X)[:, list(places)]


def _column(X: Any, place: int) -> list[Any]:
    frame = _frame(X)
    return frame[:, place].to_list() if frame is not None else np.asarray(X)[:, place].tolist()


def _levels(values: list[Any], name: str, missing: bool) -> np.ndarray:
    absent = np.array([is_missing(value) for value in values])
    if absent.any() and not missing:
        row = int(np.flatnonzero(absent)[0])
        raise ValueError(
            f"Input X contains NaN: the categorical column {name} has a missing value, first in "
            f"row {row}. {_REMEDY}"
        )
    text = [
        MISSING if gone else level_text(value) for value, gone in zip(values, absent, strict=True)
    ]
    return np.array(text, dtype=object)


def level_text(value: Any) -> str:
    """One text for equal values: 1, 1.0 and True are one level, "1" too."""
    if isinstance(value, bool | np.bool_):
        value = int(value)
    if isinstance(value, float | np.floating) and value.is_integer():
        value = int(value)
    return str(value)
