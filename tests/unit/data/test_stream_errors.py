"""What is wrong with a stream's rows is said with file, row and column."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import moonfield as mf
from moonfield.data import Streamed, as_inputs, first_rows
from moonfield.data.batcher import Batcher
from moonfield.data.prefetch import Prefetch


def table(rows: int = 30, **changed: Any) -> pa.Table:
    columns = {"x": np.arange(rows) / 7.0, "y": np.zeros(rows)}
    return pa.table(columns | changed)


def write(folder: Path, *tables: pa.Table) -> Path:
    for number, it in enumerate(tables):
        pyarrow.parquet.write_table(it, folder / f"{number}.parquet", row_group_size=8)
    return folder


def read_all(stream: Any, check: Any = lambda y: None) -> None:
    example = first_rows(stream, np.float32, 1)
    Batcher(Streamed(stream, (), check, example), [0], 10).stack(0, -(-stream.rows // 10))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39, None])
def test_file_row_and_column_of_a_bad_number(value: float | None, tmp_path: Path) -> None:
    bad: list[Any] = [0.0] * 30
    bad[21] = value
    folder = write(tmp_path, table(), table(x=pa.array(bad, pa.float64())))
    want = r"column 'x' is (nan|inf) in row 21 of .*1\.parquet \(row 51 of all.*\)\. Values must be"
    with pytest.raises(ValueError, match=want):
        read_all(mf.data.parquet(folder, "y"))


def test_row_and_column_of_a_bad_number_in_arrays_and_batches() -> None:
    X = np.zeros((7_000, 3))
    X[6_543, 1] = np.nan
    y = np.zeros(7_000)
    with pytest.raises(ValueError, match=r"column 1 of X is nan in row 6,543\."):
        read_all(mf.data.arrays(X, y))
    with pytest.raises(ValueError, match=r"column 1 of X is nan in row 6,543 of a pass"):
        read_all(mf.data.batches([(X[i : i + 700], y[i : i + 700]) for i in range(0, 7_000, 700)]))
    with pytest.raises(ValueError, match=r"X at \(0, 1\) is nan in row 6,543"):
        read_all(mf.data.arrays(X[:, None], y))
    with pytest.raises(ValueError, match=r"y is nan in row 6,543"):
        read_all(mf.data.arrays(y[:, None], X[:, 1]))
    weights = np.ones(7_000)
    weights[77] = -1.0
    with pytest.raises(ValueError, match=r"weights must not be negative; it is -1\.0 in row 77"):
        read_all(mf.data.arrays(y[:, None], y, weights))


def test_the_place_of_a_target_outside_the_support(tmp_path: Path) -> None:
    y = np.zeros(30)
    y[17] = 2.0
    folder = write(tmp_path, table(), table(y=y))

    def check(found: np.ndarray) -> None:
        mf.likelihoods.Bernoulli().check_targets(found, 1)

    with pytest.raises(ValueError, match=r"0 to 1 as y; row 17 of .*1\.parquet.* is 2\.0"):
        read_all(mf.data.parquet(folder, "y"), check)


def test_columns_that_are_not_there_or_no_numbers(tmp_path: Path) -> None:
    text = pa.array(["a"] * 30)
    folder = write(tmp_path, table(), table(z=text))
    with pytest.raises(ValueError, match=r"0\.parquet has no column 'price'\. It has 'x', 'y'"):
        mf.data.parquet(folder, "price")
    with pytest.raises(ValueError, match=r"0\.parquet has no column 'z'"):
        mf.data.parquet(folder, "y", columns=["x", "z"])
    with pytest.raises(TypeError, match=r"'z' of .*1\.parquet is not numeric.*columns="):
        mf.data.parquet(folder / "1.parquet", "y")
    with pytest.raises(TypeError, match=r"columns must be a list of names, got the string 'x'"):
        mf.data.parquet(folder, "y", columns="x")
    with pytest.raises(ValueError, match=r"'y' cannot be both"):
        mf.data.parquet(folder, "y", columns=["x", "y"])
    with pytest.raises(ValueError, match=r"must be a target and a column of X"):
        mf.data.parquet(folder, ["x", "y"])


def test_files_that_are_not_there_empty_or_torn(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file or folder"):
        mf.data.parquet(tmp_path / "none", "y")
    with pytest.raises(ValueError, match=r"has no file that ends in \.parquet"):
        mf.data.parquet(tmp_path, "y")
    with pytest.raises(ValueError, match="the list is empty"):
        mf.data.parquet([], "y")
    (tmp_path / "t.csv").write_text("x,y\n1,2\n")
    with pytest.raises(ValueError, match=r"t\.csv: files end in"):
        mf.data.parquet(tmp_path / "t.csv", "y")
    whole = write(tmp_path, table()) / "0.parquet"
    for name in ("t.parquet", "t.feather"):
        (tmp_path / name).write_bytes(whole.read_bytes()[:-9])
        with pytest.raises(ValueError, match=rf"{name} cannot be read"):
            mf.data.parquet(tmp_path / name, "y")
    pyarrow.parquet.write_table(table(0), tmp_path / "e.parquet")
    with pytest.raises(ValueError, match="has no rows in 1 file"):
        mf.data.parquet(tmp_path / "e.parquet", "y")


def test_arrays_that_are_none(wrong_types: None) -> None:
    X, y = np.zeros((4, 2)), np.zeros(4)
    with pytest.raises(TypeError, match=r"y must be an array with shape.*got list"):
        mf.data.arrays(X, [0.0] * 4)
    with pytest.raises(TypeError, match="X must be numeric, got an array of type <U1"):
        mf.data.arrays(np.full((4, 2), "a"), y)
    with pytest.raises(ValueError, match=r"X has 4 rows, but y has shape \(3,\)"):
        mf.data.arrays(X, y[:3])
    with pytest.raises(ValueError, match="at least one column"):
        mf.data.arrays(y, y)
    with pytest.raises(ValueError, match="no rows"):
        mf.data.arrays(X[:0], y[:0])
    with pytest.raises(ValueError, match="buffer must be a whole number of 1 or more, got 0"):
        mf.data.arrays(X, y, buffer=0)
    with pytest.raises(TypeError, match="X is a stream, which only mf"):
        as_inputs(mf.data.arrays(X, y))


def test_iterables_that_are_not_what_they_say(wrong_types: None) -> None:
    pair = np.zeros((4, 2)), np.zeros(4)
    with pytest.raises(TypeError, match="can be iterated only once"):
        mf.data.batches(it for it in [pair])
    with pytest.raises(TypeError, match="needs an iterable of batches, got int"):
        mf.data.batches(3)
    with pytest.raises(ValueError, match="has no rows"):
        mf.data.batches([])
    with pytest.raises(TypeError, match=r"Batch 0 must be \(X, y\)"):
        mf.data.batches([np.zeros((4, 2))])
    with pytest.raises(ValueError, match=r"Batch 1 has no key 'target'; it has \['inputs'\]"):
        mf.data.batches([dict(zip(("inputs", "target"), pair, strict=True)), {"inputs": pair[0]}])
    with pytest.raises(ValueError, match="Arrays of batch 0 differ in rows"):
        mf.data.batches([(pair[0], pair[1][:3])])
    with pytest.raises(ValueError, match=r"has 8 rows, but 9 were declared\. Correct rows="):
        read_all(mf.data.batches([pair, pair], rows=9))
    with pytest.raises(ValueError, match=r"goes on after the 7 rows that were declared.*num_epoch"):
        read_all(mf.data.batches([pair, pair], rows=7))
    with pytest.raises(ValueError, match=r"rows of different shapes"):
        read_all(mf.data.batches([pair, (np.zeros((4, 3)), pair[1])], rows=8))
    with pytest.raises(TypeError, match=r"X must be numeric"):
        read_all(mf.data.batches([(np.full((4, 2), "a"), pair[1])], rows=4))


def test_a_thread_hands_over_its_error_and_ends() -> None:
    import threading

    ended = threading.Event()

    def make(number: int) -> int:
        if number == 2:
            raise OSError("the disk is gone")
        return number

    ahead = Prefetch(make, ended.set, threading.Event())
    assert [ahead.next(), ahead.next()] == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        ahead.next()
    assert ended.wait(5.0)
    ahead.close()
    with pytest.raises(RuntimeError, match="has ended"):
        ahead.next()


def test_pyarrow_is_asked_for_by_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    from moonfield.data import table_files

    write(tmp_path, table())
    table_files.pyarrow.cache_clear()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "moonfield\[cli\]"'):
        mf.data.parquet(tmp_path, "y")
