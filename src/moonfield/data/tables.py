"""Arrays and tables from users -> checked, finite, floating-point arrays."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import narwhals.stable.v1 as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from .._core.trees import default_float
from .stream import AbstractStream


class Table(NamedTuple):
    """Rows as one array, with the names of columns where the source had them."""

    values: np.ndarray
    columns: tuple[str, ...] | None


def as_inputs(X: Any, name: str = "X") -> Table:
    """Inputs (rows, ...) from NumPy, pandas, polars or JAX.

    Raises:
        TypeError: something is not numeric; names the column.
        ValueError: fewer than two axes, no rows, or a value that is not finite; names the first
            such row and column.
    """
    table = _as_table(X, name)
    if table.values.ndim < 2:
        raise ValueError(
            f"{name} must have rows and at least one column, got shape {table.values.shape}. "
            f"For one column use {name}.reshape(-1, 1)."
        )
    if 0 in table.values.shape[1:]:
        raise ValueError(f"{name} has no columns: its shape is {table.values.shape}.")
    if table.values.shape[0] == 0:
        raise ValueError(f"{name} has no rows.")
    _check_finite(table, name)
    return table


def as_targets(
    y: Any, rows: int, target_shape: tuple[int, ...], name: str = "y", dtype: Any = None
) -> np.ndarray:
    """Targets (rows, *target_shape); a single column is flattened where one target is wanted.

    They have JAX's default type unless `dtype` names another.

    Raises:
        TypeError, ValueError: as `as_inputs`; or the number of rows or targets is wrong.
    """
    table = _as_table(y, name, dtype)
    values = table.values
    if target_shape == () and values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape[:1] != (rows,):
        raise ValueError(f"X has {rows} rows, but {name} has shape {values.shape}.")
    if values.shape[1:] != target_shape:
        raise ValueError(
            f"{name} must have shape {(rows, *target_shape)} for this network and likelihood, "
            f"got {values.shape}."
        )
    _check_finite(Table(values, table.columns), name)
    return values


def as_weights(weights: Any, rows: int) -> np.ndarray:
    """Row weights (rows,), finite and non-negative, not all 0.

    Raises:
        TypeError, ValueError: anything else.
    """
    values = as_targets(weights, rows, (), name="weights")
    if (values < 0).any():
        row = int(np.flatnonzero(values < 0)[0])
        raise ValueError(f"weights must not be negative; row {row} is {values[row]}.")
    if not values.any():
        raise ValueError("weights are all 0: nothing to learn from.")
    return values


def _as_table(source: Any, name: str, dtype: Any = None) -> Table:
    if source is None:
        raise TypeError(f"{name} is missing.")
    if isinstance(source, AbstractStream):
        raise TypeError(
            f"{name} is a stream, which only mf.fit(model, stream, batch_size=...) reads. "
            "Elsewhere give rows in memory, some at a time."
        )
    try:
        frame = nw.from_native(source, eager_only=True, pass_through=True, allow_series=True)
    except DuplicateError as error:
        raise ValueError(f"{name} has two columns of one name: {error}") from error
    if isinstance(frame, nw.DataFrame):
        return _from_frame(frame, name, dtype)
    columns: tuple[str, ...] | None = None
    if isinstance(frame, nw.Series):
        columns, source = (str(frame.name or name),), _column(frame, str(frame.name or name), name)
    if hasattr(source, "toarray"):
        raise TypeError(f"{name} is a sparse matrix. Use {name}.toarray().")
    return Table(_numeric(_as_array(source, name), name, dtype), columns)


def _as_array(source: Any, name: str) -> np.ndarray:
    masked = np.argwhere(np.ma.getmaskarray(source)) if np.ma.isMaskedArray(source) else None
    if masked is not None and len(masked):
        place = tuple(masked[0].tolist())
        raise ValueError(f"{name} is masked, first at {place}: drop such rows, or fill them.")
    try:
        array = np.asarray(source)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from error
    if array.dtype == object and not array.ndim:
        raise TypeError(f"{name} must be an array or a table, got {type(source).__name__}.")
    return array


def _from_frame(frame: nw.DataFrame, name: str, dtype: Any) -> Table:
    columns = tuple(str(column) for column in frame.columns)
    arrays = [_column(frame[:, i], column, name) for i, column in enumerate(columns)]
    if not arrays:
        raise ValueError(f"{name} has no columns.")
    return Table(np.stack([_numeric(a, name, dtype) for a in arrays], axis=1), columns)


def _column(series: nw.Series, column: str, name: str) -> np.ndarray:
    if not (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        raise TypeError(
            f"Column {column!r} of {name} is not numeric (its type is {series.dtype}). "
            "Encode it, e.g. with sklearn.preprocessing.OneHotEncoder."
        )
    nulls = series.is_null().to_numpy()
    if nulls.any():
        row = int(np.flatnonzero(nulls)[0])
        raise ValueError(f"Column {column!r} of {name} has a missing value, first in row {row}.")
    return series.to_numpy()


def _numeric(values: np.ndarray, name: str, dtype: Any) -> np.ndarray:
    if values.dtype.kind == "O":
        values = _from_objects(values, name)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be numeric, got an array of type {values.dtype}.")
    with np.errstate(over="ignore"):
        return values.astype(default_float() if dtype is None else dtype, copy=False)


def _from_objects(values: np.ndarray, name: str) -> np.ndarray:
    try:
        return values.astype(float)
    except (TypeError, ValueError):
        for index, value in np.ndenumerate(values):
            try:
                float(value)
            except (TypeError, ValueError):
                place = f"row {index[0]}" + (f", column {index[1]}" if len(index) > 1 else "")
                raise TypeError(f"{name} must be numeric; {place} is {value!r}.") from None
        raise


def _check_finite(table: Table, name: str) -> None:
    bad = ~np.isfinite(table.values)
    if not bad.any():
        return
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    place = f"row {index[0]}"
    if len(index) == 2:
        column = repr(table.columns[index[1]]) if table.columns else index[1]
        place = f"column {column}, row {index[0]}"
    raise ValueError(
        f"{name} has a value that is not finite ({table.values[index]}), first in {place}. "
        f"Values must fit {table.values.dtype}: impute, drop or rescale them."
    )


def as_array(name: str, value: Any) -> np.ndarray:
    """A finite array: floating-point numbers of the default type, or whole numbers as int32.

    Raises:
        TypeError, ValueError: not numeric or not finite; names the argument and the first place.
    """
    array = _as_array(value, f"data[{name!r}]")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"data[{name!r}] must be numeric, got dtype {array.dtype}.")
    if array.shape[:1] == (0,):
        raise ValueError(f"data[{name!r}] has no rows.")
    if array.dtype.kind == "f":
        given = array
        with np.errstate(over="ignore"):
            array = given.astype(default_float())
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            place = tuple(int(i) for i in bad[0])
            raise ValueError(
                f"data[{name!r}] is {given[place]} at {place}; it must be finite, and fit "
                f"{array.dtype}."
            )
        return array
    if array.dtype.kind == "b":
        return array
    kind = jnp.result_type(int)
    limits, whole = jnp.iinfo(kind), array.ravel()
    if whole.size and not limits.min <= int(whole.min()) <= int(whole.max()) <= limits.max:
        raise ValueError(
            f"data[{name!r}] has whole numbers from {whole.min()} to {whole.max()}, which do not "
            f"fit {kind}. Give them as floats, or as numbers from 0."
        )
    return array.astype(kind)
