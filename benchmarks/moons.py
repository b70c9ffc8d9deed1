"""Times the moons: Moonfield beside PyMC, NumPyro and a C program.

1,000 points, half of them to train on; network 2-5-5-1, tanh, no biases, N(0, 1) priors; mean-field
ADVI with Adam at 0.01. Each system runs in processes of its own, one after the other.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import environment

SYSTEMS = ("moonfield", "floor", "pymc", "numpyro")
PROCESSES = 3  # for the first fit, after one that is not counted


def main() -> None:
    args = arguments()
    environment.enter(args.here)
    import dataset
    import ratios

    environment.warn_if_busy()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "moons.npz"
        dataset.save(data, splits=1)
        results = {system: run(system, data, args) for system in args.systems}
    results = {system: tasks for system, tasks in results.items() if tasks}
    found = ratios.ratios(results)
    print("\n" + ratios.timings(results) + "\n")
    print("\n".join(ratios.remarks(results)) + "\n")
    if found:
        print(ratios.table([ratio.row() for ratio in found]))
    summary = {"results": results, "ratios": [ratio.as_json() for ratio in found]}
    environment.write("moons", summary)


def arguments() -> argparse.Namespace:
    parser = environment.parser(__doc__)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--repeats", type=int, default=5, help="later fits, for the medians")
    parser.add_argument(
        "--numpyro-progress", action="store_true", help="time NumPyro's progress bar too: minutes"
    )
    return parser.parse_args()


def run(system: str, data: Path, args: argparse.Namespace) -> dict[str, Any]:
    """All measurements of one system, by task."""
    if system == "floor":
        return floor(args.repeats)
    script = f"{system}_moons.py"

    def measure(task: str, **options: bool) -> Any:
        print(f"{system}: {task}", flush=True)
        return environment.measure(script, task, data, f"--repeats={args.repeats}", **options)

    cold = measure("first")
    firsts = [measure("first") for _ in range(PROCESSES)]
    results = {
        "cold": cold,
        "first": {
            "again": [one["first"] for one in firsts],
            "median": statistics.median(one["first"] for one in firsts),
            "process": statistics.median(one["process"] for one in firsts),
        },
    }
    for task in ("full", "minibatch", "predict"):
        results[task] = measure(task)
    if system == "moonfield":
        results["compilations"] = measure("compilations")
        results["progress"] = measure("progress", terminal=True)
        check_counters(results)
    if system == "numpyro" and args.numpyro_progress:
        results["progress"] = measure("progress", terminal=True)
    return results


def check_counters(results: dict[str, Any]) -> None:
    """A count of nothing must not come from counting wrongly."""
    if not results["compilations"]["first"]:
        raise SystemExit("JAX's log named no compilation in a first fit: the count is broken")
    if not results["progress"]["terminal_bytes"]:
        raise SystemExit("no progress bar was drawn in the terminal: its cost was not measured")


def floor(repeats: int) -> dict[str, Any]:
    import dataset
    from floor import measure

    print("floor: full", flush=True)
    result = measure(dataset.split(0), steps=30_000, repeats=repeats)
    if result is None:
        print("floor: no C compiler, left out")
        return {}
    return {"full": result}


if __name__ == "__main__":
    main()
