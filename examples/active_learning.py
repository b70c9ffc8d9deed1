"""Which labels to ask for: active learning on handwritten digits and on the moons.

    python examples/active_learning.py [FOLDER] [SEEDS] [BUDGET] [PROBLEM ...]

An ensemble begins with ten rows that stand for the pool, those nearest to the centres of as many
clusters, which no label is needed for; then it asks for the labels of the rows between whose two
likeliest classes it can tell least. One beside it gets those of rows drawn at random. Prints how
many labels each needs to reach 95% of the accuracy that the whole pool gives, means over seeds with
standard errors, and draws the learning curves. BUDGET is the most labels that digits are given; the
moons get half as many.

Fits of the digits go on from the fit before. Those of the moons begin anew: members that went on
from two labels would stay at the straight line that all of them began with, and agree on it.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_moons

import moonfield as mf

SHARE = 0.95  # of the accuracy that the whole pool gives
TYPICAL = 10  # rows to begin with, where rows are asked for
STRATEGIES = ("margin", "random")


class Problem(NamedTuple):
    """Rows to ask for and to test on, and what learns them."""

    rows: Callable[[int], tuple]
    model: mf.BayesianNetwork
    members: int
    steps: int
    goes_on: bool  # from the fit before
    first: int  # labels that are drawn at random before the first fit
    per_round: int
    budget: float  # as a share of the digits'
    seeds: int  # first data seed: those below were seen while choosing


def digits(seed):
    """Images and labels, a pool of 1,000 to ask for and 797 to test on."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))
    X, y = X[order] / 16.0, y[order]
    return (X[:1_000], y[:1_000]), (X[1_000:], y[1_000:])


def moons(seed):
    """Points and classes, a pool of 500 to ask for and 1,000 to test on."""
    X, y = make_moons(1_500, noise=0.2, random_state=seed)
    X = (X - [0.5, 0.25]) / [0.88, 0.53]
    return (X[:500], y[:500]), (X[500:], y[500:])


OF_DIGITS = mf.BayesianNetwork(
    mf.nets.MLP([64, 50, 10], activation="tanh"),
    {"*.weight": mf.priors.Scaled(10.0), "*": mf.priors.Normal(0.0, 1.0)},
    mf.likelihoods.Categorical(),
)
OF_MOONS = mf.BayesianNetwork(
    mf.nets.MLP([2, 20, 1], activation="tanh"),
    {"layers.1.weight": mf.priors.Scaled(10.0), "*": mf.priors.Normal(0.0, 3.0)},
    mf.likelihoods.Bernoulli(),
)
PROBLEMS = {
    "digits": Problem(digits, OF_DIGITS, 5, 300, True, 10, 10, 1.0, 2),
    "moons": Problem(moons, OF_MOONS, 10, 1_000, False, 2, 1, 0.5, 103),
}


def typical(X, count, seed):
    """Rows of the pool nearest to the centres of as many clusters, one for each.

    Few labels are best spent on rows that are like many others (Hacohen, Dekel & Weinshall, 2022,
    "Active learning on a budget: opposite strategies suit high and low budgets", ICML).
    """
    centres = KMeans(count, n_init=4, random_state=seed).fit(X).cluster_centers_
    rows = []
    for centre in centres:
        distance = np.linalg.norm(X - centre, axis=1)
        distance[rows] = np.inf
        rows.append(int(np.argmin(distance)))
    return rows


def fitter(problem, budget, seed):
    """Fits of any number of rows by one compiled program: rows of weight 0 fill them up."""
    method = mf.Ensemble(problem.members)

    def fit(X, y, previous):
        missing = max(budget - len(y), 0)
        weights = np.repeat([1.0, 0.0], [len(y), missing])
        X, y = np.pad(X, ((0, missing), (0, 0))), np.pad(y, (0, missing))
        return mf.fit(
            problem.model, X, y, weights=weights, method=method, steps=problem.steps, seed=seed,
            start=previous if problem.goes_on else None, progress=False,
        )  # fmt: skip

    return fit


