"""Measures the memory of predicting 1,000,000 rows with 500 draws, over arrays in and out."""

import tempfile
from pathlib import Path

import environment

BOUND = 400.0  # megabytes


def main() -> None:
    args = environment.parser(__doc__).parse_args()
    environment.enter(args.here)
    import dataset

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "moons.npz"
        dataset.save(data, splits=1)
        result = environment.measure("moonfield_memory.py", "memory", data)
    passed = result["growth"] <= BOUND
    print(f"{result['rows']:,} rows x {result['draws']} draws: {result['seconds']:.1f} s")
    print(f"arrays: {result['inputs']:.0f} MB in, {result['outputs']:.0f} MB out")
    print(f"resident before: {result['before']:.0f} MB (peak {result['peak_before']:.0f} MB)")
    print(f"peak after: {result['peak_after']:.0f} MB")
    verdict = "pass" if passed else "MISS"
    print(f"growth over the arrays: {result['growth']:.0f} MB, at most {BOUND:.0f}: {verdict}")
    environment.write("memory", result | {"bound": BOUND, "passed": passed})


if __name__ == "__main__":
    main()
