"""`kill -9` at any moment leaves the old output or the new one, and at most temporary files."""

import fnmatch
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import moonfield as mf
import moonfield.cli.app  # what a command begins with, which the processes below have at once

pytestmark = [
    pytest.mark.kill,
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals as POSIX has them"),
]

OLD = b"what was there before"
TEMPORARY = ".out.*.part"
MOMENTS = 10


def start(*arguments: str | Path) -> subprocess.Popen:
    """A command as users start it."""
    command = [sys.executable, "-m", "moonfield", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def work(arguments: list[str], cache: str, said: Path) -> None:
    """A command in a process that is there already; what it says goes to a file."""
    os.environ["XDG_CACHE_HOME"] = cache
    with said.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(moonfield.cli.main(arguments))


class Command:
    """A command in processes that are forked from one that has imported JAX and not used it.

    So moments are not spent on imports, in which nothing is written.
    """

    def __init__(self, folder: Path, *arguments: str | Path):
        self.arguments = list(map(str, arguments))
        self._said = folder / "said"
        self._cache = os.environ["XDG_CACHE_HOME"]
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])

    def start(self) -> BaseProcess:
        arguments = self.arguments, self._cache, self._said
        process = self._context.Process(target=work, args=arguments)
        process.start()
        return process

    def run(self) -> float:
        """Seconds of a run that nobody kills."""
        begin = time.perf_counter()
        process = self.start()
        process.join()
        assert process.exitcode == 0, self._said.read_text()
        return time.perf_counter() - begin

    def killed(self, due: Callable[[float], bool]) -> bool:
        """Run and kill when it is due; whether it was still running."""
        begin = time.perf_counter()
        process = self.start()
        while process.is_alive() and not due(time.perf_counter() - begin):
            time.sleep(0.0005)
        process.kill()
        process.join()
        return process.exitcode == -signal.SIGKILL


def temporary(folder: Path) -> list[Path]:
    """Files beside the output that only a command can have left."""
    return [p for p in folder.iterdir() if fnmatch.fnmatch(p.name, TEMPORARY)]


def moments(folder: Path, seconds: float) -> Iterator[tuple[str, Callable[[float], bool]]]:
    """When to kill: so many seconds after the start, or after a temporary file was first seen."""
    for share in np.linspace(0.2, 1.02, MOMENTS):
        yield f"{share:.2f} of the run", lambda ran, t=share * seconds: ran >= t
    for wait in (0.0, 0.0, 0.02, 0.1, 0.3, 0.6, 1.0, 1.5):
        seen: list[float] = []

        def due(ran: float, wait: float = wait, seen: list[float] = seen) -> bool:
            if not seen and temporary(folder):
                seen.append(ran)
            return bool(seen) and ran >= seen[0] + wait

        yield f"{wait} s after the first temporary file", due


def check(command: Command, out: Path, is_new: Callable[[bytes], bool]) -> None:
    """Kill at every moment; then a run that nobody kills clears up."""
    seconds = command.run()
    kept = {path.name for path in out.parent.iterdir()}
    assert is_new(out.read_bytes())
    found = []
    for name, due in moments(out.parent, seconds):
        for left in temporary(out.parent):
            left.unlink()
        out.write_bytes(OLD)
        was_killed = command.killed(due)
        content = out.read_bytes()
        assert content == OLD or is_new(content), name
        assert was_killed or content != OLD, name
        left = {path.name for path in temporary(out.parent)}
        assert {path.name for path in out.parent.iterdir()} == kept | left, name
        found.append((was_killed, content == OLD, bool(left)))
    assert sum(was_killed for was_killed, _, _ in found) >= MOMENTS // 2
    assert any(left for _, _, left in found)  # it was killed while it wrote
    process = start(*command.arguments)
    said = process.communicate()
    assert process.returncode == 0, said
    assert is_new(out.read_bytes())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled code is kept from run to run, away from the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def table(rows: int) -> pd.DataFrame:
    """One feature, and a target with some noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    return pd.DataFrame({"x": x, "y": x + 0.1 * rng.normal(size=rows)})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_predict_is_whole_or_not_there(tmp_path, suffix):
    folder = tmp_path / "out"
    folder.mkdir()
    data = table(400_000)
    data[["x"]].to_parquet(tmp_path / "new.parquet")
    model = mf.BayesianMLPClassifier((3,), draws=2, steps=50, random_state=0)
    model.fit(data[["x"]][:100], data["y"][:100] > 0.0).save(tmp_path / "m.mf")
    out = folder / f"out{suffix}"
    arguments = ("predict", tmp_path / "m.mf", tmp_path / "new.parquet", "-o", out, "--force")
    command = Command(tmp_path, *arguments)
    command.run()
    new = out.read_bytes()
    assert len(new) > 1_000_000
    check(command, out, lambda content: content == new)
    assert temporary(folder) == []


def test_fit_is_whole_or_not_there(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    table(200).to_csv(tmp_path / "train.csv", index=False)
    out = folder / "out.mf"
    copy = tmp_path / "copy.mf"

    def is_new(content: bytes) -> bool:
        copy.write_bytes(content)
        try:
            return mf.load(copy).posterior_.diagnostics.steps == 100
        except mf.FileFormatError:
            return False

    arguments = ("fit", tmp_path / "train.csv", "--target", "y", "-o", out, "--force")
    options = ("--method", "ivon", "--steps", "100", "--hidden", "300,300")
    command = Command(tmp_path, *arguments, *options)
    command.run()  # after which compiled code is kept
    check(command, out, is_new)


def test_ctrl_c_keeps_the_fit(tmp_path):
    table(2_000).to_csv(tmp_path / "train.csv", index=False)
    out = tmp_path / "out.mf"
    command = ("fit", tmp_path / "train.csv", "--target", "y", "-o", out, "--steps", "100000000")
    process = start(*command)
    assert process.stdout is not None
    assert b"2,000 rows" in process.stdout.readline()
    time.sleep(15.0)  # compiled, and running, on a slow machine too
    os.kill(process.pid, signal.SIGINT)
    said, wrong = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Interrupted from the keyboard" in said
    assert wrong == b"moonfield: interrupted\n"
    found = mf.load(out).posterior_.diagnostics
    assert found.result is mf.Result.interrupted
    assert 0 < found.steps < 100_000_000
