"""Scores the fits: Moonfield's, PyMC's and NumPyro's on the same random halves of the moons.

All use Adam at 0.01 and the same number of full-batch steps; one estimator of 10,000 draws judges
the (mean, sd) that each exports. Then Moonfield's automatic stop against its own full-length fits,
both with that optimiser and both with default settings.
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
    "automatic": "Moonfield, steps=None",
    "own": "Moonfield, defaults",
    "own_automatic": "Moonfield, defaults, steps=None",
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
                fits["automatic"] = measure(system, "quality_auto", data, args)
                fits["own"] = measure(system, "quality_own", data, args)
                fits["own_automatic"] = measure(system, "quality_own_auto", data, args)
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
        verdicts += automatic(scores, fits, args.steps, "moonfield", "automatic")
        verdicts += automatic(scores, fits, args.steps, "own", "own_automatic")
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


def automatic(scores, fits, steps: int, full: str, short: str) -> list[dict[str, Any]]:
    """The automatic stop: how far from the full-length fit of the same split and seed, and when."""
    import numpy as np

    gain = column(scores[short], "elbo") - column(scores[full], "elbo")
    distance = np.abs(gain)
    taken = np.array([fit["steps"] for fit in fits[short]])
    near, most = int((distance <= 2).sum()), int(np.ceil(0.9 * len(gain)))
    results = sorted({fit["result"] for fit in fits[short]})
    name = NAMES[short]
    return [
        {
            "text": f"{name}, median distance from its own {steps:,} steps: "
            f"{np.median(distance):.2f} nats (gains {gain.min():+.2f} to {gain.max():+.2f}), "
            "at most 1",
            "passed": bool(np.median(distance) <= 1),
        },
        {
            "text": f"{name}, within 2 nats: {near} of {len(gain)}, at least {most}",
            "passed": near >= most,
        },
        {
            "text": f"{name}, steps taken: median {int(np.median(taken)):,}, most "
            f"{taken.max():,} ({', '.join(results)}), at most {steps // 3:,}",
            "passed": bool(taken.max() <= steps // 3),
        },
    ]


if __name__ == "__main__":
    main()
