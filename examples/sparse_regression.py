"""Which five of a hundred inputs matter: a horseshoe on the inputs of a network.

    python examples/sparse_regression.py [FOLDER] [SEEDS]

Friedman's function no. 1 of five inputs, with 95 further ones that are noise, and 300 rows. Prints
how often the five come first, and the test error beside a normal prior's and that of a network that
was told which five; draws the relevance of all inputs.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import make_friedman1

import moonfield as mf

ROWS, TEST, INPUTS, REAL = 300, 2_000, 100, 5
HIDDEN = 20


def friedman(seed):
    """Standardised by known moments of the inputs, and by the training rows' of the target."""
    X, y = make_friedman1(ROWS + TEST, n_features=INPUTS, noise=1.0, random_state=seed)
    X = (X - 0.5) * 12**0.5
    return X[:ROWS], y[:ROWS], X[ROWS:], y[ROWS:]


def horseshoe():
    # five of a hundred inputs expected in use
    first = mf.priors.RegularisedHorseshoe(scale=0.05, per="input")
    return {
        "layers.0.weight": first,
        "*.bias": mf.priors.Normal(0.0, 1.0),
        "*": mf.priors.Scaled(1.0),
    }


PRIORS = {
    "horseshoe": (horseshoe, INPUTS),
    "normal": (lambda: mf.priors.Scaled(1.0), INPUTS),
    "told which": (lambda: mf.priors.Scaled(2.0), REAL),
}


def fit(name, X, y, seed):
    make, inputs = PRIORS[name]
    network = mf.nets.MLP([inputs, HIDDEN, 1])
    model = mf.BayesianNetwork(network, make(), mf.likelihoods.Normal())
    standard = (y - y.mean()) / y.std()
    options = {"method": "advi", "restarts": 2, "seed": seed, "progress": False}
    return mf.fit(model, X[:, :inputs], standard, **options)


def error(posterior, name, X, y, train):
    """Root mean squared error of the mean, in units of y."""
    mean = posterior.predict(X[:, : PRIORS[name][1]], draws=200).mean
    return float(np.sqrt(np.mean((train.mean() + train.std() * mean - y) ** 2)))


def draw(relevances) -> Figure:
    figure, axes = plt.subplots(
        len(relevances), 1, figsize=(10, 5), layout="constrained", sharex=True
    )
    for ax, (name, found) in zip(axes, relevances.items(), strict=True):
        colours = np.where(np.arange(INPUTS) < REAL, "tab:red", "0.6")
        ax.vlines(np.arange(INPUTS), *found.interval.T, colors=colours)
        ax.scatter(np.arange(INPUTS), found.mean, c=colours, s=14)
        ax.set(title=f"{name}: relevance of each input, 5% to 95%", ylim=(0, None))
    axes[-1].set_xlabel("input; the first five are real")
    return figure


def main(folder=".", seeds=10):
    errors, ranked = [], []
    for seed in range(int(seeds)):
        X, y, X_test, y_test = friedman(seed)
        fits = {name: fit(name, X, y, seed) for name in PRIORS}
        errors.append({name: error(it, name, X_test, y_test, y) for name, it in fits.items()})
        relevances = {
            name: mf.diagnostics.relevance(fits[name], draws=500)
            for name in ("horseshoe", "normal")
        }
        ranked.append(
            {name: set(r.order[:REAL]) == set(range(REAL)) for name, r in relevances.items()}
        )
        print(seed, *(f"{name} {value:.3f}" for name, value in errors[-1].items()), ranked[-1])
        if seed == 0:
            draw(relevances).savefig(Path(folder) / "sparse_regression.png", dpi=120)
    for name in errors[0]:
        values = np.array([one[name] for one in errors])
        first = (
            f", the five first in {sum(one[name] for one in ranked)}" if name in ranked[0] else ""
        )
        print(f"{name:<10} test error {values.mean():.3f}{first}")
    return errors, ranked


if __name__ == "__main__":
    main(*sys.argv[1:])
