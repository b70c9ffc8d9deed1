"""Time and memory of a step against weights, rows and draws, beside Adam on a point and NumPyro."""

import json
import subprocess
import sys
from typing import Any

import environment

BOUND = 2.2  # times Adam's seconds a step, up to a million weights at 512 rows and more
IVON_TIME, IVON_MEMORY = 1.3, 2.0  # times Adam's, above a million weights
SYSTEMS = ("adam", "moonfield", "ivon", "numpyro")
WIDTHS = (22, 90, 306, 989, 3_151)  # about 10^3 to 10^7 weights
INPUTS = 20
CASES = (  # width, rows, draws
    *((width, 512, 1) for width in WIDTHS),
    *((306, rows, 1) for rows in (64, 2_048)),
    (306, 512, 4),
)


def weights(width: int) -> int:
    """Of a network 20-width-width-1 with biases."""
    return (INPUTS + 1) * width + (width + 1) * width + width + 1


def measured(system: str, case: tuple[int, int, int], seconds: float) -> dict[str, float]:
    """One system in a process of its own."""
    width, rows, draws = case
    job = {"system": system, "sizes": [INPUTS, width, width, 1], "rows": rows, "draws": draws}
    worker = str(environment.BENCHMARKS / "systems" / "cost_worker.py")
    command = [sys.executable, worker, json.dumps(job | {"memory": True, "seconds": seconds})]
    done = subprocess.run(
        command, env=environment.variables(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{system} {case} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def least(found: list[dict[str, float]]) -> dict[str, float]:
    """The least of several rounds: other work on the machine only adds."""
    return {key: min(one[key] for one in found if one[key] is not None) for key in found[0]}


def line(case: tuple[int, int, int], found: dict[str, dict[str, float]]) -> str:
    """Adam's figures, and the others' as multiples of them."""
    width, rows, draws = case
    cells = [f"{weights(width):>12,}", f"{rows:>6,}", f"{draws:>3}"]
    cells += [f"{found['adam']['wall'] * 1e3:>9.3f}", f"{found['adam']['megabytes']:>7.1f}"]
    for system in SYSTEMS[1:]:
        if system in found:
            times = [
                found[system][key] / found["adam"][key]
                for key in ("wall", "processor", "megabytes")
            ]
            cells.append("  " + " ".join(f"{ratio:>6.2f}" for ratio in times))
    return " ".join(cells)


def verdicts(results: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """Each promise: what, the ratio, and the most that it may be."""
    found = []
    for it in results:
        adam, (width, rows, draws) = it["systems"]["adam"], it["case"]
        name = f"{weights(width):,} weights, {rows:,} rows"
        if draws == 1 and rows >= 512 and width <= 989:
            ratio = it["systems"]["moonfield"]["wall"] / adam["wall"]
            found.append((f"{name}: time of advi / adam", ratio, BOUND))
        if width > 989:
            ivon = it["systems"]["ivon"]
            ratio = ivon["wall"] / adam["wall"]
            found.append((f"{name}: time of ivon / adam", ratio, IVON_TIME))
            ratio = ivon["megabytes"] / adam["megabytes"]
            found.append((f"{name}: memory of ivon / adam", ratio, IVON_MEMORY))
    return found


def main() -> None:
    parser = environment.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="the least of so many is shown")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a timed run, about")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    args = parser.parse_args()
    environment.enter(args.here)
    environment.warn_if_busy()
    systems = [name for name in SYSTEMS if name in args.systems or name == "adam"]
    print(
        "Adam: milliseconds and megabytes; the others: wall time, processor time, memory / Adam's"
    )
    heads = "".join(f"  {name:>20}" for name in systems[1:])
    print(f"{'weights':>12} {'rows':>6} {'d':>3} {'ms':>9} {'MB':>7}{heads}")
    results = []
    for case in (case for case in CASES if case[0] in args.widths):
        rounds = [
            {system: measured(system, case, args.seconds) for system in systems}
            for _ in range(args.rounds)
        ]
        found = {system: least([each[system] for each in rounds]) for system in systems}
        results.append({"case": case, "weights": weights(case[0]), "systems": found})
        print(line(case, found), flush=True)
    if set(systems) == set(SYSTEMS):
        for name, ratio, bound in verdicts(results):
            print(f"{name}: {ratio:.2f}, at most {bound}: {'pass' if ratio <= bound else 'MISS'}")
    environment.write("cost", {"results": results})


if __name__ == "__main__":
    main()
