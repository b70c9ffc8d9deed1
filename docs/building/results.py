"""What `make bench` and its companions left in `benchmarks/results`, if they ran."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def result(name: str) -> dict[str, Any] | None:
    """The content of a file of results; None where the benchmark has not run."""
    path = RESULTS / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def about(found: dict[str, Any]) -> str:
    """One line: date, machine and versions."""
    machine, versions = found["machine"], found["versions"]
    named = ("python", "moonfield", "jax", "numpyro", "pymc")
    there = [name for name in named if versions.get(name, "not installed") != "not installed"]
    known = [f"{name} {versions[name]}" for name in there]
    return (
        f"*Measured {found['date'][:10]} on {machine['cores']} cores of {machine['cpu']}; "
        f"{', '.join(known)}.*"
    )
