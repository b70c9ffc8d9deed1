"""Eighteen small tasks that are alike: hierarchical networks on rotated moons.

    python examples/rotated_moons.py [FOLDER] [SEEDS] [RESTARTS] [DRAWS]

Every task is its own pair of moons, turned by its own angle, with 50 points to learn from. One
network per task learns too little from them, one for all cannot turn; a hierarchical one learns
from all tasks what they have in common. Prints test accuracies of the three by mean-field ADVI, and
of the hierarchical one by NUTS (four chains of DRAWS each, a minute and a half; 0: none), the mean
over data seeds with its standard error, and how a nineteenth task does with ten labels and with
fifty: from the population alone, with what the tasks have in common as its prior, and from scratch;
draws the tasks.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import make_moons

import moonfield as mf

TASKS, ROWS = 18, 50
BEST = 0.915  # accuracy of the best possible classifier of this data
FRESH = 4  # nineteenth tasks for each seed, apart from one another
# How groups share weights, and the prior's sd. Chosen by the ELBO on three data seeds: only the
# first layer differs between tasks, as turned inputs suggest.
MODELS = {
    "separate": ({"*": "separate"}, 1.0),
    "pooled": ({"*": "shared"}, 1.0),
    "hierarchical": ({"layers.0.*": "partial", "*": "shared"}, 2.0),
}


def task(rng, rows=2 * ROWS):
    """Standardised moons, turned by an angle of up to 90 degrees to either side."""
    X, y = make_moons(rows, noise=0.3, random_state=int(rng.integers(2**31)))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    angle = rng.uniform(-np.pi / 2, np.pi / 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return X @ turn.T, y


def tasks(seed):
    """Rows and labels to train and to test on, and their tasks."""
    rng = np.random.default_rng(seed)
    found = [task(rng) for _ in range(TASKS)]
    X, y = (np.stack(part) for part in zip(*found, strict=True))
    names = np.repeat(np.arange(TASKS), ROWS)
    train, test = ((a.reshape(-1, 2), b.ravel()) for a, b in _halves(X, y))
    return train, test, names


def _halves(X, y):
    return (X[:, :ROWS], y[:, :ROWS]), (X[:, ROWS:], y[:, ROWS:])


def network():
    return mf.nets.MLP([2, 5, 5, 1], activation="tanh", bias=False)


def options(restarts, seed):
    return {"method": "advi", "restarts": restarts, "seed": seed, "progress": False}


def by_nuts(draws, seed):
    method = mf.NUTS(chains=4, warmup=300, draws=draws)
    return {"method": method, "seed": seed, "progress": False}


def hierarchy(kind):
    level, sd = MODELS[kind]
    return mf.HierarchicalNetwork(
        network(),
        mf.priors.Normal(0.0, sd),
        mf.likelihoods.Bernoulli(),
        groups=TASKS,
        level=level,
        spread=mf.priors.HalfNormal(1.0),
    )


def accuracy(prediction, y):
    return float((prediction.label == y).mean())


def new_tasks(posterior, restarts, seed):
    """Mean accuracies on tasks that come after the eighteen, each alone."""
    rng = np.random.default_rng(1_000 + seed)
    priors = {
        "informed": mf.priors.Informed.from_population(posterior, correlated=True),
        "from scratch": mf.priors.Normal(0.0, 1.0),
    }
    found = [new_task(posterior, priors, *task(rng, 550), restarts, seed) for _ in range(FRESH)]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def new_task(posterior, priors, X, y, restarts, seed):
    """Accuracies on 500 rows: of the population alone, and with these priors and a few labels."""
    X_test, y_test = X[ROWS:], y[ROWS:]
    alone = posterior.predict(X_test, groups=[None] * len(y_test))
    found = {"population": accuracy(alone, y_test)}
    for labels in (10, ROWS):
        for name, prior in priors.items():
            model = mf.BayesianNetwork(network(), prior, mf.likelihoods.Bernoulli())
            own = mf.fit(model, X[:labels], y[:labels], **options(restarts, seed))
            found[f"{name}, {labels} labels"] = accuracy(own.predict(X_test), y_test)
    return found


def draw(posteriors, train) -> Figure:
    """The first six tasks: points, and where each network puts the boundary."""
    figure, axes = plt.subplots(2, 6, figsize=(15, 5.4), layout="constrained", sharex=True)
    line = np.linspace(-2.5, 2.5, 60)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    X, y = train
    for row, name in zip(axes, ("separate", "hierarchical"), strict=True):
        for number, ax in enumerate(row):
            groups = np.full(len(grid), number)
            p = posteriors[name].predict(grid, groups=groups, draws=200).mean
            ax.contourf(line, line, p.reshape(60, 60), levels=11, cmap="RdBu_r", vmin=0, vmax=1)
            own = slice(number * ROWS, (number + 1) * ROWS)
            ax.scatter(*X[own].T, c=y[own], cmap="RdBu_r", edgecolors="white", s=18)
            ax.set(title=f"task {number}, {name}", xticks=[], yticks=[])
    return figure


def main(folder=".", seeds=10, restarts=8, draws=250):
    scores, fresh, restarts, draws = [], [], int(restarts), int(draws)
    for seed in range(int(seeds)):
        train, test, names = tasks(seed)
        ways = {kind: (kind, options(restarts, seed)) for kind in MODELS}
        if draws:
            ways["hierarchical, NUTS"] = "hierarchical", by_nuts(draws, seed)
        fits = {
            name: mf.fit(hierarchy(kind), *train, groups=names, **how)
            for name, (kind, how) in ways.items()
        }
        scores.append(
            {k: accuracy(it.predict(test[0], groups=names), test[1]) for k, it in fits.items()}
        )
        fresh.append(new_tasks(fits["hierarchical"], restarts, seed))
        print(seed, *(f"{name} {value:.1%}" for name, value in {**scores[-1], **fresh[-1]}.items()))
        if seed == 0:
            draw(fits, train).savefig(Path(folder) / "rotated_moons.png", dpi=120)
    for table in (scores, fresh):
        for name in table[0]:
            values = np.array([one[name] for one in table])
            se = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
            print(f"{name:<23} {values.mean():.2%} (standard error {se:.2%})")
    separate = np.array([one["separate"] for one in scores])
    for name in (name for name in scores[0] if name.startswith("hierarchical")):
        ours = np.array([one[name] for one in scores])
        share = (ours - separate).mean() / (BEST - separate).mean()
        print(f"{name} closes {share:.0%} of the gap between separate and {BEST:.1%}")
    return scores, fresh


if __name__ == "__main__":
    main(*sys.argv[1:])
