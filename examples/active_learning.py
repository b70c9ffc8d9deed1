"""Which labels to ask for: active learning on handwritten digits.

    python examples/active_learning.py [FOLDER] [SEEDS] [BUDGET]

An ensemble asks for the labels of the images between whose two likeliest classes it can tell least,
and one beside it gets those of images drawn at random. Prints how many labels each needs to reach
95% of the accuracy that the whole pool gives, means over seeds with standard errors, and draws the
learning curves.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import moonfield as mf

POOL, FIRST, PER_ROUND, STEPS, MEMBERS = 1_000, 10, 10, 300, 5
SHARE = 0.95  # of the accuracy that the whole pool gives
STRATEGIES = ("margin", "random")
FRESH = 2  # first data seed: margin was chosen on seeds 0 and 1, with their test images in sight


def digits(seed):
    """Images and labels, a pool of 1,000 to ask for and 797 to test on."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))
    X, y = X[order] / 16.0, y[order]
    return (X[:POOL], y[:POOL]), (X[POOL:], y[POOL:])


def fitter(budget, seed):
    """Fits of any number of rows by one compiled program: rows of weight 0 fill them up."""
    model = mf.BayesianNetwork(
        mf.nets.MLP([64, 50, 10], activation="tanh"),
        {"*.weight": mf.priors.Scaled(10.0), "*": mf.priors.Normal(0.0, 1.0)},
        mf.likelihoods.Categorical(),
    )
    method = mf.Ensemble(MEMBERS)

    def fit(X, y, previous):
        missing = max(budget - len(y), 0)
        weights = np.repeat([1.0, 0.0], [len(y), missing])
        X, y = np.pad(X, ((0, missing), (0, 0))), np.pad(y, (0, missing))
        options = {"method": method, "steps": STEPS, "start": previous, "seed": seed}
        return mf.fit(model, X, y, weights=weights, progress=False, **options)

    return fit


def learn(seed, budget):
    """The accuracy with all labels of the pool, and (labels, accuracy) of each strategy."""
    (X, y), test = digits(seed)
    fit = fitter(budget, seed)

    def predict(posterior, rows):
        return posterior.predict(rows, draws=MEMBERS)

    def accuracy(posterior):
        return float((predict(posterior, test[0]).label == test[1]).mean())

    curves = {
        name: mf.applications.active.learn(
            X,
            lambda rows: y[rows],
            fit,
            predict=predict,
            acquire=name,
            first=FIRST,
            per_round=PER_ROUND,
            budget=budget,
            score=accuracy,
            seed=seed,
            progress=False,
        ).curve
        for name in STRATEGIES
    }
    return accuracy(fit(X, y, None)), curves


def labels_needed(curve, goal):
    """The fewest labels with this accuracy; NaN where the budget did not do."""
    reached = curve[curve[:, 1] >= goal, 0]
    return float(reached[0]) if len(reached) else float("nan")


def draw(curves, goal) -> Figure:
    """Mean accuracies by labels, with bands of two standard errors over seeds."""
    figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, seeds in curves.items():
        labels, scores = seeds[0][:, 0], np.stack([curve[:, 1] for curve in seeds])
        mean, se = scores.mean(axis=0), standard_error(scores)
        (line,) = ax.plot(labels, mean, "o-", markersize=3, label=name)
        ax.fill_between(labels, mean - 2 * se, mean + 2 * se, color=line.get_color(), alpha=0.2)
    ax.axhline(goal, color="0.5", linestyle="--", label="95% of the whole pool's accuracy")
    ax.set(title="Handwritten digits", xlabel="labels", ylabel="accuracy on test images")
    ax.legend()
    return figure


def standard_error(values):
    count = len(values)
    return np.std(values, axis=0, ddof=1) / count**0.5 if count > 1 else np.zeros(values.shape[1:])


def main(folder=".", seeds=10, budget=280):
    curves, goals, needed = {name: [] for name in STRATEGIES}, [], []
    for seed in range(FRESH, FRESH + int(seeds)):
        full, found = learn(seed, int(budget))
        goals.append(SHARE * full)
        needed.append([labels_needed(found[name], goals[-1]) for name in STRATEGIES])
        for name in STRATEGIES:
            curves[name].append(found[name])
        says = (f"{n} {v:.0f}" for n, v in zip(STRATEGIES, needed[-1], strict=True))
        print(f"seed {seed}: whole pool {full:.1%}; labels:", *says, flush=True)
    draw(curves, float(np.mean(goals))).savefig(Path(folder) / "active_learning.png", dpi=120)
    for name, values in zip(STRATEGIES, np.array(needed).T, strict=True):
        missed = np.isnan(values)
        counted = np.where(missed, float(budget), values)  # at least so many
        note = f", in {missed.sum()} seeds more than {budget}" if missed.any() else ""
        last = np.array([curve[-1, 1] for curve in curves[name]])
        print(
            f"{name:<7} labels {counted.mean():6.1f} (standard error "
            f"{standard_error(counted):.1f}{note}), accuracy at {budget} {last.mean():.2%} "
            f"({standard_error(last):.2%})"
        )
    asked, random = (np.nan_to_num(column, nan=float(budget)) for column in np.array(needed).T)
    print(f"Margin needs {asked.mean() / random.mean():.0%} of the labels that random rows need")
    return needed, curves


if __name__ == "__main__":
    main(*sys.argv[1:])
