"""Two processes on this machine that fit together, each with rows of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICKLY = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def environment() -> dict[str, str]:
    """One device a process."""
    left = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    return {**left, **QUICKLY}


def start(what: str, folder: Path, *arguments: str) -> list[subprocess.Popen]:
    """Both processes; what they say is in files of the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    found = []
    for process in (0, 1):
        command = [sys.executable, "-u", "-m", "tests.integration.on_hosts", address]
        out, err = (folder / f"{process}.{kind}" for kind in ("out", "err"))
        with out.open("wb") as o, err.open("wb") as e:
            whole = [*command, str(process), what, *arguments]
            found.append(subprocess.Popen(whole, stdout=o, stderr=e, cwd=ROOT, env=environment()))
    return found


def ended(processes: list[subprocess.Popen], seconds: float) -> None:
    """Wait, and leave nothing behind."""
    until = time.monotonic() + seconds
    try:
        for process in processes:
            process.wait(max(0.1, until - time.monotonic()))
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_the_example_agrees_with_one_process(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", str(ROOT / "examples" / "two_hosts.sh"), str(tmp_path)],
        env={**environment(), "PYTHON": sys.executable},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = re.findall(
        r"first 200 steps agree to (\S+); final ELBO (\S+), of one process (\S+) \+- (\S+)",
        done.stdout,
    )
    assert len(lines) == 2, done.stdout
    for line in lines:
        apart, elbo, one, error = map(float, line)
        assert apart < 1e-4
        assert abs(elbo - one) < error
    assert "processes agree in every bit: True" in done.stdout


@pytest.mark.slow
def test_what_one_process_does_all_do(tmp_path: Path) -> None:
    processes = start("together", tmp_path)
    ended(processes, 400)
    assert [process.returncode for process in processes] == [0, 0], (
        tmp_path / "0.err"
    ).read_text() + (tmp_path / "1.err").read_text()
    said = []
    for process in (0, 1):
        lines = (tmp_path / f"{process}.out").read_text().splitlines()
        told = [json.loads(line) for line in lines if line.startswith("{")]
        said.append({line["name"]: line["said"] for line in told})
    first, second = said
    for name in ("options", "columns", "sampler", "program", "callback", "keyboard"):
        assert first[name] == second[name]
    assert "ValueError: The processes of this fit differ in steps, seed. " in first["options"]
    assert "differ in whether rows have weights" in first["columns"]
    assert "sampler looks at all rows" in first["sampler"]
    assert "A program cannot be fitted by several processes" in first["program"]
    assert first["rows"] == (
        "RuntimeError: Process 1 of this fit cannot begin; see its own message."
    )
    assert "ValueError: X has a value that is not finite" in second["rows"]
    assert first["failing callback"] == (
        "RuntimeError: A callback failed in process 1; see its own message."
    )
    assert second["failing callback"] == "ValueError: no disk"
    assert first["callback"].startswith("stopped_by_callback ")
    assert first["keyboard"].startswith("interrupted ")
    assert (first["alone"], second["alone"]) == ("201", "299")


@pytest.mark.kill
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_is_killed_ends_the_other_with_an_error(tmp_path: Path, victim: int) -> None:
    processes = start("forever", tmp_path)
    try:
        until = time.monotonic() + 300
        while time.monotonic() < until and not all(
            b"running" in (tmp_path / f"{process}.out").read_bytes() for process in (0, 1)
        ):
            assert [process.poll() for process in processes] == [None, None]
            time.sleep(0.1)
        processes[victim].send_signal(signal.SIGKILL)
        other = processes[1 - victim]
        code = other.wait(60)
        assert code != 0
        said = (tmp_path / f"{1 - victim}.err").read_text()
        print(said)
        assert "another process has ended or cannot be reached" in said
        assert "tart all of them again" in said
    finally:
        ended(processes, 0)


def said(folder: Path, what: str, *arguments: str) -> list[list[str]]:
    """Lines of both processes, which must end well."""
    processes = start(what, folder, *arguments)
    ended(processes, 400)
    errors = [(folder / f"{process}.err").read_text() for process in (0, 1)]
    assert [process.returncode for process in processes] == [0, 0], errors
    return [(folder / f"{process}.out").read_text().splitlines() for process in (0, 1)]


@pytest.mark.kill
def test_processes_go_on_from_their_checkpoints_to_the_same_bytes(tmp_path: Path) -> None:
    whole = said(tmp_path, "kept", str(tmp_path / "whole"))
    assert whole[0][-1] == whole[1][-1]
    assert whole[0][-1].startswith("steps_exhausted 3000 ")
    folder = tmp_path / "apart" / "0"
    processes = start("kept", tmp_path, str(folder))
    try:
        until = time.monotonic() + 300
        while time.monotonic() < until and len(list(folder.glob("checkpoint-*.mf"))) < 2:
            assert [process.poll() for process in processes] == [None, None]
            time.sleep(0.02)
        processes[1].send_signal(signal.SIGKILL)
        assert processes[0].wait(60) != 0
    finally:
        ended(processes, 0)
    resumed = said(tmp_path, "kept", str(folder))
    assert [lines[-1] for lines in resumed] == [lines[-1] for lines in whole]
    for lines in resumed:
        begun = next(line for line in lines if line.startswith("begins "))
        assert int(begun.removeprefix("begins ")) > 300

    processes = start("apart", tmp_path, str(tmp_path / "apart"))  # process 1 sees no checkpoints
    ended(processes, 300)
    for process in (0, 1):
        error = (tmp_path / f"{process}.err").read_text()
        assert "would go on from checkpoints after [3000, 0] steps" in error
