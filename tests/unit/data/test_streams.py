"""Streams: every row once an epoch, in an order that follows from seed and step alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import moonfield as mf
from moonfield.data import AbstractStream, Feed, Streamed, first_rows
from moonfield.data.batcher import Batcher
from moonfield.data.order import Order

ROWS = 1_003
WORDS = [1, 2, 3, 4, 5, 6]
KINDS = [
    "parquet",
    "feather",
    "arrays",
    "memmap",
    "hdf5",
    "chunked",
    "batches",
    "mappings",
    "shard",
]


def numbered(rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Rows that tell which they are."""
    number = np.arange(rows, dtype=np.float32)
    return np.stack([number, number**2, -number], axis=1), 2.0 * number


class Chunked:
    """What zarr's arrays look like."""

    def __init__(self, array: np.ndarray, chunks: tuple[int, ...]):
        self._array, self.chunks = array, chunks
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self._array[rows]


def write_tables(folder: Path, X: np.ndarray, y: np.ndarray, feather: bool = False) -> Path:
    """Three files of unequal length in parts of 100 rows; one more column than is used."""
    folder.mkdir()
    for i, rows in enumerate(np.split(np.arange(len(X)), [350, 360])):
        table = pa.table({
            "a": X[rows, 0], "note": ["text"] * len(rows), "y": y[rows].astype(np.float64),
            "c": X[rows, 2].astype(np.int32), "b": X[rows, 1],
        })  # fmt: skip
        if feather:
            pyarrow.feather.write_feather(table, folder / f"{i}.feather", chunksize=100)
        else:
            pyarrow.parquet.write_table(table, folder / f"{i}.parquet", row_group_size=100)
    return folder


def make(kind: str, folder: Path, buffer: int | None = 64) -> AbstractStream:
    X, y = numbered()
    if kind in ("parquet", "feather"):
        path = write_tables(folder / kind, X, y, kind == "feather")
        return mf.data.parquet(path, "y", ["a", "b", "c"], buffer=buffer)
    if kind == "memmap":
        np.save(folder / "x.npy", X)
        X = np.load(folder / "x.npy", mmap_mode="r")
    if kind == "hdf5":
        h5py = pytest.importorskip("h5py")
        file = h5py.File(folder / "rows.h5", "w")
        return mf.data.arrays(
            file.create_dataset("x", data=X, chunks=(70, 2)), file.create_dataset("y", data=y),
            buffer=buffer,
        )  # fmt: skip
    if kind == "chunked":
        return mf.data.arrays(Chunked(X, (90, 3)), Chunked(y, (200,)), buffer=buffer)
    if kind in ("batches", "mappings"):
        cuts = [slice(start, start + 37) for start in range(0, ROWS, 37)]
        pairs = [(X[cut], y[cut]) for cut in cuts]
        if kind == "batches":
            return mf.data.batches(pairs, rows=ROWS, buffer=buffer)
        named = [{"image": X, "label": y, "id": 0} for X, y in pairs]
        return mf.data.batches(named, inputs="image", target="label", buffer=buffer)
    if kind == "shard":
        twice = mf.data.arrays(np.concatenate([-1.0 - X, X]), np.concatenate([y, y]), buffer=buffer)
        return twice.shard(1, 2)
    return mf.data.arrays(X, y, buffer=buffer)


def taken(stream: AbstractStream) -> Streamed:
    """As a model of one number would take it."""
    one = first_rows(stream, np.float32, 1)
    return Streamed(stream, (), lambda y: None, one)


