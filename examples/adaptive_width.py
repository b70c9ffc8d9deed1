"""How many hidden units? Learned in one fit, beside a grid of widths.

    python examples/adaptive_width.py [FOLDER] [SEEDS] [PROBLEM ...] [--short]

Moons, spirals and a noisy sine, 1,000 rows each, one hidden layer. A grid fits every width and asks
1,000 held-out rows which is the smallest whose log score is within one standard error of the best
one's. `mf.applications.growing.grow` asks no held-out row: it learns the width with the weights,
once from a network of 4 units and once from one of 256. Prints widths, log scores on 4,000 test
rows and costs, and draws them. The short form has a grid of four widths and starts from 4 and 32.
A search begins with 32 units at least, whatever it is given: few end in local optima of the ELBO.
"""

import sys
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

import moonfield as mf

GRID = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
STARTS = (4, 256)
ROWS, HELD_OUT, TEST = 1_000, 1_000, 4_000
SD = 3.0  # of the output weights' prior, for grid and learned widths alike


def moons(rng, rows):
    X, y = make_moons(rows, noise=0.2, random_state=int(rng.integers(2**31)))
    return (X - [0.5, 0.25]) / [0.88, 0.53], y


def spirals(rng, rows):
    """Two arms of one turn each."""
    y = rng.integers(0, 2, rows)
    along = np.sqrt(rng.uniform(0.05, 1.0, rows))
    angle = 2.0 * np.pi * along + np.pi * y
    arms = 2.0 * along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return arms + 0.25 * rng.normal(size=(rows, 2)), y


def sine(rng, rows):
    x = rng.uniform(-2.0, 2.0, rows)
    return x[:, None], np.sin(3.0 * x) + 0.2 * rng.normal(size=rows)


PROBLEMS = {
    "moons": (moons, 2, mf.likelihoods.Bernoulli),
    "spirals": (spirals, 2, mf.likelihoods.Bernoulli),
    "sine": (sine, 1, mf.likelihoods.Normal),
}


class Split(NamedTuple):
    """Rows to train on, to choose a grid's width by, and to test on."""

    train: tuple
    held_out: tuple
    test: tuple


class Fit(NamedTuple):
    width: int
    held_out: np.ndarray  # log scores of rows
    test: np.ndarray
    seconds: float
    steps: int


def split(name, seed):
    make, rng = PROBLEMS[name][0], np.random.default_rng(seed)
    return Split(*(make(rng, rows) for rows in (ROWS, HELD_OUT, TEST)))


def network(name, width, entry):
    _, inputs, likelihood = PROBLEMS[name]
    prior = {"layers.1.weight": entry, "*": mf.priors.Normal(0.0, 2.0)}
    return mf.BayesianNetwork(mf.nets.MLP([inputs, width, 1]), prior, likelihood())


def scored(posterior, rows, width, seconds, steps):
    scores = [posterior.predict(X).log_prob(y) for X, y in (rows.held_out, rows.test)]
    return Fit(width, *map(np.asarray, scores), seconds, steps)


def fixed(name, rows, width, seed):
    begun = time.perf_counter()
    model = network(name, width, mf.priors.Normal(0.0, SD))
    posterior = mf.fit(model, *rows.train, method="advi", seed=seed, progress=False)
    return scored(posterior, rows, width, time.perf_counter() - begun, posterior.diagnostics.steps)


def learned(name, rows, start, seed):
    begun = time.perf_counter()
    model = network(name, start, mf.priors.AdaptiveWidth(sd=SD))
    found = mf.applications.growing.grow(model, *rows.train, seed=seed)
    seconds, width = time.perf_counter() - begun, found.widths["layers.0"]
    tried = " ".join(str(stage.widths["layers.0"]) for stage in found.stages if stage.kept)
    print(f"  from {start}: {tried}; {len(found.arrays)} compilations")
    return scored(found.posterior, rows, width, seconds, found.steps)


def error(scores):
    return scores.std(ddof=1) / len(scores) ** 0.5