def learn(problem, seed, budget):
    """The accuracy with all labels of the pool, and (labels, accuracy) of each strategy."""
    (X, y), test = problem.rows(seed)
    fit = fitter(problem, budget, seed)

    def predict(posterior, rows):
        return posterior.predict(rows, draws=problem.members)

    def accuracy(posterior):
        return float((predict(posterior, test[0]).label == test[1]).mean())

    curves = {
        name: mf.applications.active.learn(
            X,
            lambda rows: y[rows],
            fit,
            predict=predict,
            acquire=name,
            first=problem.first if name == "random" else typical(X, TYPICAL, seed),
            per_round=problem.per_round,
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


def draw(found) -> Figure:
    """Mean accuracies by labels, with bands of two standard errors over seeds."""
    figure, axes = plt.subplots(
        1, len(found), figsize=(6 * len(found), 4.2), layout="constrained", squeeze=False
    )
    for ax, (problem, (curves, goals)) in zip(axes[0], found.items(), strict=True):
        for name, seeds in curves.items():
            labels, scores = seeds[0][:, 0], np.stack([curve[:, 1] for curve in seeds])
            mean, se = scores.mean(axis=0), standard_error(scores)
            (line,) = ax.plot(labels, mean, "o-", markersize=3, label=name)
            ax.fill_between(labels, mean - 2 * se, mean + 2 * se, color=line.get_color(), alpha=0.2)
        ax.axhline(np.mean(goals), color="0.5", linestyle="--", label="95% of the whole pool's")
        ax.set(title=problem, xlabel="labels", ylabel="accuracy on test rows")
        ax.legend()
    return figure


def standard_error(values):
    count = len(values)
    return np.std(values, axis=0, ddof=1) / count**0.5 if count > 1 else np.zeros(values.shape[1:])


def judge(name, seeds, budget):
    """One problem: its curves, and the accuracies that were to be reached."""
    problem = PROBLEMS[name]
    curves, goals, needed = {strategy: [] for strategy in STRATEGIES}, [], []
    for seed in range(problem.seeds, problem.seeds + seeds):
        full, found = learn(problem, seed, budget)
        goals.append(SHARE * full)
        needed.append([labels_needed(found[strategy], goals[-1]) for strategy in STRATEGIES])
        for strategy in STRATEGIES:
            curves[strategy].append(found[strategy])
        says = (f"{n} {v:.0f}" for n, v in zip(STRATEGIES, needed[-1], strict=True))
        print(f"{name} {seed}: whole pool {full:.1%}; labels:", *says, flush=True)
    missed = np.isnan(needed)
    counted = np.where(missed, float(budget), needed)  # at least so many
    for strategy, column, more in zip(STRATEGIES, counted.T, missed.T, strict=True):
        note = f", in {more.sum()} seeds more than {budget}" if more.any() else ""
        last = np.array([curve[-1, 1] for curve in curves[strategy]])
        print(
            f"{name} {strategy:<7} labels {column.mean():6.1f} (standard error "
            f"{standard_error(column):.1f}{note}), accuracy at {budget} {last.mean():.2%} "
            f"({standard_error(last):.2%})"
        )
    asked, random = counted.T
    ratio, error = asked.mean() / random.mean(), float("nan")
    if seeds > 1:
        error = standard_error(asked - ratio * random) / random.mean()
    print(f"{name}: margin needs {ratio:.3f} ({error:.3f}) of the labels that random rows need")
    return curves, goals


def main(folder=".", seeds=10, budget=280, *problems):
    found = {
        name: judge(name, int(seeds), int(PROBLEMS[name].budget * int(budget)))
        for name in problems or PROBLEMS
    }
    draw(found).savefig(Path(folder) / "active_learning.png", dpi=120)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
