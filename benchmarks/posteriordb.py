"""Moonfield's methods, PyMC's and NumPyro's on the eleven reference posteriors of posteriordb.

Reads MOONFIELD_DATA (default ../shared/data). Every method runs in a process of its own, compile
included; Moonfield's with five seeds. Errors are of means in reference sds, and of log sds.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import environment

RECOMMENDED = "auto"
OURS = (
    RECOMMENDED, "nuts", "dadvi", "laplace", "pathfinder", "advi", "fullrank_advi",
    "lowrank_advi", "flow_advi",
)  # fmt: skip
PEERS = {
    "pymc": ("advi", "fullrank_advi", "pathfinder", "dadvi"),
    "numpyro": ("AutoNormal", "AutoMultivariateNormal"),
}
POSTERIORS = (
    "sblrc-blr", "kidiq-kidscore_interaction", "earnings-logearn_interaction",
    "mesquite-logmesquite", "nes2000-nes", "garch-garch11", "arK-arK",
    "eight_schools-eight_schools_noncentered", "low_dim_gauss_mix-low_dim_gauss_mix",
    "kilpisjarvi_mod-kilpisjarvi", "diamonds-diamonds",
)  # fmt: skip
BOUND, BAD = 0.1, 0.3
LIMIT_SECONDS = 300  # of a process; those of Moonfield's flow, five long fits, have thrice as many


def main() -> None:
    parser = environment.parser(__doc__)
    parser.add_argument("--methods", nargs="*", default=None, help="only these of Moonfield's")
    parser.add_argument("--posteriors", nargs="*", default=POSTERIORS)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--resume", action="store_true", help="keep what a run before measured")
    args = parser.parse_args()
    data = Path(os.environ.get("MOONFIELD_DATA", "../shared/data")) / "posteriordb"
    if not data.exists():
        sys.exit(f"Skipped: there is no reference data at {data}; set MOONFIELD_DATA.")
    environment.enter(args.here)
    environment.warn_if_busy()
    systems = {"moonfield": tuple(args.methods or OURS)} | ({} if args.no_peers else PEERS)
    table = [
        {
            "posterior": name,
            "system": system,
            "method": method,
            **measured(system, name, method, args.resume),
        }
        for name in args.posteriors
        for system, methods in systems.items()
        for method in methods
    ]
    verdicts = judge(table)
    for line in verdicts:
        print(line)
    environment.write("posteriordb", {"table": table, "verdicts": verdicts})


def measured(system: str, name: str, method: str, resume: bool) -> dict[str, Any]:
    """One method on one posterior in a new process, or as a run before found it; printed."""
    row = environment.RESULTS / "posteriordb" / f"{name}-{system}-{method}.json"
    if not (resume and row.exists()):
        row.parent.mkdir(parents=True, exist_ok=True)
        row.write_text(json.dumps(ran(system, name, method)))
    result = json.loads(row.read_text())
    first = result["seeds"][0] if "seeds" in result else result
    print(f"{name[:24]:<24} {system:<9} {method:<22} {line_of(first)}", flush=True)
    return result


def ran(system: str, name: str, method: str) -> dict[str, Any]:
    script = environment.BENCHMARKS / "systems" / f"{system}_posteriors.py"
    limit = 3 * LIMIT_SECONDS if method == "flow_advi" else LIMIT_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        command = [sys.executable, str(script), name, method, str(out)]
        try:
            subprocess.run(
                command, env=environment.variables(), capture_output=True, check=False,
                timeout=limit, cwd=environment.ROOT,
            )  # fmt: skip
            return json.loads(out.read_text()) if out.exists() else {"failed": "no result"}
        except subprocess.TimeoutExpired:
            return {"failed": f"more than {limit} s"}


def line_of(result: dict[str, Any]) -> str:
    if "failed" in result:
        return f"failed: {result['failed']}"
    text = f"mean {result['mean_error']:8.3f}  sd {result['sd_error']:7.3f}"
    text += f"  {result['seconds']:6.1f} s"
    if "warned" in result:
        khat = result["khat"]
        text += f"  k-hat {'  - ' if khat is None else format(khat, '4.2f')}"
        text += f"  gradients {result['evaluations'] or '-'}"
        text += "  warned" if result["warned"] else ""
    return text


def judge(table: list[dict[str, Any]]) -> list[str]:
    """Whether the recommended method is right everywhere, warnings are, and times are."""
    runs = [
        {**seed, "posterior": row["posterior"], "asked": row["method"]}
        for row in table
        for seed in row.get("seeds", ())
    ]
    best = [r for r in runs if r["asked"] == RECOMMENDED]
    firsts = {row["posterior"]: row["seeds"][0] for row in table
              if row["method"] == RECOMMENDED and "seeds" in row}  # fmt: skip
    lines = []
    for what in ("mean_error", "sd_error"):
        worst = max((r[what] for r in firsts.values()), default=float("nan"))
        every = max((r[what] for r in best), default=float("nan"))
        lines.append(f"recommended, worst {what}: {worst:.3f} (all seeds {every:.3f}), at most "
                     f"{BOUND}: {verdict(worst <= BOUND)}")  # fmt: skip
    bad = [r for r in runs if max(r["mean_error"], r["sd_error"]) > BAD]
    good = [r for r in runs if max(r["mean_error"], r["sd_error"]) < BOUND]
    if bad:
        share = sum(r["warned"] for r in bad) / len(bad)
        lines.append(f"warned of {share:.1%} of {len(bad)} bad fits (error above {BAD}), "
                     f"at least 95%: {verdict(share >= 0.95)}")  # fmt: skip
    if good:
        share = sum(r["warned"] for r in good) / len(good)
        lines.append(f"warned of {share:.1%} of {len(good)} good fits (errors below {BOUND}), "
                     f"at most 10%: {verdict(share <= 0.1)}")  # fmt: skip
    for name, first in firsts.items():
        peers = [r for r in table if r["posterior"] == name and r["system"] == "pymc"
                 and "failed" not in r]  # fmt: skip
        if not peers:
            continue
        peer = min(peers, key=lambda r: max(r["mean_error"], r["sd_error"]))
        lines.append(
            f"{name[:24]:<24} {first['seconds']:6.1f} s against {peer['seconds']:6.1f} s of PyMC's "
            f"best, {peer['method']}: {verdict(first['seconds'] < peer['seconds'])}"
        )
    return lines


def verdict(holds: bool) -> str:
    return "pass" if holds else "MISS"


if __name__ == "__main__":
    main()