def smallest(grid):
    """The best of a grid, its standard error, and the smallest width within one of it."""
    best = max(grid, key=lambda fit: fit.held_out.mean())
    se = error(best.held_out)
    enough = [fit for fit in grid if fit.held_out.mean() >= best.held_out.mean() - se]
    return best, se, min(enough, key=lambda fit: fit.width)


def judge(name, seed, widths=GRID, starts=STARTS):
    """One problem, one draw of the data."""
    rows = split(name, seed)
    ours = [learned(name, rows, start, seed) for start in starts]
    grid = [fixed(name, rows, width, seed) for width in widths]
    best, se, small = smallest(grid)
    for number, fit in enumerate(grid + ours):
        print(
            f"  {'grid' if number < len(grid) else 'learned':<8} {fit.width:3d} units, held out "
            f"{fit.held_out.mean():.4f}, test {fit.test.mean():.4f}, {fit.steps:6d} steps, "
            f"{fit.seconds:.1f} s"
        )
    found = [fit.width for fit in ours]
    shortfall = [(best.test.mean() - fit.test.mean()) / se for fit in ours]
    cost = [fit.seconds / sum(one.seconds for one in grid) for fit in ours]
    usual = np.median([fit.steps for fit in grid])
    print(
        f"{name} {seed}: smallest sufficient width {small.width} (best {best.width}), learned "
        f"{found}; test log score below the grid's best by {shortfall[0]:.2f} and "
        f"{shortfall[1]:.2f} standard errors; {cost[0]:.0%} and {cost[1]:.0%} of the grid's time, "
        f"updates of {ours[0].steps / usual:.1f} and {ours[1].steps / usual:.1f} of its fits",
        flush=True,
    )
    return {"grid": grid, "ours": ours, "small": small.width, "se": se, "shortfall": shortfall}


def draw(found):
    """Held-out log score by width, with the standard error, and the widths that were learned."""
    figure, axes = plt.subplots(
        1, len(found), figsize=(4.2 * len(found), 3.4), layout="constrained", squeeze=False
    )
    for ax, (name, one) in zip(axes[0], found.items(), strict=True):
        widths = [fit.width for fit in one["grid"]]
        means = np.array([fit.held_out.mean() for fit in one["grid"]])
        ax.errorbar(widths, means, [error(fit.held_out) for fit in one["grid"]], fmt="o-", ms=4)
        ax.axhspan(means.max() - one["se"], means.max(), alpha=0.15)
        for fit, start, mark in zip(one["ours"], ("from few", "from many"), "^v", strict=True):
            ax.plot(fit.width, fit.held_out.mean(), mark, ms=9, label=f"learned, {start}")
        ax.set(xscale="log", xlabel="hidden units", ylabel="log score, nats a row", title=name)
        ax.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
        ax.legend()
    return figure


def main(*arguments):
    short = "--short" in arguments
    given = [argument for argument in arguments if argument != "--short"]
    folder, seeds = (*given, *(".", 3)[len(given) :])[:2]
    problems = given[2:]
    sizes = ((2, 3, 4, 16), (4, 32)) if short else (GRID, STARTS)
    tables = {}
    for name in problems or PROBLEMS:
        tables[name] = [judge(name, seed, *sizes) for seed in range(int(seeds))]
    draw({name: rows[0] for name, rows in tables.items()}).savefig(
        Path(folder) / "adaptive_width.png", dpi=120
    )
    for name, rows in tables.items():
        ratios = [fit.width / one["small"] for one in rows for fit in one["ours"]]
        agree = [one["ours"][1].width / one["ours"][0].width for one in rows]
        short = np.concatenate([one["shortfall"] for one in rows])
        print(
            f"{name:<8} learned / smallest sufficient {min(ratios):.2f} to {max(ratios):.2f}; from "
            f"many / from few: {', '.join(f'{a:.2f}' for a in agree)}; test shortfall in standard "
            f"errors {short.mean():.2f}, at most {short.max():.2f}"
        )
    return tables


if __name__ == "__main__":
    main(*sys.argv[1:])
