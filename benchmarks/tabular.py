"""Moonfield's estimators, with nothing set, beside scikit-learn's and sklearn-contrib-bde.

Sets of scikit-learn in 5 folds and, where MOONFIELD_DATA (default ../shared/data) has them, those
of UCI in their first 5 splits. What each system answered about the rows that a fold holds out is
kept in benchmarks/results/tabular/SYSTEM/SET/FOLD.npz, so that a run that was stopped goes on.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import environment

OURS = ("moonfield", "conformal")
PEERS = ("mlp", "forest", "boosting", "gp", "bde")
EXTRA = ("bde_defaults",)  # only when asked for
THEIRS = ("bde", "bde_defaults")
BDE = environment.ROOT / ".venv-bde" / "bin" / "python"
CACHE = environment.RESULTS / "tabular"
LIMIT_SECONDS = 1_800  # of one system on one set


def main() -> None:
    parser = environment.parser(__doc__)
    parser.add_argument("--sets", nargs="*", help="only these (uci/NAME for one of UCI)")
    parser.add_argument(
        "--systems", nargs="*", default=(*OURS, *PEERS), choices=OURS + PEERS + EXTRA
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--bde-python", type=Path, default=BDE, help="has sklearn-contrib-bde")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs answered")
    parser.add_argument("--only-report", action="store_true", help="fit nothing")
    args = parser.parse_args()
    environment.enter(args.here)
    import tabular_report
    import tabular_sets

    data = Path(os.environ.get("MOONFIELD_DATA", "../shared/data"))
    names = args.sets or tabular_sets.names(data)
    tables = {name: tabular_sets.load(name, args.folds, data) for name in names}
    if args.fresh:
        for system in args.systems:
            shutil.rmtree(CACHE / system, ignore_errors=True)
    if not args.only_report:
        environment.warn_if_busy()
        for name, table in tables.items():
            for system in args.systems:
                if wanted(system, name, table.task):
                    run(system, name, table, args.bde_python)
    report = tabular_report.report(tables, args.systems, CACHE)
    for line in report["lines"]:
        print(line)
    environment.write("tabular", report)


def wanted(system: str, name: str, task: str) -> bool:
    """Peers answer about the sets of scikit-learn; conformal intervals are of numbers."""
    if system == "conformal":
        return task == "numbers"
    return system == "moonfield" or not name.startswith("uci/")


def _forget_other_rows(rows: Path, table: Any, name: str) -> None:
    """Drop answers to another split of this set."""
    import numpy as np

    if not rows.exists():
        return
    with np.load(rows, allow_pickle=False) as kept:
        same = np.array_equal(kept["held_out"], table.held_out)
    if not same:
        for folder in CACHE.glob(f"*/{name}"):
            shutil.rmtree(folder)


def run(system: str, name: str, table: Any, bde_python: Path) -> None:
    """All folds that are not in the cache, in one process."""
    folder, rows = CACHE / system / name, CACHE / "rows" / f"{name}.npz"
    _forget_other_rows(rows, table, name)
    missing = [str(i) for i in range(len(table.held_out)) if not (folder / f"{i}.npz").exists()]
    if not missing:
        return
    python = bde_python if system in THEIRS else Path(sys.executable)
    if not python.exists():
        print(f"{name}, {system}: skipped, {python} is not there (make tabular makes it)")
        return
    rows.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    import numpy as np

    np.savez(rows, **table._asdict())
    script, variant = script_of(system)
    command = [str(python), str(environment.BENCHMARKS / "systems" / script), variant, str(rows)]
    print(f"{name}, {system}: folds {' '.join(missing)}", flush=True)
    variables = environment.variables()
    if python == bde_python:
        variables.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(
            [*command, str(folder), *missing], env=variables, capture_output=True, check=False,
            timeout=LIMIT_SECONDS, text=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        print(f"  more than {LIMIT_SECONDS} s: what is missing is left out")
        return
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        print(f"  ended with code {done.returncode}: {said[-1][:200]}")


def script_of(system: str) -> tuple[str, str]:
    if system in (*OURS, "deep_ensemble"):
        return "tabular_moonfield.py", system
    if system in THEIRS:
        return "tabular_bde.py", "defaults" if system == "bde_defaults" else "documented"
    return "tabular_sklearn.py", system


if __name__ == "__main__":
    main()
