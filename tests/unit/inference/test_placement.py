"""Where arrays lie on several devices, looked at on one."""

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from moonfield.data import Batch, dataset, full_batch, take
from moonfield.inference import devices as devices_module
from moonfield.inference.devices import as_devices, devices_for
from moonfield.inference.placement import Placement, axis_for
from moonfield.inference.supply import Shards
from moonfield.inference.svgd import SVGD
from tests.helpers import same_bytes


def test_what_needs_no_sums_is_split_first() -> None:
    assert axis_for(4, restarts=8, members=1, processes=1) == "restarts"
    assert axis_for(4, restarts=6, members=4, processes=1) == "rows"
    assert axis_for(4, restarts=1, members=8, processes=1) == "members"
    assert axis_for(4, restarts=1, members=6, processes=1) == "rows"
    assert axis_for(4, restarts=2, members=1, processes=1) == "rows"
    assert axis_for(4, restarts=8, members=8, processes=2) == "rows"


def test_rows_of_several_processes_are_found() -> None:
    counts, places = (5, 3, 6), 16
    shards = devices_module._shards(counts, places)
    found = np.asarray(jax.jit(Shards.find)(shards, np.arange(14)))
    truth = [p * places + row for p, count in enumerate(counts) for row in range(count)]
    assert found.tolist() == truth


def test_looking_up_rows_that_are_split_gives_the_rows() -> None:
    place = Placement(Mesh(np.array(jax.devices()[:1]), ("rows",)), "rows")
    rng = np.random.default_rng(0)
    inputs = {"x": rng.normal(size=(32, 3)), "seen": rng.random(32) < 0.5, "n": np.arange(32)}
    data = jax.tree.map(
        lambda a: a.astype("float32") if a.dtype == float else a,
        Batch(inputs, rng.normal(size=32), np.ones(32)),
    )
    rows, factors = rng.integers(0, 32, (4, 6)), rng.random((4, 6)).astype("float32")
    found = jax.jit(place.take)(place.rows(data, 0), rows, factors)
    truth = jax.jit(jax.vmap(take, (None, 0, 0)))(data, rows, factors)
    assert same_bytes(found, truth)


@pytest.mark.parametrize(("parts", "least", "rows"), [(1, 0, 48), (5, 0, 50), (4, 60, 64)])
def test_rows_are_padded_to_equal_parts(parts: int, least: int, rows: int) -> None:
    data = dataset(np.ones((33, 2)), np.ones(33), ())
    batch = full_batch(data, parts, least)
    assert batch.weights.shape == (rows,)
    assert batch.weights.sum() == 33


def test_rows_that_are_not_exchangeable_cannot_be_split() -> None:
    device: Any = SimpleNamespace(process_index=0)
    with pytest.raises(ValueError, match="rows are not exchangeable: use one device"):
        devices_for([device, device], (10,), SVGD(), exchangeable=False, restarts=1)


def test_devices_of_other_processes_come_in_equal_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def device(number: int, process: int) -> Any:
        return SimpleNamespace(id=number, process_index=process)

    first, second, third = device(0, 0), device(1, 1), device(2, 1)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    for unequal in ([first, second, third], [second]):
        monkeypatch.setattr(jax, "devices", lambda unequal=unequal: unequal)
        with pytest.raises(ValueError, match="as many of each of 2 processes"):
            as_devices("all")
    monkeypatch.setattr(jax, "devices", lambda: [second, first])
    assert as_devices("all") == [first, second]
