"""Checkpoints that are damaged, forged or cannot be written: the one before, or a clear warning."""

import errno
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moonfield as mf
from moonfield.io import file_bytes, read_file
from moonfield.posterior import keeper
from tests.helpers import linear_model, regression_rows
from tests.mutations import cuts, damaged, hostile_contents, hostile_headers

from .fits import look_in_always
from .interruptions import Died, die_at, every_chunk, everything, steps_kept

STEPS = 1_000
BAD = "cannot be read or is damaged; the fit"


@pytest.fixture(autouse=True)
def looks_in_always(monkeypatch: pytest.MonkeyPatch) -> None:
    look_in_always(monkeypatch)


def fit(**options: Any) -> mf.Posterior:
    (X, y), model = regression_rows(20, 2), linear_model(2, mf.likelihoods.Normal(0.5))
    given = {"method": "advi", "steps": STEPS, "seed": 1, "progress": False}
    return mf.fit(model, X, y, **{**given, **options})


@pytest.fixture(scope="module")
def whole() -> Any:
    return everything(fit())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a fit that died after 750 steps, with three checkpoints."""
    with pytest.raises(Died):
        fit(checkpoint=every_chunk(tmp_path), callbacks=[die_at(750)])
    assert steps_kept(tmp_path) == [750, 500, 250]
    return tmp_path


def newest(folder: Path) -> Path:
    return max(folder.glob("checkpoint-*"))


def test_a_damaged_one_is_left_out_and_then_removed(folder: Path, whole: Any) -> None:
    torn = newest(folder)
    torn.write_bytes(torn.read_bytes()[:-7])
    with pytest.warns(mf.MoonfieldWarning, match=rf"{torn.name} in .* {BAD} goes on from 500"):
        found = fit(checkpoint=every_chunk(folder, keep=1))
    assert everything(found) == whole
    assert steps_kept(folder) == [1_000]


def test_where_all_are_damaged_the_fit_begins_anew(folder: Path, whole: Any) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.warns(mf.MoonfieldWarning, match=f"{BAD} begins anew"):
        assert everything(fit(checkpoint=every_chunk(folder))) == whole
    assert steps_kept(folder) == [1_000, 800, 750]


def begun_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[int, int]]:
    """What looks for a checkpoint in a folder, without running on: its step, and warnings."""
    seen: list[Any] = []

    def stop(self: keeper.Keeper, driver: Any, controller: Any) -> None:
        seen.extend([self._fingerprint, driver, controller])
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(keeper.Keeper, "resume", stop)
        with pytest.raises(Died):
            fit(checkpoint=every_chunk(folder))
    fingerprint, driver, controller = seen

    def look() -> tuple[int, int]:
        driver._done = (0, None)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            keeper.Keeper(every_chunk(folder), fingerprint).resume(driver, controller)
        return driver._done[0], len(said)

    return look


def test_no_damage_stops_a_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on from the checkpoint before, with a warning."""
    torn, look = newest(folder), begun_fit(folder, monkeypatch)
    good, rng = torn.read_bytes(), np.random.default_rng(0)
    assert look() == (750, 0)
    for _ in range(200):
        torn.write_bytes(damaged(good, rng))
        assert look() == (500, 1)


