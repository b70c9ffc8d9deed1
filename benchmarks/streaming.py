"""Measures fits of rows that are read while steps run, beside the same fits from memory."""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import environment

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
COLUMNS = 20
FILE_ROWS = 1_000_000
MEMORY = 1_000.0  # megabytes that the stream may have resident
THROUGHPUT = 0.7  # of the fit from memory


def generate(folder: Path, rows: int) -> None:
    """Files of at most 1,000,000 rows; five of 20 features matter, and noise has sd 0.3."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    folder.mkdir()
    for number, start in enumerate(range(0, rows, FILE_ROWS)):
        rng = np.random.default_rng(number)
        count = min(FILE_ROWS, rows - start)
        X = rng.standard_normal((count, COLUMNS), dtype=np.float32)
        f = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * np.abs(X[:, 3]) + 0.2 * X[:, 4]
        y = (f + 0.3 * rng.standard_normal(count)).astype(np.float32)
        columns = {f"x{place}": X[:, place] for place in range(COLUMNS)}
        path = folder / f"{number:02}.parquet"
        pyarrow.parquet.write_table(pa.table(columns | {"y": y}), path, row_group_size=65_536)


def line(rows: int, streamed: dict[str, Any], held: dict[str, Any]) -> str:
    """Milliseconds a step, median (least to most) of the fits, and resident memory."""

    def times(found: dict[str, Any]) -> str:
        each = found["milliseconds"]
        return f"{statistics.median(each):6.2f} ({min(each):.2f} to {max(each):.2f})"

    return (
        f"{rows:>11,}  {times(streamed):<24} {times(held):<24} {ratio(streamed, held):5.0%}"
        f" {streamed['peak']:8,.0f} {held['peak']:8,.0f}"
    )


def ratio(streamed: dict[str, Any], held: dict[str, Any]) -> float:
    """Throughput of the stream as a share of that from memory, of median times."""
    return statistics.median(held["milliseconds"]) / statistics.median(streamed["milliseconds"])


def verdict(passed: bool) -> str:
    return "pass" if passed else "MISS"


def draw(found: dict[int, dict[str, Any]], path: Path) -> None:
    """Milliseconds a step against rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.subplots()
    for name, marker in (("stream", "o"), ("memory", "s")):
        times = [found[rows][name]["milliseconds"] for rows in found]
        middle = [statistics.median(each) for each in times]
        spread = [
            [m - min(e) for m, e in zip(middle, times, strict=True)],
            [max(e) - m for m, e in zip(middle, times, strict=True)],
        ]
        axes.errorbar(list(found), middle, spread, marker=marker, capsize=3, label=f"from {name}")
    axes.set(xscale="log", xlabel="rows", ylabel="milliseconds a step", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = environment.parser(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows of each set")
    args = parser.parse_args()
    environment.enter(args.here)
    environment.warn_if_busy()
    found: dict[int, dict[str, Any]] = {}
    print(f"{'rows':>11}  {'ms, stream':<24} {'ms, memory':<24} share  MB peak (memory)")
    for rows in sorted(args.sizes):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "rows"
            generate(folder, rows)
            tasks = ("stream", "memory", "reading")
            found[rows] = {
                task: environment.measure("moonfield_streaming.py", task, folder) for task in tasks
            }
        print(line(rows, found[rows]["stream"], found[rows]["memory"]))
        sys.stdout.flush()
    last = found[max(found)]
    peak, share = last["stream"]["peak"], ratio(last["stream"], last["memory"])
    passed = peak <= MEMORY and share >= THROUGHPUT
    print(f"\nreading alone: {last['reading']['milliseconds'][0]:.2f} ms for the rows of a step")
    print(f"peak {peak:,.0f} MB, at most {MEMORY:,.0f}: {verdict(peak <= MEMORY)}")
    good = verdict(share >= THROUGHPUT)
    print(f"throughput {share:.0%} of that from memory, at least {THROUGHPUT:.0%}: {good}")
    least, most = (
        f(statistics.median(it["stream"]["milliseconds"]) for it in found.values())
        for f in (min, max)
    )
    print(f"time a step of the stream over {len(found)} sizes: {least:.2f} to {most:.2f} ms")
    environment.write("streaming", {"sizes": found, "share": share, "passed": passed})
    draw(found, environment.RESULTS / "streaming.png")


if __name__ == "__main__":
    main()
