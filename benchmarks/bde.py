"""Airfoil and bike: the regressor's default beside sklearn-contrib-bde and a deep ensemble.

One split, 80 to 20, and 5 seeds of each system; figures are in units of the standardised target.
What each answered is kept beside that of `tabular.py`, so that a run that was stopped goes on.
"""

import shutil
from pathlib import Path
from typing import Any

import environment
import tabular

SETS = ("airfoil", "bike")
SYSTEMS = ("moonfield", "deep_ensemble", "bde")
SEEDS = 5
TEST_SHARE = 0.2
TIME_SHARE = 0.1  # of bde's time, at most


def main() -> None:
    parser = environment.resumable(__doc__)
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--systems", nargs="*", default=SYSTEMS, choices=SYSTEMS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--bde-python", type=Path, default=tabular.BDE)
    args = parser.parse_args()
    environment.enter(args.here)

    data = environment.data_folder("uci")
    if data is None:
        return
    tables = {f"one_split/{name}": table(data / f"{name}.npz", args.seeds) for name in args.sets}
    if not args.only_report:
        environment.warn_if_busy()
        for name, rows in tables.items():
            for system in args.systems:
                if args.fresh:
                    shutil.rmtree(tabular.CACHE / system / name, ignore_errors=True)
                tabular.run(system, name, rows, args.bde_python)
    report = described(tables, args.systems)
    for line in report["lines"]:
        print(line)
    environment.write("bde", report)


def table(path: Path, seeds: int) -> Any:
    """The same rows held out for each seed."""
    import numpy as np
    from tabular_sets import Table

    with np.load(path) as found:
        X, y = found["X"], found["y"]
    order = np.random.default_rng(0).permutation(len(y))
    held_out = np.zeros(len(y), bool)
    held_out[order[: round(TEST_SHARE * len(y))]] = True
    return Table("numbers", X, y, np.tile(held_out, (seeds, 1)))


def described(tables: Any, systems: Any) -> dict[str, Any]:
    """Means over seeds, with standard errors, and whether the bounds hold."""
    import numpy as np

    lines, rows = [], []
    for name, rows_of in tables.items():
        held_out = rows_of.held_out[0]
        y, scale = rows_of.y[held_out], rows_of.y[~held_out].std()
        found = {}
        for system in systems:
            folder = tabular.CACHE / system / name
            paths = [folder / f"{i}.npz" for i in range(len(rows_of.held_out))]
            answers = [dict(np.load(path)) for path in paths if path.exists()]
            if not answers:
                continue
            scores = {
                "rmse": [np.sqrt(np.mean((a["mean"] - y) ** 2)) / scale for a in answers],
                "nll": [-np.mean(a["log_density"]) - np.log(scale) for a in answers],
                "coverage": [np.mean((a["lower"] <= y) & (y <= a["upper"])) for a in answers],
                "seconds": [float(a["seconds"]) for a in answers],
            }
            found[system] = {key: float(np.mean(values)) for key, values in scores.items()}
            several = len(answers) > 1
            errors = {
                k: float(np.std(v, ddof=1) / len(v) ** 0.5) if several else float("nan")
                for k, v in scores.items()
            }
            rows.append({"set": name, "system": system, "seeds": len(answers), **scores})
            said = ", ".join(f"{k} {found[system][k]:.4f} ({errors[k]:.4f})" for k in scores)
            lines.append(f"{name:18} {system:14} {len(answers)} seeds: {said}")
        if {"moonfield", "bde"} <= found.keys():
            ours, theirs = found["moonfield"], found["bde"]
            good = ours["nll"] <= theirs["nll"]
            ratio = ours["seconds"] / theirs["seconds"]
            lines.append(
                f"{name:18} NLL not above bde's: {good}; time {ratio:.3f} of bde's "
                f"({TIME_SHARE:g} wanted): {ratio <= TIME_SHARE}"
            )
    return {"lines": lines, "table": rows}


if __name__ == "__main__":
    main()
