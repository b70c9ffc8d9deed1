"""What is not a function: the inverse of a sine, by a mixture density network.

    python examples/inverse_sine.py [FOLDER] [SEEDS] [--short]

`x = y + 0.3 sin(2 pi y) + noise` (Bishop, 1994, "Mixture density networks", section 5; here with
normal noise) is to be solved for y: for some x there are three answers. A mixture of normals says
where they lie, one normal cannot. Prints how often sets that should hold 90% of the targets of
fresh rows hold them, how large the sets are, and log scores: means over data seeds with standard
errors, beside the true conditional density, whose sets the same code computes. Draws densities.

The posterior is an ensemble of modes. Mean-field ADVI is not for this network: weights that do not
know of one another's errors make the densities too wide (of 1,000 rows, on one seed, its sets held
97% and were twice as large).
"""

import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import moonfield as mf

ROWS, TEST, NOISE, LEVEL = 3_000, 2_000, 0.06, 0.9
MEMBERS, BATCH, STEPS = 5, 500, 6_000
SPREAD = 12**-0.5  # sd of a number that is uniform on 0 to 1: units of x and y
HEADS = {
    "five normals": (mf.likelihoods.MixtureDensity(5), 15),
    "one normal": (mf.likelihoods.Normal(sd="head"), 2),
}
PRIOR = {"*.weight": mf.priors.Scaled(3.0), "*": mf.priors.Normal(0.0, 1.0)}


def forward(y):
    """The mean of x, given y."""
    return y + 0.3 * np.sin(2.0 * np.pi * y)


def inverse_sine(rows, seed):
    """Inputs (rows, 1) and targets (rows,), standardised by the mean and sd of a uniform."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(0.0, 1.0, rows)
    x = forward(y) + rng.normal(0.0, NOISE, rows)
    return (x[:, None] - 0.5) / SPREAD, (y - 0.5) / SPREAD


class Truth(eqx.Module):
    """A network that knows: `p(y | x)` as a mixture of many narrow normals.

    By Bayes' rule `p(y | x) = N(x; forward(y), NOISE) / constant` for y between 0 and 1.
    """

    y: jax.Array

    def __init__(self, cells=200):
        self.y = (jnp.arange(cells) + 0.5) / cells

    def __call__(self, x):
        mean = self.y + 0.3 * jnp.sin(2.0 * jnp.pi * self.y)
        logits = -0.5 * ((SPREAD * x + 0.5 - mean) / NOISE) ** 2
        sd = jnp.full_like(logits, 0.8 / len(self.y) / SPREAD)
        return jnp.concatenate([logits, (self.y - 0.5) / SPREAD, jnp.log(jnp.expm1(sd))])


def truth(X):
    """The true conditional density of rows, as a `Prediction`."""
    network = Truth()
    known = mf.priors.Informed.from_weights(network, sd=1e-7)
    likelihood = mf.likelihoods.MixtureDensity(len(network.y))
    return mf.BayesianNetwork(network, known, likelihood).prior_predictive(X, draws=1)


def fit(name, X, y, seed):
    likelihood, outputs = HEADS[name]
    model = mf.BayesianNetwork(mf.nets.MLP([1, 30, outputs]), PRIOR, likelihood)
    options = {"method": mf.Ensemble(MEMBERS), "batch_size": BATCH, "steps": STEPS}
    return mf.fit(model, X, y, seed=seed, progress=False, **options)


def judge(prediction, y):
    """Share of targets in their rows' sets, mean size of the sets in units of y, log score."""
    sets, y = prediction.highest_density(LEVEL), y[:, None]
    inside = ((sets[..., 0] <= y) & (y <= sets[..., 1])).any(axis=-1)
    size = SPREAD * np.nansum(sets[..., 1] - sets[..., 0], axis=-1)
    return inside.mean(), size.mean(), prediction.log_prob(y[:, 0]).mean()


