"""The table of `uci.py`, with the published numbers beside it, and what it shows."""

from typing import Any

import numpy as np

# RMSE / test log-likelihood: Hernandez-Lobato & Adams (2015), Gal & Ghahramani (2016), the latter
# tuned (2018), Lakshminarayanan et al. (2017).
COLUMNS = ("VI", "PBP", "dropout", "tuned dropout", "deep ensemble")
PUBLISHED = {
    "boston": ((4.32, -2.90), (3.01, -2.57), (2.97, -2.46), (2.90, -2.40), (3.28, -2.41)),
    "concrete": ((7.19, -3.39), (5.67, -3.16), (5.23, -3.04), (4.82, -2.93), (6.03, -3.06)),
    "energy": ((2.65, -2.39), (1.80, -2.04), (1.66, -1.99), (0.54, -1.21), (2.09, -1.38)),
    "kin8nm": ((0.10, 0.90), (0.10, 0.90), (0.10, 0.95), (0.079, 1.14), (0.09, 1.20)),
    "naval": ((0.01, 3.73), (0.01, 3.73), (0.01, 3.80), (0.0007, 4.45), (0.00, 5.63)),
    "power": ((4.33, -2.89), (4.12, -2.84), (4.02, -2.80), (4.01, -2.80), (4.11, -2.79)),
    "protein": ((4.84, -2.99), (4.73, -2.97), (4.36, -2.89), (4.27, -2.87), (4.71, -2.83)),
    "wine": ((0.65, -0.98), (0.64, -0.97), (0.62, -0.93), (0.62, -0.93), (0.64, -0.94)),
    "yacht": ((6.89, -3.43), (1.02, -1.63), (1.11, -1.55), (0.67, -1.25), (1.58, -1.18)),
}
UNTUNED = (0, 1, 2, 4)
DROPOUT, TUNED = 2, 3
CATASTROPHE = -15.0  # nats a row, of a set's mean in its gaps


def report(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Lines to print and all numbers behind them."""
    systems = list(dict.fromkeys(row["system"] for row in rows))
    table = [entry for system in systems for entry in _entries(rows, system)]
    lines = [_line(entry) for entry in table]
    if "default" in systems:
        lines += ["", *_shown({e["set"]: e for e in table if e["system"] == "default"})]
        lines += _halves(rows)
    gaps = _gaps(rows)
    lines += ["", *gaps["lines"]] if gaps["lines"] else []
    return {"lines": lines, "table": table, "gaps": gaps["means"], "rows": rows}


def _entries(rows: list[dict[str, Any]], system: str) -> list[dict[str, Any]]:
    found = []
    for name in PUBLISHED:
        own = [r for r in rows if (r["system"], r["set"], r["kind"]) == (system, name, "split")]
        if own:
            scores = {key: _mean(own, key) for key in ("rmse", "log_likelihood", "coverage")}
            seconds = float(np.mean([row["seconds"] for row in own]))
            found.append({"system": system, "set": name, "splits": len(own), "seconds": seconds})
            found[-1] |= scores
    return found


def _mean(rows: list[dict[str, Any]], key: str) -> tuple[float, float]:
    """Mean and standard error over splits."""
    values = np.array([row[key] for row in rows])
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()), float(error)


def _line(entry: dict[str, Any]) -> str:
    (rmse, rmse_se), (ll, ll_se) = entry["rmse"], entry["log_likelihood"]
    others = "  ".join(f"{r:g}/{v:.2f}" for r, v in PUBLISHED[entry["set"]])
    return (
        f"{entry['system']:10} {entry['set']:8} {entry['splits']:2} splits  RMSE {rmse:.4f} "
        f"({rmse_se:.4f})  log-likelihood {ll:.3f} ({ll_se:.3f})  90% covers "
        f"{entry['coverage'][0]:.3f}  {entry['seconds']:.1f} s  | {others}"
    )


def _shown(found: dict[str, Any]) -> list[str]:
    """On how many sets the default beats what was published."""

    def better(name: str, columns: tuple[int, ...]) -> bool:
        best = max(PUBLISHED[name][i][1] for i in columns)
        return found[name]["log_likelihood"][0] > best

    untuned = [name for name in found if better(name, UNTUNED)]
    tuned = [name for name in found if better(name, (TUNED,))]
    rmse = [name for name in found if found[name]["rmse"][0] <= PUBLISHED[name][DROPOUT][0]]
    cost = sum(entry["seconds"] * entry["splits"] for entry in found.values()) / 60.0
    return [
        f"better log-likelihood than the best untuned: {len(untuned)} of {len(found)} "
        f"({', '.join(untuned)}); 7 of 9 wanted",
        f"better log-likelihood than tuned dropout: {len(tuned)} of {len(found)} "
        f"({', '.join(tuned)}); 5 of 9 wanted",
        f"RMSE not worse than dropout of 2016: {len(rmse)} of {len(found)} ({', '.join(rmse)}); "
        "7 of 9 wanted",
        f"all splits of the default: {cost:.1f} process minutes, two processes at a time",
    ]


def _halves(rows: list[dict[str, Any]]) -> list[str]:
    """The splits that choices were made on, and those that they were not."""
    lines = []
    for name in PUBLISHED:
        own = [r for r in rows if r["system"] == "default" and r["set"] == name]
        own = [row for row in own if row["kind"] == "split"]
        halves = [r for r in own if r["number"] < 10], [r for r in own if r["number"] >= 10]
        if all(halves):
            first, last = (_mean(half, "log_likelihood") for half in halves)
            lines.append(
                f"{name:8} first ten {first[0]:.3f} ({first[1]:.3f}), last ten {last[0]:.3f} "
                f"({last[1]:.3f})"
            )
    return lines


def _gaps(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean log-likelihood in the gaps, by set and system."""
    means: dict[str, dict[str, float]] = {}
    for name in PUBLISHED:
        for row in rows:
            if row["set"] == name and row["kind"] == "gap":
                means.setdefault(name, {}).setdefault(row["system"], []).append(
                    row["log_likelihood"]
                )
    means = {name: {k: float(np.mean(v)) for k, v in by.items()} for name, by in means.items()}
    lines = [
        f"gaps of {name:8} " + ", ".join(f"{system} {value:.3f}" for system, value in by.items())
        for name, by in means.items()
    ]
    both = [by for by in means.values() if {"default", "map"} <= by.keys()]
    if both:
        won = sum(by["default"] > by["map"] for by in both)
        bad = sum(by["default"] < CATASTROPHE for by in both)
        lines.append(
            f"default better than MAP in the gaps of {won} of {len(both)} sets (8 of 9 wanted), "
            f"below {CATASTROPHE:g} on {bad} (0 wanted)"
        )
    return {"means": means, "lines": lines}
