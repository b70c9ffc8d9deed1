"""Scores the fits: Moonfield's, PyMC's and NumPyro's on the same random halves of the moons.

All use Adam at 0.01 and the same number of full-batch steps; one estimator of 10,000 draws judges
the (mean, sd) that each exports. Then Moonfield's automatic stop against its own full-length fits,
both with default settings.
"""

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import environment

SYSTEMS = ("moonfield", "pymc", "numpyro")
MEASURES = {"elbo": "ELBO, nats", "log_likelihood": "test log-likelihood, nats a row"}
NAMES = {
    "moonfield": "Moonfield",
    "pymc": "PyMC",
    "numpyro": "NumPyro",
    "own": "Moonfield, defaults",
    "automatic": "Moonfield, steps=None",
}


def main() -> None:
    args = arguments()
    environment.enter(args.here)
    import dataset

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "moons.npz"
        dataset.save(data, args.splits)
        fits = {}
        for system in args.systems:
            fits[system] = measure(system, "quality", data, args)
            if system == "moonfield":
                fits["own"] = measure(system, "quality_own", data, args)
                fits["automatic"] = measure(system, "quality_auto", data, args)
    scores = {system: judge(fitted) for system, fitted in fits.items()}
    print_means(scores)
    verdicts = []
    if "moonfield" in scores:
        verdicts = [
            paired(scores, peer, name)
            for peer in ("pymc", "numpyro")
            if peer in scores
            for name in MEASURES
        ]
        verdicts += automatic(scores, fits, args.steps)
    for verdict in verdicts:
        print(f"{verdict['text']}: {'pass' if verdict['passed'] else 'MISS'}")
    summary = {"steps": args.steps, "splits": args.splits, "verdicts": verdicts}
    environment.write("quality", summary | {"scores": scores, "fits": fits})


def arguments() -> argparse.Namespace:
    parser = environment.parser(__doc__)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--steps", type=int, default=30_000)
    return parser.parse_args()


def measure(system: str, task: str, data: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    print(f"{system}: {task}, {args.splits} splits", flush=True)
    result = environment.measure(f"{system}_moons.py", task, data, f"--steps={args.steps}")
    return result["fits"]


def judge(fitted: list[dict[str, Any]]) -> list[dict[str, float]]:
    """One score a split."""
    import dataset
    from score import Judge

    one = Judge()
    return [asdict(one.score(fit, dataset.split(number))) for number, fit in enumerate(fitted)]


def column(scores: list[dict[str, float]], name: str):
    import numpy as np

    return np.array([score[name] for score in scores])


def print_means(scores: dict[str, list[dict[str, float]]]) -> None:
    from ratios import table

    rows = [("means", "ELBO", "test log-likelihood", "test accuracy")]
    for system, values in scores.items():
        means = [column(values, name).mean() for name in ("elbo", "log_likelihood", "accuracy")]
        rows.append((NAMES[system], f"{means[0]:.2f}", f"{means[1]:.4f}", f"{means[2]:.2%}"))
    print("\n" + table(rows))
    print("The best accuracy possible on this data is 97.0%.\n")


def paired(scores: dict[str, list[dict[str, float]]], peer: str, name: str) -> dict[str, Any]:
    """The mean over splits of Moonfield minus a peer, in its standard errors."""
    difference = column(scores["moonfield"], name) - column(scores[peer], name)
    mean = float(difference.mean())
    error = float(difference.std(ddof=1) / len(difference) ** 0.5) if len(difference) > 1 else 0.0
    return {
        "text": f"{MEASURES[name]}, Moonfield - {NAMES[peer]}: {mean:+.4f} (standard error "
        f"{error:.4f}), at least -2 standard errors",
        "mean": mean,
        "standard_error": error,
        "passed": mean >= -2 * error,
    }


def automatic(scores, fits, steps: int) -> list[dict[str, Any]]:
    """The automatic stop: how far from the full-length fit of the same split and seed, and when."""
    import numpy as np

    gain = column(scores["automatic"], "elbo") - column(scores["own"], "elbo")
    shortfall = np.maximum(-gain, 0.0)
    taken = np.array([fit["steps"] for fit in fits["automatic"]])
    good, most = (
        int(((shortfall <= 2) & (taken <= steps // 3)).sum()),
        int(np.ceil(0.9 * len(gain))),
    )
    results = sorted({fit["result"] for fit in fits["automatic"]})
    return [
        {
            "text": f"steps=None, median gain over its own {steps:,} steps: {np.median(gain):+.2f} "
            f"nats ({gain.min():+.2f} to {gain.max():+.2f}), at least -1",
            "passed": bool(np.median(gain) >= -1),
        },
        {
            "text": f"steps=None, at most 2 nats below it within {steps // 3:,} steps: {good} of "
            f"{len(gain)}, at least {most} (within 2 nats: {int((shortfall <= 2).sum())}; steps: "
            f"median {int(np.median(taken)):,}, most {taken.max():,}; {', '.join(results)})",
            "passed": good >= most,
        },
    ]


if __name__ == "__main__":
    main()
