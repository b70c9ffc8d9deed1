"""What users bring as rows: every container gives the same numbers."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pytest

from moonfield.data import as_inputs, as_targets, as_weights

VALUES = np.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.5]])


def read_only(values: np.ndarray) -> np.ndarray:
    copy = values.copy()
    copy.flags.writeable = False
    return copy


PLAIN: dict[str, Callable[[np.ndarray], Any]] = {
    "numpy": lambda v: v,
    "single": lambda v: v.astype(np.float32),
    "half": lambda v: v.astype(np.float16),
    "big_endian": lambda v: v.astype(">f8"),
    "fortran": np.asfortranarray,
    "reversed": lambda v: v[::-1][::-1],
    "strided": lambda v: np.repeat(v, 2, axis=1)[:, ::2],
    "read_only": read_only,
    "lists": lambda v: v.tolist(),
    "tuples": lambda v: tuple(map(tuple, v.tolist())),
    "objects": lambda v: v.astype(object),
    "jax": lambda v: jnp.asarray(v, jnp.float32),
    "masked": np.ma.asarray,
}
FRAMES: dict[str, Callable[[np.ndarray], Any]] = {
    "pandas": lambda v: pd.DataFrame(v, columns=["age", "dose"]),
    "pandas_nullable": lambda v: pd.DataFrame(v, columns=["age", "dose"]).astype("Float64"),
    "pandas_indexed": lambda v: pd.DataFrame(v, columns=["age", "dose"], index=[7, 7, 1]),
    "polars": lambda v: pl.DataFrame(v, schema=["age", "dose"], orient="row"),
}


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
def test_arrays_and_lists(make: Callable[[np.ndarray], Any]) -> None:
    table = as_inputs(make(VALUES))
    assert table.columns is None
    assert table.values.dtype == np.float32
    np.testing.assert_array_equal(table.values, VALUES.astype(np.float32))


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_tables_keep_their_columns(make: Callable[[np.ndarray], Any]) -> None:
    table = as_inputs(make(VALUES))
    assert table.columns == ("age", "dose")
    assert table.values.dtype == np.float32
    np.testing.assert_array_equal(table.values, VALUES.astype(np.float32))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool"])
def test_whole_numbers_and_booleans_are_numbers(dtype: str) -> None:
    values = np.asarray([[0, 1], [1, 1]]).astype(dtype)
    for source in (values, pd.DataFrame(values), pl.DataFrame(values)):
        table = as_inputs(source)
        assert table.values.dtype == np.float32
        np.testing.assert_array_equal(table.values, [[0.0, 1.0], [1.0, 1.0]])


def test_mixed_columns_of_a_table() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]})
    np.testing.assert_array_equal(as_inputs(frame).values, [[1.0, 1.0, 0.5], [2.0, 0.0, 1.5]])


def test_double_where_jax_is_double(x64: None) -> None:
    values = np.asarray([[0.1], [0.2]])
    assert as_inputs(values).values.dtype == np.float64
    np.testing.assert_array_equal(as_inputs(values).values, values)


def test_more_axes_are_kept() -> None:
    assert as_inputs(np.zeros((5, 3, 8, 8))).values.shape == (5, 3, 8, 8)


def test_series_and_lists_as_targets() -> None:
    for source in ([0, 1, 1], pd.Series([0, 1, 1]), pl.Series([0, 1, 1]), np.asarray([0, 1, 1])):
        np.testing.assert_array_equal(as_targets(source, 3, ()), [0.0, 1.0, 1.0])


def test_one_column_is_one_target() -> None:
    for source in (np.ones((3, 1)), pd.DataFrame({"y": [1.0, 1.0, 1.0]})):
        assert as_targets(source, 3, ()).shape == (3,)


def test_weights_are_checked_numbers() -> None:
    np.testing.assert_array_equal(as_weights([0, 2, 0.5], 3), [0.0, 2.0, 0.5])
