"""Where the benchmarks run: their own environment, one process per system, and what machine it is.

Needs only the standard library, so that any Python can start a benchmark.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import pty
import subprocess
import sys
import tempfile
import termios
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent
ROOT = BENCHMARKS.parent
RESULTS = BENCHMARKS / "results"
ENVIRONMENT = ROOT / ".venv-bench"
REQUIREMENTS = ("--editable", ".[bench]", "pymc<6")
PACKAGES = (
    *("moonfield", "pymc", "pytensor", "numpyro", "jax", "jaxlib", "optax", "equinox"),
    *("numpy", "scikit-learn"),
)


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with what all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--here", action="store_true", help="use this Python instead of making .venv-bench"
    )
    return parser


def resumable(description: str | None) -> argparse.ArgumentParser:
    """The same for benchmarks that keep what has been answered."""
    found = parser(description)
    found.add_argument("--fresh", action="store_true", help="forget what earlier runs answered")
    found.add_argument("--only-report", action="store_true", help="fit nothing")
    return found


def data_folder(name: str) -> Path | None:
    """A folder of MOONFIELD_DATA (default ../shared/data); None, and why, where it is not there."""
    folder = Path(os.environ.get("MOONFIELD_DATA", "../shared/data")) / name
    if folder.is_dir():
        return folder
    print(f"Skipped: {folder} is not there; set MOONFIELD_DATA to where the data is")
    return None


def enter(here: bool = False) -> None:
    """Start this program again in `.venv-bench`, unless it already runs there."""
    if here or Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / ".installed-bench"  # the same that the Makefile keeps
    if not stamp.exists() or stamp.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        print(f"Installing Moonfield and its peers into {ENVIRONMENT.name}: some minutes, once")
        if not (ENVIRONMENT / ".created").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
            (ENVIRONMENT / ".created").touch()
        install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*install, *REQUIREMENTS], cwd=ROOT, check=True)
        stamp.touch()
    sys.stdout.flush()
    os.execv(python, [str(python), *sys.argv])


def variables(platform: str | None = "cpu") -> dict[str, str]:
    """The environment variables of every measured process.

    Everything runs on the CPU unless another platform is named (None: what JAX itself takes);
    PyTensor keeps its compiled C in `.venv-bench`; JAX keeps nothing on disk, because Moonfield's
    library does not ask it to.
    """
    left_out = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_X64", "XLA_FLAGS")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    if platform is not None:
        kept["JAX_PLATFORMS"] = platform
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        kept["PYTENSOR_FLAGS"] = f"base_compiledir={ENVIRONMENT / 'pytensor'}"
    return kept


def measure(
    script: str,
    task: str,
    data: Path,
    *options: str,
    terminal: bool = False,
    platform: str | None = "cpu",
) -> Any:
    """Run `systems/SCRIPT TASK DATA OUT` in a new process; what it wrote, as Python objects.

    With `terminal` its output goes to a pseudo-terminal, so that progress bars are drawn;
    `terminal_bytes` in the result says how much was.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        command = [sys.executable, str(BENCHMARKS / "systems" / script), task, str(data), str(out)]
        start = time.perf_counter()
        drawn = _run(command + list(options), terminal, variables(platform))
        wall = time.perf_counter() - start
        result = json.loads(out.read_text())
    return result | {"process": wall} | ({"terminal_bytes": drawn} if terminal else {})


def _run(command: list[str], terminal: bool, env: dict[str, str]) -> int:
    if terminal:
        output, code = _run_in_terminal(command, env)
    else:
        done = subprocess.run(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        output, code = done.stdout, done.returncode
    if code:
        sys.stderr.write(output.decode(errors="replace"))
        raise SystemExit(f"{' '.join(command[1:3])} ended with code {code}; its output is above")
    return len(output)


def _run_in_terminal(command: list[str], env: dict[str, str]) -> tuple[bytes, int]:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 100))  # no bar is drawn in a terminal without a width
    colours = env | {"TERM": "xterm-256color"}
    process = subprocess.Popen(command, env=colours, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = bytearray()
    try:
        while chunk := os.read(ours, 65536):
            output += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    return bytes(output), process.wait()


def warn_if_busy() -> None:
    """Times are worth little while something else runs."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"The load average is {load:.1f}: other work on this machine will disturb the times")


def about() -> dict[str, Any]:
    """Date, machine and versions."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": _cpu(),
            "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version()} | _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def write(name: str, result: dict[str, Any]) -> None:
    """Write `benchmarks/results/NAME.json` and say so."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(about() | result, indent=2) + "\n")
    print(f"\nWritten to {path.relative_to(ROOT)}")
