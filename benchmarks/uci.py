"""The regression sets of the Bayesian deep-learning literature, in its splits, with nothing tuned.

One hidden layer of 50 units (100 for protein). What each system answered about a split is a line of
benchmarks/results/uci/SYSTEM.jsonl, so that a run that was stopped goes on. Two processes of one
thread each share the work.
"""

import json
import multiprocessing
import os
import time
import warnings
from pathlib import Path
from typing import Any

import environment

SETS = ("boston", "concrete", "energy", "kin8nm", "naval", "power", "protein", "wine", "yacht")
SYSTEMS = ("default", "mean_field", "ivon", "ensemble", "laplace", "map", "nuts")
SMALL = ("boston", "energy", "yacht")  # where NUTS is run
IN_GAPS = ("default", "ensemble", "map")
CACHE = environment.RESULTS / "uci"
PROCESSES = 2
GAP_LIMIT = 16  # features, at most

Task = tuple[str, str, str, int]  # system, set, "split" or "gap", number


def main() -> None:
    parser = environment.resumable(__doc__)
    parser.add_argument("--systems", nargs="*", default=("default",), choices=SYSTEMS)
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--splits", type=int, default=20, help="the first so many")
    parser.add_argument("--gaps", action="store_true", help="also the gap splits")
    args = parser.parse_args()
    environment.enter(args.here)
    import uci_report

    data = environment.data_folder("uci")
    if data is None:
        return
    if args.fresh:
        for system in args.systems:
            (CACHE / f"{system}.jsonl").unlink(missing_ok=True)
    if not args.only_report:
        environment.warn_if_busy()
        run(tasks(args, data), data)
    rows = [row for system in SYSTEMS for row in answered(system)]
    report = uci_report.report(rows)
    for line in report["lines"]:
        print(line)
    environment.write("uci", report)


def answered(system: str) -> list[dict[str, Any]]:
    path = CACHE / f"{system}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tasks(args: Any, data: Path) -> list[Task]:
    """What has not been answered, splits of one set one after the other: they share programs."""
    import numpy as np

    found = []
    for system in args.systems:
        known = {(row["set"], row["kind"], row["number"]) for row in answered(system)}
        for name in args.sets:
            if system == "nuts" and name not in SMALL:
                continue
            with np.load(data / f"{name}.npz") as table:
                splits, gaps = len(table["test_index"]), len(table["gap_test_mask"])
            numbers = [("split", i) for i in range(min(args.splits, splits))]
            if args.gaps and system in IN_GAPS:
                numbers += [("gap", i) for i in range(min(GAP_LIMIT, gaps))]
            missing = [(kind, i) for kind, i in numbers if (name, kind, i) not in known]
            found += [(system, name, kind, i) for kind, i in missing]
    return found


def run(wanted: list[Task], data: Path) -> None:
    """Answer them, each written as soon as it is there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    os.environ |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    begun = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        for done, row in enumerate(pool.imap_unordered(answer, [(*t, data) for t in wanted]), 1):
            with (CACHE / f"{row['system']}.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
            said = f"{row['system']} {row['set']} {row['kind']} {row['number']}"
            scores = f"RMSE {row['rmse']:.4g}, log-likelihood {row['log_likelihood']:.3f}"
            print(f"{done}/{len(wanted)} {said}: {scores}, {row['seconds']:.1f} s", flush=True)
    print(f"{len(wanted)} fits in {(time.perf_counter() - begun) / 60:.1f} minutes")


def answer(task: tuple[str, str, str, int, Path]) -> dict[str, Any]:
    """Fit to the rows that are not held out, and score those that are."""
    import numpy as np

    import moonfield as mf

    system, name, kind, number, data = task
    with np.load(data / f"{name}.npz") as table:
        X, y = table["X"], table["y"]
        held_out = table["gap_test_mask"][number] if kind == "gap" else None
        if held_out is None:
            held_out = np.zeros(len(y), bool)
            held_out[table["test_index"][number]] = True
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hidden = (100,) if name == "protein" else (50,)
        model = mf.BayesianMLPRegressor(hidden, random_state=number, **options(system))
        model.fit(X[~held_out], y[~held_out])
        fitted = time.perf_counter() - begun
        found = model.predict_distribution(X[held_out])
        log_likelihood = found.log_prob(y[held_out])
    low, high = found.interval(0.9).T
    diagnostics = model.posterior_.diagnostics
    return {
        "system": system, "set": name, "kind": kind, "number": number,
        "rmse": float(np.sqrt(np.mean((found.mean - y[held_out]) ** 2))),
        "log_likelihood": float(np.mean(log_likelihood)),
        "coverage": float(np.mean((low <= y[held_out]) & (y[held_out] <= high))),
        "fit_seconds": fitted, "seconds": time.perf_counter() - begun,
        "method": diagnostics.method, "result": diagnostics.result.name,
        "steps": diagnostics.steps,
    }  # fmt: skip


def options(system: str) -> dict[str, Any]:
    """Arguments of the estimator; the default has none."""
    import moonfield as mf

    if system == "default":
        return {}
    if system == "ensemble":
        return {"method": mf.Ensemble(5, mf.IVON(hessian_init=1_000.0, tolerance=0.01))}
    if system == "ivon":
        return {"method": mf.IVON(hessian_init=1_000.0, tolerance=0.01)}
    return {"method": "advi" if system == "mean_field" else system}


if __name__ == "__main__":
    main()
