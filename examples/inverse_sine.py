"""What is not a function: the inverse of a sine, by a mixture density network.

    python examples/inverse_sine.py [FOLDER] [STEPS]

`x = y + 0.3 sin(2 pi y) + noise` (Bishop, 1994), to be solved for y: for some x there are three
answers. Prints how often sets that should hold 90% of the targets hold them, and how large they
are, for a mixture and for one normal; draws both.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import moonfield as mf

LEVEL = 0.9


def inverse_sine(rows, seed):
    """Inputs (rows, 1), standardised by their known mean and sd, and targets (rows,)."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(0.0, 1.0, rows)
    x = y + 0.3 * np.sin(2.0 * np.pi * y) + rng.uniform(-0.1, 0.1, rows)
    return (x[:, None] - 0.5) / 0.3, y


def fit(likelihood, outputs, X, y, steps):
    network = mf.nets.MLP([1, 30, outputs])
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 2.0), likelihood)
    return mf.fit(model, X, y, method="advi", steps=steps, seed=0)


def inside(sets, y):
    """Whether y lies in its row's set."""
    return ((sets[..., 0] <= y[:, None]) & (y[:, None] <= sets[..., 1])).any(axis=-1)


def size(sets):
    """Total length of each row's set."""
    return np.nansum(sets[..., 1] - sets[..., 0], axis=-1)


def draw(predictions, grid, X, y) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained", sharey=True)
    for ax, (name, prediction) in zip(axes, predictions.items(), strict=True):
        ax.plot(X[:, 0], y, ".", color="0.6", markersize=3)
        for interval in np.moveaxis(prediction.highest_density(LEVEL), 1, 0):
            ax.fill_between(grid[:, 0], *interval.T, alpha=0.4, color="tab:blue", linewidth=0)
        ax.set(title=name, xlabel="x, standardised")
    axes[0].set_ylabel("y")
    return figure


def main(folder=".", steps=None):
    X, y = inverse_sine(1_000, seed=0)
    X_test, y_test = inverse_sine(4_000, seed=1)
    steps = None if steps is None else int(steps)
    fits = {
        "A mixture of five": fit(mf.likelihoods.MixtureDensity(5), 15, X, y, steps),
        "One normal": fit(mf.likelihoods.Normal(sd="head"), 2, X, y, steps),
    }
    found = {}
    for name, posterior in fits.items():
        prediction = posterior.predict(X_test, draws=200)
        sets = prediction.highest_density(LEVEL)
        score = prediction.log_prob(y_test).mean()
        found[name] = inside(sets, y_test).mean(), size(sets).mean(), score
        print(
            f"{name}: {posterior.result.name} after {posterior.diagnostics.steps} steps; 90% sets "
            f"hold {found[name][0]:.1%}, mean size {found[name][1]:.3f}, log score {score:.3f}"
        )
    grid = np.linspace(X.min(), X.max(), 200)[:, None]
    predictions = {name: posterior.predict(grid, draws=200) for name, posterior in fits.items()}
    path = Path(folder) / "inverse_sine.png"
    draw(predictions, grid, X, y).savefig(path, dpi=120)
    print(f"Figure: {path}")
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