@pytest.mark.slow
def test_no_forgery_stops_a_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents with a valid checksum may be another state of the same fit."""
    torn, look = newest(folder), begun_fit(folder, monkeypatch)
    good, rng = torn.read_bytes(), np.random.default_rng(0)
    forged = [data for _, data in hostile_contents(read_file(torn), 120, rng)]
    for data in cuts(good):
        torn.write_bytes(data)
        assert look() == (500, 1)
    headers = list(hostile_headers(good))[::6]
    for files, valid in ((headers, 3), (forged, 30)):  # one header only has spaces behind it
        found = []
        for data in files:
            torn.write_bytes(data)
            found.append(look())
        assert set(found) <= {(500, 1), (750, 0)}
        assert found.count((750, 0)) <= valid


def test_one_of_another_fit_is_left_alone(folder: Path, whole: Any, tmp_path: Path) -> None:
    fit(checkpoint=every_chunk(tmp_path / "other"), seed=2)
    theirs = newest(tmp_path / "other")
    shutil.copy(theirs, folder)
    with pytest.warns(mf.MoonfieldWarning, match="another fit: its seed is 2, here 1. They are"):
        assert everything(fit(checkpoint=every_chunk(folder))) == whole
    assert (folder / theirs.name).exists()


def test_one_of_another_fit_under_our_name_is_left_out(
    folder: Path, whole: Any, tmp_path: Path
) -> None:
    fit(checkpoint=every_chunk(tmp_path / "other"), seed=2)
    shutil.copy(newest(tmp_path / "other"), newest(folder))
    with pytest.warns(mf.MoonfieldWarning, match=f"{BAD} goes on from 500 steps"):
        assert everything(fit(checkpoint=every_chunk(folder))) == whole


def test_another_version_of_a_library_makes_another_fit(folder: Path) -> None:
    for path in folder.iterdir():
        document = read_file(path)
        content = json.loads(json.dumps(document.content))
        content["fingerprint"]["version of jax"] = "0.0.1"
        renamed = path.with_name(path.name.replace(path.name[11:19], "0" * 8))
        renamed.write_bytes(file_bytes(content, document.tensors))
        path.unlink()
    with pytest.raises(ValueError, match=r"its version of jax is '0.0.1', here '\d"):
        fit(checkpoint=folder)


def refuses(times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A disk that is full for the first so many writes."""
    tried: list[int] = []
    write: Callable = keeper.write_checkpoint

    def full(path: Path, content: Any) -> None:
        tried.append(content.facts["step"])
        if len(tried) <= times:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(keeper, "write_checkpoint", full)
    return tried


def test_a_full_disk_is_said_once_and_tried_again(
    tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = refuses(2, monkeypatch)
    with pytest.warns(mf.MoonfieldWarning) as said:
        assert everything(fit(checkpoint=every_chunk(tmp_path))) == whole
    assert len(said) == 1
    assert "No space left on device). The fit goes on without, and tries" in str(said[0].message)
    assert tried == [250, 500, 750, 800, 1_000]
    assert steps_kept(tmp_path) == [1_000, 800, 750]


def test_a_disk_that_stays_full_leaves_the_result(
    tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses(100, monkeypatch)
    with pytest.warns(mf.MoonfieldWarning, match="No checkpoint could be written"):
        assert everything(fit(checkpoint=every_chunk(tmp_path))) == whole
    assert steps_kept(tmp_path) == []


def test_a_folder_that_is_removed_meanwhile_is_made_again(tmp_path: Path, whole: Any) -> None:
    def remove(step: int, posterior: mf.Posterior) -> None:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)

    assert everything(fit(checkpoint=every_chunk(tmp_path / "run"), callbacks=[remove])) == whole
    assert steps_kept(tmp_path / "run") == [1_000]


def test_what_files_do_not_keep_is_said_before_the_first_step(tmp_path: Path) -> None:
    import jax.numpy as jnp
    import optax

    def init(params: Any) -> Any:
        return jnp.zeros(3, jnp.int8)

    optimizer = optax.GradientTransformation(init, lambda updates, state, _: (updates, state))
    with pytest.raises(TypeError, match=r"carry\.\d has type int8; a file keeps"):
        fit(method=mf.ADVI(optimizer=optimizer), checkpoint=tmp_path)


def test_leftovers_of_killed_processes_are_removed(folder: Path) -> None:
    left = folder / ".checkpoint-00000000-000000000100.mf.0123456789ab.part"
    left.write_bytes(b"half")
    other = folder / ".mine.part"
    other.write_bytes(b"")
    fit(checkpoint=folder)
    assert not left.exists()
    assert other.exists()
