"""Fits of streams: the engine's batches, scale and ends."""

import threading
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pyarrow as pa
import pyarrow.parquet
import pytest

import moonfield as mf
from moonfield.data import Dataset, Feed
from moonfield.families import MeanFieldState
from moonfield.inference import Driver, as_method
from moonfield.model import space
from tests.helpers import linear_model, posterior_of, same_bytes, state_of

from .fits import look_in_always

ROWS, SIZE = 501, 10
BATCHES = 51


def rows() -> tuple[np.ndarray, np.ndarray]:
    """Rows that differ wildly, so that a wrong scale cannot hide."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 2)) * np.exp(rng.normal(size=(ROWS, 1)))
    return X, X @ np.asarray([1.0, -1.0]) + rng.standard_t(3, size=ROWS)


def model() -> mf.BayesianNetwork:
    return linear_model(2, mf.likelihoods.Normal(sd=1.0), bias=True)


def folder_of(path: Path) -> Path:
    X, y = rows()
    for i, part in enumerate(np.split(np.arange(ROWS), [200, 203])):
        table = pa.table({"one": X[part, 0], "two": X[part, 1], "y": y[part]})
        pyarrow.parquet.write_table(table, path / f"{i}.parquet", row_group_size=100)
    return path


def no_thread_left() -> bool:
    return not [it for it in threading.enumerate() if it.name == "moonfield-stream"]


def elbos(data: tuple, steps: int, batch_size: int | None) -> np.ndarray:
    """Estimates at one q that never moves and has no width: exact but for their batch."""
    it = model()
    size = space(it).size
    state = MeanFieldState(jnp.linspace(-1.0, 1.0, size), jnp.full(size, -30.0))
    method, start = mf.ADVI(optimizer=optax.set_to_zero()), posterior_of(it, state)
    return mf.fit(
        it, *data, method=method, steps=steps, batch_size=batch_size, start=start, seed=3
    ).elbo


@pytest.mark.parametrize("kind", [pytest.param("parquet", marks=pytest.mark.slow), "batches"])
def test_an_epoch_averages_to_the_elbo_of_all_rows(kind: str, tmp_path: Path, x64: None) -> None:
    X, y = rows()
    if kind == "parquet":
        stream = mf.data.parquet(folder_of(tmp_path), "y", buffer=250)
    else:
        stream = mf.data.batches([(X[i : i + 30], y[i : i + 30]) for i in range(0, ROWS, 30)])
    full = elbos((X, y), 1, None)[0]
    in_batch = np.full(BATCHES, ROWS // BATCHES)
    in_batch[: ROWS % BATCHES] += 1
    for epoch in elbos((stream,), 2 * BATCHES, SIZE).reshape(2, BATCHES):
        np.testing.assert_allclose(in_batch @ epoch / ROWS, full, rtol=1e-11)
        assert np.ptp(epoch) > 1.0
    assert no_thread_left()


@pytest.mark.slow
def test_a_batch_of_all_rows_is_the_elbo(x64: None) -> None:
    X, y = rows()
    found = elbos((mf.data.arrays(X, y),), 1, 10 * ROWS)
    np.testing.assert_allclose(found, elbos((X, y), 1, None), rtol=1e-11)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    stream = mf.data.parquet(folder_of(tmp_path), "y")

    def ends(seed: int) -> list[np.ndarray]:
        found = mf.fit(model(), stream, batch_size=SIZE, steps=60, seed=seed)
        assert (found.diagnostics.rows, found.diagnostics.batch_size) == (ROWS, SIZE)
        assert found.columns == ("one", "two")
        return [found.elbo, *map(np.asarray, jax.tree.leaves(found.approximation.state))]

    one, again, other = ends(0), ends(0), ends(1)
    assert all(map(np.array_equal, one, again))
    assert not np.array_equal(one[0], other[0])


def test_the_supply_of_a_block_is_what_was_read(tmp_path: Path) -> None:
    """Noise as in a fit of arrays, batches those of the stream, scales N over their rows."""
    X, y = rows()
    it = model()
    _, in_memory = it.prepare(X, y)
    stream = mf.fit(it, mf.data.parquet(folder_of(tmp_path), "y"), batch_size=SIZE, steps=1).stream
    assert stream is not None
    method: Any = as_method("advi", it)
    given: list[Dataset | Any] = [in_memory, stream]
    drivers = [Driver(it, method, data, SIZE, 1, seed=5, first_step=300) for data in given]
    memory, read = (driver._supply(1) for driver in drivers)
    for driver in drivers:
        driver.close()
    np.testing.assert_array_equal(read.noise, memory.noise)
    np.testing.assert_array_equal(read.batches.weights.sum(axis=1) * read.scales, float(ROWS))
    assert jax.tree.map(jnp.shape, read.batches) == jax.tree.map(jnp.shape, memory.batches)
    steps, first = drivers[1].shape.steps, 3 * drivers[1].shape.steps  # 300 steps: two blocks
    feed = Feed(stream, drivers[1]._source.shuffle_words.tolist(), SIZE, steps)
    want = feed.block(first // steps)
    feed.close()
    np.testing.assert_array_equal(read.batches.inputs, np.moveaxis(want.batches.inputs, 1, 2))
    np.testing.assert_array_equal(read.batches.targets, want.batches.targets)


@pytest.mark.slow
def test_it_learns_what_a_fit_of_arrays_learns(tmp_path: Path) -> None:
    """Until it stops by itself: less than half a nat of KL apart, as two fits of arrays are."""
    X, y = rows()
    stream = mf.data.parquet(folder_of(tmp_path), "y")
    options: dict[str, Any] = {"batch_size": 100, "progress": False}
    read, held = mf.fit(model(), stream, **options), mf.fit(model(), X, y, **options)
    assert read.result == held.result == mf.Result.converged
    ends = [fit.approximation.moments() for fit in (read, held)]
    (mean, sd), (want, want_sd) = ends
    ratio = (sd / want_sd) ** 2
    kl = 0.5 * np.sum(ratio - 1.0 - np.log(ratio) + ((mean - want) / want_sd) ** 2)
    assert kl < 0.5
    error = np.hypot(read.diagnostics.elbo_se, held.diagnostics.elbo_se)
    assert abs(read.diagnostics.elbo - held.diagnostics.elbo) < 4.5 * error
    assert no_thread_left()


@pytest.mark.slow
def test_what_a_posterior_of_a_stream_can_say(tmp_path: Path) -> None:
    it = model()
    stream = mf.data.parquet(folder_of(tmp_path), "y")
    posterior = mf.fit(it, stream, batch_size=SIZE, steps=50)
    assert posterior.data is None
    noise = posterior.gradient_noise
    assert noise is not None
    assert noise.noise > 0
    assert "training rows" in str(posterior.check())
    assert "posterior" in posterior.to_datatree(draws=10)
    for ask in (
        posterior.importance,
        posterior.resample,
        posterior.training_log_likelihood,
        lambda: posterior.to_datatree(posterior_predictive=True),
    ):
        with pytest.raises(ValueError, match=r"fitted to a stream.*rows of your choice"):
            ask()
    on = mf.fit(it, stream, batch_size=SIZE, steps=10, start=posterior)
    assert on.diagnostics.steps_in_all == 60
    posterior.save(tmp_path / "p.mf")
    assert mf.load(tmp_path / "p.mf").columns == ("one", "two")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"give batch_size, e\.g\. 1_024"),
        ({"batch_size": 5, "method": "laplace"}, r"'laplace' sees all rows at once.*'advi'"),
        ({"batch_size": 5, "sampler": mf.UncertainRows()}, "Leave sampler out"),
        ({"batch_size": 5, "y": np.zeros(3)}, r"leave y out.*mf\.data\.parquet"),
        ({"batch_size": 5, "weights": np.zeros(3)}, "leave weights out"),
    ],
)
def test_what_a_stream_is_not_for(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mf.fit(model(), mf.data.arrays(*rows()), **options)


def test_models_that_need_their_rows_in_memory() -> None:
    groups = mf.HierarchicalNetwork(
        mf.nets.MLP([2, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal(), groups=2
    )
    with pytest.raises(TypeError, match=r"for mf\.BayesianNetwork, got HierarchicalNetwork"):
        mf.fit(groups, mf.data.arrays(*rows()), batch_size=5, groups=[0, 1])
    with pytest.raises(TypeError, match="got Program"):
        mf.fit(mf.Program(lambda x: None), mf.data.arrays(*rows()), batch_size=5)
    with pytest.raises(ValueError, match="does not accept a row"):
        mf.fit(linear_model(3, mf.likelihoods.Normal()), mf.data.arrays(*rows()), batch_size=5)


class Breaks:
    """Batches that end in an error, after some steps."""

    def __init__(self, error: BaseException):
        self.error = error

    def __iter__(self) -> Any:
        X, y = rows()
        for number, i in enumerate(range(0, ROWS, 50)):
            if number == 5 and threading.current_thread().name == "moonfield-stream":
                raise self.error
            yield X[i : i + 50], y[i : i + 50]


def test_an_error_of_the_reader_reaches_the_caller() -> None:
    stream = mf.data.batches(Breaks(OSError("the disk is gone")), rows=ROWS)
    with pytest.raises(OSError, match="the disk is gone"):
        mf.fit(model(), stream, batch_size=SIZE, steps=50)
    assert no_thread_left()


def test_a_bad_row_ends_a_fit_and_says_where(tmp_path: Path) -> None:
    bad = pa.table({"one": [0.0, np.nan], "two": [0.0] * 2, "y": [0.0] * 2})
    pyarrow.parquet.write_table(bad, folder_of(tmp_path) / "0a.parquet")
    with pytest.raises(ValueError, match=r"'one' is nan in row 1 of .*0a\.parquet \(row 201 of"):
        mf.fit(model(), mf.data.parquet(tmp_path, "y"), batch_size=SIZE, steps=50)
    assert no_thread_left()


def test_the_thread_ends_with_an_interrupted_or_broken_fit() -> None:
    stream = mf.data.arrays(*rows())

    def interrupt(step: int, _: mf.Posterior) -> None:
        assert not no_thread_left()
        raise KeyboardInterrupt

    def fail(step: int, _: mf.Posterior) -> None:
        raise RuntimeError("a callback's own")

    found = mf.fit(model(), stream, batch_size=SIZE, callbacks=[interrupt])
    assert found.result == mf.Result.interrupted
    assert np.isfinite(found.diagnostics.elbo)
    assert no_thread_left()
    with pytest.raises(RuntimeError, match="a callback's own"):
        mf.fit(model(), stream, batch_size=SIZE, callbacks=[fail])
    assert no_thread_left()
    wild = mf.ADVI(optimizer=optax.sgd(1e30))
    with pytest.raises(mf.NonFiniteError) as raised:
        mf.fit(model(), stream, batch_size=SIZE, steps=5_000, method=wild)
    assert raised.value.step < 5
    assert no_thread_left()


@pytest.mark.slow
def test_a_checkpoint_goes_on_within_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = rows()
    look_in_always(monkeypatch)

    def fit(offset: float = 0.0, **options: Any) -> mf.Posterior:
        stream = mf.data.arrays(X + offset, y)
        return mf.fit(model(), stream, batch_size=64, steps=1_500, progress=False, **options)

    def stop(step: int, posterior: mf.Posterior) -> None:
        if step >= 600:
            raise ConnectionError

    keep = mf.Checkpoint(tmp_path, every=250)
    with pytest.raises(ConnectionError):
        fit(checkpoint=keep, callbacks=[stop])
    whole, resumed = fit(), fit(checkpoint=keep)
    np.testing.assert_array_equal(resumed.elbo, whole.elbo)
    assert same_bytes(state_of(resumed), state_of(whole))
    with pytest.raises(ValueError, match="its data is another"):
        fit(1.0, checkpoint=keep)
