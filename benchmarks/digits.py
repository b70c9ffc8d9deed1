"""A Bayesian convolutional network on handwritten digits, beside Adam and a deep ensemble.

Five folds of scikit-learn's 8 x 8 digits. The same network three ways: mean-field variational
inference of a cold posterior by Moonfield; Adam with early stopping on a tenth of the training
rows; and five of these as a deep ensemble. Accuracy, log score, seconds to fit, and how well the
mutual information tells noise, letters of a font and shuffled pixels from digits (for the one
network of Adam, which has none, the entropy). Settings were chosen on the training rows of another
split (seed 99), never by these folds.
"""

from typing import Any

import environment

SYSTEMS = ("moonfield", "adam", "ensemble")
BOUNDS = {"accuracy": 0.985, "auroc": 0.95}


def main() -> None:
    parser = environment.parser(__doc__)
    parser.add_argument("--folds", type=int, default=5, help="of the five, how many to run")
    args = parser.parse_args()
    environment.enter(args.here)
    environment.warn_if_busy()
    import digits_data

    rows: list[dict[str, Any]] = []
    for fold, (train, test) in enumerate(digits_data.folds(args.folds)):
        strange = digits_data.strangers(test[0], seed=fold)
        for system in SYSTEMS:
            rows.append({"fold": fold, "system": system, **run(system, train, test, strange, fold)})
            print("  ".join(f"{k} {v}" if isinstance(v, int | str) else f"{k} {v:.4f}"
                            for k, v in rows[-1].items()), flush=True)  # fmt: skip
    names = [name for name in rows[0] if name not in ("fold", "system")]
    report(rows, names)
    passed = verdicts(rows, names)
    environment.write("digits", {"rows": rows, "bounds": BOUNDS, "passed": passed})


def run(
    system: str, train: tuple, test: tuple, strange: dict[str, Any], seed: int
) -> dict[str, Any]:
    """What a system made of a fold."""
    import digits_systems
    import numpy as np
    from sklearn.metrics import roc_auc_score

    answers, seconds = digits_systems.fitted(system, *train, seed)
    images, labels = test
    probabilities, doubt = answers(images)
    right = probabilities[np.arange(len(labels)), labels]
    found = {
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "log score": float(np.log(np.maximum(right, np.finfo(float).tiny)).mean()),
        "seconds": seconds,
    }
    for name, others in strange.items():
        is_strange = np.repeat([0, 1], [len(images), len(others)])
        both = np.concatenate([doubt, answers(others)[1]])
        found[f"auroc {name}"] = float(roc_auc_score(is_strange, both))
    return found


def values(rows: list[dict], system: str, name: str) -> Any:
    import numpy as np

    return np.array([row[name] for row in rows if row["system"] == system])


def with_error(numbers: Any) -> str:
    error = numbers.std(ddof=1) / len(numbers) ** 0.5 if len(numbers) > 1 else float("nan")
    return f"{numbers.mean():.4f} ({error:.4f})"


def report(rows: list[dict], names: list[str]) -> None:
    """Means over folds with their standard errors."""
    print(f"\n{'':<16}" + "".join(f"{system:>20}" for system in SYSTEMS))
    for name in names:
        cells = [with_error(values(rows, system, name)) for system in SYSTEMS]
        print(f"{name:<16}" + "".join(f"{cell:>20}" for cell in cells))


def verdicts(rows: list[dict], names: list[str]) -> dict[str, bool]:
    """The targets, each with its figure."""
    ours = {name: values(rows, "moonfield", name) for name in names}
    passed = {"accuracy": ours["accuracy"].mean() >= BOUNDS["accuracy"]}
    for other in ("adam", "ensemble"):
        gain = ours["log score"] - values(rows, other, "log score")
        print(f"log score over {other}, paired by fold: {with_error(gain)}")
        passed[f"log score over {other}"] = gain.mean() > 0
    passed["less time than the ensemble"] = (
        ours["seconds"].mean() < values(rows, "ensemble", "seconds").mean()
    )
    for name in names:
        if name.startswith("auroc"):
            passed[name] = ours[name].mean() >= BOUNDS["auroc"]
    for name, good in passed.items():
        print(f"{name}: {'pass' if good else 'MISS'}")
    return {name: bool(good) for name, good in passed.items()}


if __name__ == "__main__":
    main()