def true_rows(stack: Any) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows of each step without padding, which has weight 0."""
    counts = stack.counts.astype(int)
    for leaf, n in zip(stack.batches.weights, counts, strict=True):
        assert (leaf[:n] > 0).all()
        assert (leaf[n:] == 0).all()
    batches = zip(*stack.batches, counts, strict=True)
    return [(X[:n], y[:n], w[:n]) for X, y, w, n in batches]


@pytest.mark.parametrize(
    ("kind", "buffer"),
    [(kind, 64) for kind in KINDS]
    + [(kind, buffer) for kind in ("parquet", "arrays", "batches") for buffer in (None, 1)],
)
def test_every_row_comes_once_an_epoch(kind: str, buffer: int | None, tmp_path: Path) -> None:
    stream = make(kind, tmp_path, buffer)
    assert stream.rows == ROWS
    batcher = Batcher(taken(stream), WORDS, 50)
    assert (batcher.batches, batcher.places) == (21, 48)
    orders = []
    for epoch in range(3):
        rows = true_rows(batcher.stack(21 * epoch, 21))
        assert {len(y) for _, y, _ in rows} == {47, 48}
        X, y, w = map(np.concatenate, zip(*rows, strict=True))
        np.testing.assert_array_equal(np.sort(X[:, 0]), np.arange(ROWS))
        np.testing.assert_array_equal(X[:, 1], X[:, 0] ** 2)
        np.testing.assert_array_equal(X[:, 2], -X[:, 0])
        np.testing.assert_array_equal(y, 2.0 * X[:, 0])
        np.testing.assert_array_equal(w, 1.0)
        orders.append(X[:, 0])
    batcher.close()
    same = [np.array_equal(orders[0], order) for order in orders[1:]]
    assert same == [buffer == 1] * 2
    assert np.array_equal(orders[0], np.arange(ROWS)) == (buffer == 1)


@pytest.mark.parametrize("kind", ["parquet", "arrays", "batches", "shard"])
def test_a_step_does_not_depend_on_where_reading_began(kind: str, tmp_path: Path) -> None:
    stream = taken(make(kind, tmp_path))
    whole = Batcher(stream, WORDS, 50).stack(0, 60)
    for first in (7, 55):
        part = Batcher(stream, WORDS, 50).stack(first, 5)
        for found, want in zip((*part.batches, part.counts), (*whole.batches, whole.counts),
                               strict=True):  # fmt: skip
            np.testing.assert_array_equal(found, want[first : first + 5])


def test_another_seed_is_another_order(tmp_path: Path) -> None:
    stream = taken(make("parquet", tmp_path))
    one, other = (Batcher(stream, words, 50).stack(0, 21) for words in (WORDS, [*WORDS[:5], 7]))
    assert not np.array_equal(one.batches.inputs, other.batches.inputs)


@pytest.mark.parametrize("kind", ["parquet", "batches"])
def test_blocks_of_a_feed_are_those_of_the_batcher(kind: str, tmp_path: Path) -> None:
    stream = taken(make(kind, tmp_path))
    feed = Feed(stream, WORDS, 50, steps=8)
    fresh = feed.block(-1)
    try:
        blocks = {number: feed.block(number) for number in (2, 3, 4, 2, 5, 9)}
    finally:
        feed.close()
    for number, block in blocks.items():
        want = Batcher(stream, [0, *WORDS], 50).stack(8 * number, 8)
        for found, expected in zip(block.batches, want.batches, strict=True):
            np.testing.assert_array_equal(found, expected)
    assert feed.block(-1) is fresh
    X, _, _ = map(np.concatenate, zip(*true_rows(fresh), strict=True))
    assert len(np.unique(X[:, 0])) == len(X)  # of one epoch, which is none of the steps'
    first = Batcher(stream, [0, *WORDS], 50).stack(0, 8)
    assert not np.array_equal(first.batches.inputs, fresh.batches.inputs)


@pytest.mark.parametrize("parts", [[1], [5, 1, 1, 30, 2], [1] * 40, [90, 3]])
@pytest.mark.parametrize("window", [1, 17, 10_000])
def test_windows_cut_an_epoch_without_rest(parts: list[int], window: int) -> None:
    order = Order(parts, window, [3])
    want = {(part, row) for part, rows in enumerate(parts) for row in range(rows)}
    for number in (0, 1):
        epoch = order.epoch(number)
        seen: list[tuple[int, int]] = []
        for place in range(order.windows):
            pieces = epoch.slices(place)
            rows = [(p.part, row) for p in pieces for row in range(p.start, p.stop)]
            assert len(rows) == epoch.edges[place + 1] - epoch.edges[place]
            assert sorted(epoch.permutation(place)) == list(range(len(rows)))
            for position in range(epoch.edges[place], epoch.edges[place + 1]):
                assert epoch.window_at(position) == place
            seen += rows
        assert len(seen) == len(want)
        assert set(seen) == want


def test_a_window_mixes_distant_places() -> None:
    """Row groups larger than the buffer are read several at a time."""
    epoch = Order([1_000] * 20, 100, [0]).epoch(0)
    counts = [len({it.part for it in epoch.slices(place)}) for place in range(0, 200, 20)]
    assert min(counts) == 8


def test_every_row_is_as_likely_in_one_batch_as_in_another() -> None:
    """Which makes each step's gradient unbiased: counts of rows in four windows, 4.5 errors."""
    epochs, parts = 300, [15] * 4
    order = Order(parts, 15, [0])
    counts, shares = np.zeros((order.windows, 4, 15)), np.zeros((order.windows, 1, 1))
    for number in range(epochs):
        epoch = order.epoch(number)
        shares[:, 0, 0] = np.diff(epoch.edges) / sum(parts)
        for window in range(order.windows):
            for part, start, stop in epoch.slices(window):
                counts[window, part, start:stop] += 1
    np.testing.assert_array_equal(counts.sum(axis=0), epochs)
    error = np.sqrt(epochs * shares * (1 - shares))
    z = (counts - epochs * shares) / error
    assert (np.abs(z) < 4.5).all()
    assert 0.8 < np.std(z) < 1.2  # nor more even than chance


