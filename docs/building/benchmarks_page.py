"""The tables of the benchmarks page, from what the benchmarks left in `benchmarks/results`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .results import about, result


def write(folder: Path) -> None:
    """`benchmarks.md`: a section for each benchmark, measured or not."""
    parts = [_section(*section) for section in SECTIONS]
    (folder / "benchmarks.md").write_text("\n".join(parts), encoding="utf-8")


def _section(title: str, command: str, words: str, render: Callable[[Any], list[str]]) -> str:
    found = result(f"{command}.json" if command != "bench" else "moons.json")
    lines = [f"## {title}", "", words, ""]
    if found is None:
        lines += [f"Not measured in this build: `make {command}` writes the figures."]
    else:
        lines += [*render(found), "", about(found)]
    return "\n".join(lines) + "\n"


def _table(head: list[str], rows: list[list[str]], left: int = 1) -> list[str]:
    rule = ["---"] * left + ["--:"] * (len(head) - left)
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]


def _verdict(row: dict[str, Any]) -> str:
    return "held" if row["passed"] else "**missed**"


def _times(found: dict[str, Any]) -> list[str]:
    systems = {"moonfield": "Moonfield", "pymc": "PyMC", "numpyro": "NumPyro", "floor": "C"}
    jobs = {
        "full": "30,000 steps on all rows, again",
        "minibatch": "40,000 steps of 50 rows, again",
        "first": "first fit, compiling included",
        "predict": "500 draws on a 100 x 100 grid",
    }
    rows = []
    for job, says in jobs.items():
        medians = [
            found["results"].get(system, {}).get(job, {}).get("median") for system in systems
        ]
        rows.append([says] + ["" if it is None else f"{it:.2f}" for it in medians])
    ratios = [
        [row["name"], f"{row['value']:.3f}", f"{row['bound']:.3f}", _verdict(row)]
        for row in found["ratios"]
    ]
    return [
        *_table(["median seconds", *systems.values()], rows), "",
        *_table(["ratio of times", "measured", "bound", ""], ratios),
    ]  # fmt: skip


def _verdicts(found: dict[str, Any]) -> list[str]:
    said = [it if isinstance(it, str) else it["text"] for it in found["verdicts"]]
    passed = ["" if isinstance(it, str) else f": {_verdict(it)}" for it in found["verdicts"]]
    return [f"- {text}{verdict}" for text, verdict in zip(said, passed, strict=True)]


def _lines(found: dict[str, Any]) -> list[str]:
    return ["```text", *found["lines"], "```"]


def _methods(found: dict[str, Any]) -> list[str]:
    return ["See [Choosing a method](learn/methods.md)."]


def _million(found: dict[str, Any]) -> list[str]:
    rows = [
        [f"`moonfield {job}`", f"{found[job]['seconds']:.0f}", f"{found[job]['peak']:,.0f}"]
        for job in ("fit", "predict", "report")
    ]
    return _table(["1,000,000 rows", "seconds", "peak memory, MB"], rows)


def _memory(found: dict[str, Any]) -> list[str]:
    rows = [[f"{found['rows']:,}", f"{found['draws']:,}", f"{found['growth']:,.0f}",
             f"{found['bound']:,.0f}", f"{found['seconds']:.0f}"]]  # fmt: skip
    return _table(["rows", "draws", "growth of memory, MB", "bound, MB", "seconds"], rows, left=0)


SECTIONS = (
    (
        "Time beside PyMC, NumPyro and C",
        "bench",
        "The moons, a 2-5-5-1 network, mean-field, one draw a step, Adam. Each system has "
        "processes of its own, one after the other. A ratio below 1 says that Moonfield is faster.",
        _times,
    ),
    (
        "What the fits are worth",
        "quality",
        "The same job on 20 random splits: differences of the ELBO and of the test log score.",
        _verdicts,
    ),
    (
        "Every method on the moons",
        "methods",
        "Time, ELBO, test score, and the distance of the predicted probabilities from those of "
        "NUTS.",
        _methods,
    ),
    (
        "Reference posteriors",
        "posteriordb",
        "Eleven posteriors of posteriordb, whose means and sds are known: errors in units of the "
        "posterior sd, whether bad fits were warned of, and times beside PyMC's.",
        _verdicts,
    ),
    (
        "Tables",
        "tabular",
        "The estimators beside scikit-learn's and sklearn-contrib-bde.",
        _lines,
    ),
    ("A million rows", "million", "The command line, end to end.", _million),
    ("Memory of a prediction", "memory", "It is constant in rows and in draws.", _memory),
)
