"""Measures fit, predict and report of the command line on a table of 1,000,000 rows."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import environment

ROWS = 1_000_000
COLUMNS = 20
BOUND = 1_500.0  # megabytes, of each command
UNIT = 1e-6 * (1 if sys.platform == "darwin" else 1024)  # megabytes in what wait4 counts


def generate(path: Path) -> None:
    """20 features in single precision, five of which matter, and a target with noise of sd 0.3."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    f = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * np.abs(X[:, 3]) + 0.2 * X[:, 4]
    y = (f + 0.3 * rng.standard_normal(ROWS)).astype(np.float32)
    columns = {f"x{place}": X[:, place] for place in range(COLUMNS)}
    pyarrow.parquet.write_table(pa.table(columns | {"price": y}), path)


def run(*arguments: str | Path, cache: Path) -> dict[str, Any]:
    """One command in a process of its own: seconds, and its peak memory."""
    command = [sys.executable, "-m", "moonfield", *map(str, arguments)]
    variables = environment.variables() | {"XDG_CACHE_HOME": str(cache)}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=variables)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"moonfield {arguments[0]} failed; see above")
    return {
        "seconds": seconds,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * UNIT,
    }


def rmse(table: Path, predictions: Path) -> tuple[float, float]:
    """Root mean squared error of the means, and the share of targets inside the intervals."""
    import numpy as np
    import pyarrow.parquet

    y = pyarrow.parquet.read_table(table, columns=["price"])["price"].to_numpy()
    found = pyarrow.parquet.read_table(predictions)
    mean, low, high = (found[name].to_numpy() for name in ("mean", "low", "high"))
    return float(np.sqrt(np.mean((y - mean) ** 2))), float(np.mean((low <= y) & (y <= high)))


def main() -> None:
    args = environment.parser(__doc__).parse_args()
    environment.enter(args.here)
    environment.warn_if_busy()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, model, out = (folder / file for file in ("t.parquet", "m.mf", "p.parquet"))
        generate(table)
        page, cache = folder / "report.html", folder / "cache"
        print(f"{ROWS:,} rows, {COLUMNS} columns, {table.stat().st_size * 1e-6:.0f} MB")
        sys.stdout.flush()
        result = {
            "fit": run("fit", table, "--target", "price", "-o", model, cache=cache),
            "predict": run("predict", model, table, "-o", out, cache=cache),
        }
        error, inside = rmse(table, out)
        result["report"] = run("report", model, table, "-o", page, cache=cache)
    for command, found in result.items():
        verdict = "pass" if found["peak"] <= BOUND else "MISS"
        print(
            f"{command:8} {found['seconds']:6.1f} s, peak {found['peak']:5.0f} MB, at most "
            f"{BOUND:,.0f}: {verdict}"
        )
    print(f"rmse {error:.4f} (noise 0.3); {inside:.1%} of the targets in the 90% intervals")
    passed = all(found["peak"] <= BOUND for found in result.values())
    environment.write(
        "million", result | {"rmse": error, "inside": inside, "bound": BOUND, "passed": passed}
    )


if __name__ == "__main__":
    main()