def row(seed, test):
    """Each fit by name, and what it reaches on fresh rows, for one seed of the data."""
    (X, y), (X_test, y_test) = inverse_sine(ROWS, seed), inverse_sine(test, 10_000 + seed)
    fits = {name: fit(name, X, y, seed) for name in HEADS}
    predictions = {"truth": truth(X_test)}
    predictions |= {name: it.predict(X_test, draws=MEMBERS) for name, it in fits.items()}
    found = {name: judge(prediction, y_test) for name, prediction in predictions.items()}
    says = (f"{name} {coverage:.1%} ({size:.3f})" for name, (coverage, size, _) in found.items())
    print(f"seed {seed}: coverage (size) of", *says, flush=True)
    return fits, found


def table(rows):
    """Means over seeds with standard errors."""
    for name in rows[0]:
        values = np.array([found[name] for found in rows])
        se = values.std(axis=0, ddof=1) / len(rows) ** 0.5 if len(rows) > 1 else [np.nan] * 3
        coverage, size, score = values.mean(axis=0)
        print(
            f"{name:<13} coverage {coverage:.2%} (standard error {se[0]:.2%}, from "
            f"{values[:, 0].min():.1%} to {values[:, 0].max():.1%}), size {size:.3f} "
            f"({se[1]:.3f}), log score {score:.3f} ({se[2]:.3f})"
        )


def draw(fits, seed) -> Figure:
    """Densities of y for each x with their sets; and, for one x with three answers, in full."""
    figure = Figure(figsize=(15, 4.6), layout="constrained")
    *maps, slice_ax = figure.subplots(1, len(fits) + 1)
    X, y = inverse_sine(ROWS, seed)
    x_line, y_line = np.linspace(0.0, 1.0, 100), np.linspace(-0.1, 1.1, 150)
    for ax, (name, posterior) in zip(maps, fits.items(), strict=True):
        grid = (x_line[:, None] - 0.5) / SPREAD
        pairs = np.repeat(grid, len(y_line), axis=0), np.tile((y_line - 0.5) / SPREAD, len(grid))
        log_p = posterior.predict(pairs[0], draws=MEMBERS).log_prob(pairs[1])
        p = np.exp(log_p.reshape(len(grid), -1).T) / SPREAD
        ax.pcolormesh(x_line, y_line, p, cmap="Blues", vmax=8.0, rasterized=True)
        ax.plot(SPREAD * X[:, 0] + 0.5, SPREAD * y + 0.5, ".", color="0.4", markersize=1.5)
        sets = SPREAD * posterior.predict(grid, draws=MEMBERS).highest_density(LEVEL) + 0.5
        for end in np.moveaxis(sets, 0, -1).reshape(-1, len(grid)):
            ax.plot(x_line, end, ".", color="tab:orange", markersize=3)
        ax.set(title=f"{name}, ends of {LEVEL:.0%} sets", xlabel="x", xlim=(0, 1), ylim=(-0.1, 1.1))
    maps[0].set_ylabel("y")
    _slice(slice_ax, fits, (y_line - 0.5) / SPREAD)
    return figure


def _slice(ax, fits, y):
    """Densities of y for x = 0.5, and their sets below."""
    X, x = np.zeros((len(y), 1)), np.zeros((1, 1))
    found = {"truth": truth} | {
        name: lambda rows, it=it: it.predict(rows, draws=MEMBERS) for name, it in fits.items()
    }
    for place, (name, predict) in enumerate(found.items()):
        (line,) = ax.plot(SPREAD * y + 0.5, np.exp(predict(X).log_prob(y)) / SPREAD, label=name)
        for low, high in SPREAD * predict(x).highest_density(LEVEL)[0] + 0.5:
            height = -0.15 * (1 + place)
            ax.plot([low, high], [height, height], color=line.get_color(), linewidth=4)
    ax.set(title=f"Densities for x = 0.5, {LEVEL:.0%} sets below", xlabel="y", ylim=(-0.7, 2.9))
    ax.legend(loc="upper center", ncols=3)


def main(*arguments):
    short = "--short" in arguments
    folder, seeds, *_ = *(argument for argument in arguments if argument != "--short"), None, None
    test, few = (1_000, 1) if short else (TEST, 5)
    rows = []
    for seed in range(few if seeds is None else int(seeds)):
        fits, found = row(seed, test)
        rows.append(found)
        if seed == 0:
            draw(fits, seed).savefig(Path(folder or ".") / "inverse_sine.png", dpi=120)
    table(rows)
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:])