@pytest.mark.parametrize("kind", ["parquet", "arrays", "batches"])
@pytest.mark.parametrize("count", [1, 3])
def test_shards_are_all_rows_once(kind: str, count: int, tmp_path: Path) -> None:
    stream = make(kind, tmp_path)
    shards = [stream.shard(index, count) for index in range(count)]
    assert {shard.rows for shard in shards} <= {ROWS // count, ROWS // count + 1}
    found = []
    for shard in shards:
        stack = Batcher(taken(shard), WORDS, 9).stack(0, -(-shard.rows // 9))
        found += [X[:, 0] for X, _, _ in true_rows(stack)]
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(ROWS))
    with pytest.raises(ValueError, match=f"no shard {count} of {count}"):
        stream.shard(count, count)


def test_weights_come_with_their_rows(tmp_path: Path) -> None:
    X, y = numbered(100)
    weights = np.arange(100) % 3 / 2.0
    pyarrow.parquet.write_table(
        pa.table({"a": X[:, 0], "y": y, "w": weights}), tmp_path / "t.parquet"
    )
    for stream in (
        mf.data.parquet(tmp_path / "t.parquet", target="y", weights="w"),
        mf.data.arrays(X, y, weights),
        mf.data.batches([(X, y, weights)]),
    ):
        stack = Batcher(taken(stream), WORDS, 30).stack(0, 4)
        rows = stack.batches.inputs[..., 0].astype(int)
        counts = stack.counts.astype(int)
        for step, n in enumerate(counts):
            np.testing.assert_array_equal(
                stack.batches.weights[step, :n], weights[rows[step, :n]].astype(np.float32)
            )
    assert mf.data.parquet(tmp_path / "t.parquet", "y", weights="w").columns == ("a",)


def test_several_targets_and_images(tmp_path: Path) -> None:
    X = np.arange(40 * 6, dtype=np.uint8).reshape(40, 3, 2)
    y = np.stack([np.arange(40.0), -np.arange(40.0)], axis=1)
    rows = first_rows(mf.data.arrays(X, y), np.float32, 5)
    assert rows.inputs.dtype == np.float32
    np.testing.assert_array_equal(rows.inputs, X[:5])
    np.testing.assert_array_equal(rows.targets, y[:5])
    table = pa.table({"p": y[:, 0], "q": y[:, 1], "x": np.arange(40) % 2 == 0})
    pyarrow.parquet.write_table(table, tmp_path / "t.pq")
    rows = first_rows(mf.data.parquet(str(tmp_path / "t.pq"), ["q", "p"]), np.float64, 5)
    np.testing.assert_array_equal(rows.targets, y[:5, ::-1])
    np.testing.assert_array_equal(rows.inputs[:, 0], [1.0, 0.0, 1.0, 0.0, 1.0])


def test_some_rows_of_a_stream_whose_first_windows_are_empty() -> None:
    """With a buffer of fewer rows than there are places to read at."""
    X = np.arange(20_000.0).reshape(-1, 1)
    stream = mf.data.arrays(X, X[:, 0], buffer=4)
    posterior = mf.fit(
        mf.BayesianNetwork(
            mf.nets.MLP([1, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(1e4)
        ),
        stream,
        method="advi",
        batch_size=50,
        steps=20,
    )
    assert "log score" in str(posterior.check())


def test_an_index_that_pandas_kept_is_no_input(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})
    table.iloc[[2, 0, 1]].to_parquet(tmp_path / "table.parquet")
    assert mf.data.parquet(tmp_path / "table.parquet", "y").columns == ("x",)
    named = mf.data.parquet(tmp_path / "table.parquet", "y", columns=["x", "__index_level_0__"])
    assert named.columns == ("x", "__index_level_0__")


def test_folders_whose_names_end_like_files_are_looked_into(tmp_path: Path) -> None:
    (tmp_path / "day.parquet").mkdir()
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})
    table.to_parquet(tmp_path / "day.parquet" / "part-0.parquet")
    assert mf.data.parquet(tmp_path, "y").rows == 3


@pytest.mark.parametrize("kind", ["parquet", "arrays", "batches"])
def test_shards_become_arrays(kind: str, tmp_path: Path) -> None:
    stream = make(kind, tmp_path)
    parts = [stream.shard(i, 3).to_arrays() for i in range(3)]
    X, y, w = (np.concatenate(leaves) for leaves in zip(*parts, strict=True))
    np.testing.assert_array_equal(X[:, 0], np.arange(ROWS))
    np.testing.assert_array_equal(y, 2.0 * X[:, 0])
    np.testing.assert_array_equal(w, 1.0)


def test_batches_may_end_with_one_without_rows() -> None:
    X, y = numbered(8)
    pairs = [(X[:4], y[:4]), (X[4:], y[4:]), (X[:0], y[:0])]
    stream = mf.data.batches(pairs)
    assert stream.rows == 8
    batcher = Batcher(taken(stream), WORDS, 4)
    for epoch in range(2):
        assert sum(len(rows[1]) for rows in true_rows(batcher.stack(2 * epoch, 2))) == 8
    batcher.close()
