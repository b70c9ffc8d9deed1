"""What the moons benchmark promises: each ratio, its bound, and the tables that are printed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

Results = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Ratio:
    """One measured figure and the most that it may be."""

    name: str
    value: float
    bound: float
    goal: float | None = None
    percent: bool = False

    @property
    def passed(self) -> bool:
        return self.value <= self.bound

    def row(self) -> tuple[str, ...]:
        show = "{:.1%}".format if self.percent else _number
        goal = f" (goal {show(self.goal)})" if self.goal is not None else ""
        verdict = "pass" if self.passed else "MISS"
        return (self.name, show(self.value), f"<= {show(self.bound)}{goal}", verdict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"passed": self.passed}


BOUNDS = (  # task, system, and the most that Moonfield's time may be of that system's
    ("full", "pymc", 1 / 15),
    ("full", "numpyro", 1 / 5),
    ("full", "floor", 4.0),
    ("minibatch", "pymc", 1 / 25),
    ("minibatch", "numpyro", 1 / 20),
    ("first", "pymc", 1 / 3),
    ("first", "numpyro", 1 / 3),
    ("predict", "pymc", 1 / 3),
)
TITLES = {
    "full": "full batch, 30,000 steps",
    "minibatch": "minibatch, 40,000 steps of 50 rows",
    "first": "first fit, compiling included",
    "predict": "prediction, 500 draws of 10,000 rows",
}
NAMES = {
    "moonfield": "Moonfield",
    "pymc": "PyMC",
    "numpyro": "NumPyro",
    "floor": "C",
}


def ratios(results: Results) -> list[Ratio]:
    """Every ratio whose two systems were measured."""
    ours = results.get("moonfield")
    if not ours:
        return []
    found = []
    for task, system, bound in BOUNDS:
        theirs = results.get(system, {}).get(task)
        if theirs:
            name = f"{TITLES[task]}: Moonfield / {NAMES[system]}"
            goal = 2.5 if system == "floor" else None
            found.append(Ratio(name, ours[task]["median"] / theirs["median"], bound, goal))
    overhead = ours["progress"]["overhead"]
    found.append(Ratio("progress bar: added to a full-batch fit", overhead, 0.05, percent=True))
    again = ours["compilations"]["second"]
    found.append(Ratio("compilations in a second fit", float(again), 0.0))
    return found


def timings(results: Results) -> str:
    """Seconds of every system, and the ELBO that its full-batch fit reached."""
    head = ("seconds", "first fit", "full batch", "minibatch", "predict", "ELBO")
    body = []
    for system, tasks in results.items():
        seconds = [_seconds(tasks, task) for task in ("first", "full", "minibatch", "predict")]
        elbo = f"{tasks['full']['elbo']:.1f}" if "full" in tasks else "-"
        body.append((NAMES[system], *seconds, elbo))
    return table([head, *body])


def remarks(results: Results) -> Iterator[str]:
    """What stands beside the table."""
    for system, tasks in results.items():
        for task in ("full", "minibatch"):
            if "one_step" in tasks.get(task, {}):
                one, first = tasks[task]["one_step"], tasks[task]["first"]
                yield (
                    f"{NAMES[system]}, {TITLES[task]}: {one:.3f} s of each fit are building and "
                    "compiling anew (a fit of one step); the first in its process took "
                    f"{first:.2f} s"
                )
    pymc, numpyro = results.get("pymc", {}), results.get("numpyro", {})
    if pymc and not pymc["full"]["pytensor"]["cxx"]:
        yield "PyTensor found no C++ compiler: PyMC ran uncompiled, and its times say nothing"
    if "cold" in pymc:
        yield f"PyMC's very first process, before these: {pymc['cold']['first']:.2f} s to fit"
    if "predict" in pymc:
        compiled, slow = pymc["predict"]["compile"], pymc["predict"]["slow"]
        yield (
            f"PyMC's sample_node function takes {compiled:.2f} s to compile; the classic path "
            "(set data, sample, posterior predictive) takes "
            f"{slow['median']:.2f} s, the first time {slow['first']:.2f} s"
        )
    if "predict" in numpyro:
        yield f"NumPyro's Predictive inside jax.jit: {numpyro['predict']['jit']['median']:.3f} s"
    if "progress" in numpyro:
        yield f"NumPyro, full batch, with its progress bar: {numpyro['progress']['first']:.1f} s"


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns of equal width: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def _seconds(tasks: dict[str, Any], task: str) -> str:
    return f"{tasks[task]['median']:.3f}" if task in tasks else "-"


def _number(value: float) -> str:
    if 0 < value < 1:
        return f"1/{1 / value:.3g}"
    return f"{value:.3g}"
