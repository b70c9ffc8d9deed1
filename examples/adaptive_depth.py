"""How many layers? Learned in one fit, beside a grid of depths.

    python examples/adaptive_depth.py [FOLDER] [SEEDS] [TURNS ...] [--short]

Two spirals, wound up more and more: 1,000 rows to train on. A residual network of 4 units learns
how many of its 5 blocks it needs: `mf.priors.AdaptiveDepth`, one fit for each draw of the data, no
held-out row. A grid fits every depth by itself, and 1,000 held-out rows say which is best, and
which is the smallest whose log score is within one standard error of that. All fits keep the best
of 4 restarts by ELBO. Prints depths, log scores on 4,000 test rows and costs, each as mean and
standard error over seeds, and draws the posterior over depths by winding. The short form has two
windings, two depths in the grid, and fewer steps. The learned depth follows the ELBO, which asks
for fewer blocks than held-out rows do: each has to pay for its weights.
"""

import sys
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

import moonfield as mf

TURNS = (0.0, 0.5, 1.0, 1.5)
BLOCKS, WIDTH = 5, 4
ROWS, HELD_OUT, TEST = 1_000, 1_000, 4_000
STEPS, RESTARTS = 6_000, 4


class Split(NamedTuple):
    """Rows to train on, to choose a grid's depth by, and to test on."""

    train: tuple
    held_out: tuple
    test: tuple


class Fit(NamedTuple):
    depth: float
    elbo: float
    held_out: np.ndarray  # log scores of rows
    test: float  # mean log score
    seconds: float


def spirals(rng, rows, turns):
    """Two arms of so many turns."""
    y = rng.integers(0, 2, rows)
    along = np.sqrt(rng.uniform(0.02, 1.0, rows))
    angle = 2.0 * np.pi * turns * along + np.pi * y
    arms = 2.0 * along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return arms + 0.12 * rng.normal(size=(rows, 2)), y


def split(turns, seed):
    rng = np.random.default_rng(seed)
    return Split(*(spirals(rng, rows, turns) for rows in (ROWS, HELD_OUT, TEST)))


def model(blocks, learned=False):
    network = mf.nets.ResidualMLP([2] + [WIDTH] * (1 + blocks) + [1])
    table = {"first.*": mf.priors.Normal(0.0, 2.0), "*": mf.priors.Normal(0.0, 1.0)}
    prior = mf.priors.AdaptiveDepth(table) if learned else table
    return mf.BayesianNetwork(network, prior, mf.likelihoods.Bernoulli())


def fitted(it, rows, steps, seed):
    """A posterior, and the seconds it took."""
    begun = time.perf_counter()
    options = {"steps": steps, "restarts": RESTARTS, "seed": seed, "progress": False}
    return mf.fit(it, *rows.train, method="advi", **options), time.perf_counter() - begun


def scored(posterior, depth, rows, seconds):
    held_out, test = (
        np.asarray(posterior.predict(X).log_prob(y)) for X, y in (rows.held_out, rows.test)
    )
    return Fit(depth, posterior.diagnostics.elbo, held_out, float(test.mean()), seconds)


def smallest(grid):
    """The best depth of a grid by held-out rows, and the smallest within one standard error."""
    best = max(grid, key=lambda fit: fit.held_out.mean())
    least = best.held_out.mean() - best.held_out.std(ddof=1) / len(best.held_out) ** 0.5
    return best, min((fit for fit in grid if fit.held_out.mean() >= least), key=lambda f: f.depth)


def judge(turns, seed, depths, steps):
    """One winding, one draw of the data."""
    rows = split(turns, seed)
    posterior, seconds = fitted(model(BLOCKS, learned=True), rows, steps, seed)
    q = posterior.architecture.depths
    ours = scored(posterior, float(q @ np.arange(len(q))), rows, seconds)
    one = scored(posterior.architecture.at_depth(), int(q.argmax()), rows, seconds)
    grid = []
    for depth in depths:
        alone, seconds = fitted(model(depth), rows, steps, seed)
        grid.append(scored(alone, depth, rows, seconds))
    best, small = smallest(grid)
    elbos = np.array([fit.elbo for fit in grid])
    print(f"  {turns} turns, seed {seed}: q(depth) {np.round(q, 2)}, ELBO {ours.elbo:.1f}")
    print(f"    grid: ELBO {np.round(elbos, 1)}, held out", end=" ")
    print(np.round([fit.held_out.mean() for fit in grid], 3), flush=True)
    return {
        "q": q,
        "learned depth": ours.depth,
        "best depth by ELBO": depths[int(elbos.argmax())],
        "best depth by held-out rows": best.depth,
        "smallest sufficient depth": small.depth,
        "log score, all depths": ours.test,
        "log score, one depth": one.test,
        "log score, grid's best": best.test,
        "log score, grid's smallest": small.test,
        "log score, no block": grid[0].test,
        "cost over grid's": ours.seconds / sum(fit.seconds for fit in grid),
    }


def draw(found):
    """The posterior over depths by winding, and log scores."""
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.4), layout="constrained")
    X, y = spirals(np.random.default_rng(0), 500, max(found))
    axes[0].scatter(*X.T, c=y, s=4, cmap="coolwarm")
    axes[0].set(title=f"{max(found)} turns", xticks=[], yticks=[], aspect="equal")
    for turns, rows in found.items():
        q = np.mean([row["q"] for row in rows], axis=0)
        axes[1].plot(q, "o-", ms=4, label=f"{turns} turns")
    axes[1].set(xlabel="blocks", ylabel="posterior probability")
    axes[1].legend()
    for name in ("all depths", "one depth", "grid's best", "no block"):
        means, errors = zip(
            *(summary([row[f"log score, {name}"] for row in rows]) for rows in found.values()),
            strict=True,
        )
        axes[2].errorbar(list(found), means, errors, fmt="o-", ms=4, capsize=2, label=name)
    axes[2].set(xlabel="turns", ylabel="test log score, nats a row")
    axes[2].legend()
    return figure


def summary(values):
    """Mean and standard error; no error of one value."""
    values = np.asarray(values, float)
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return float(values.mean()), float(error)


def main(*arguments):
    short = "--short" in arguments
    given = [argument for argument in arguments if argument != "--short"]
    folder, seeds = (*given, *(".", 3)[len(given) :])[:2]
    windings = tuple(map(float, given[2:])) or ((0.0, 1.5) if short else TURNS)
    depths, steps = ((0, 2), 3_000) if short else (tuple(range(BLOCKS + 1)), STEPS)
    found = {
        turns: [judge(turns, seed, depths, steps) for seed in range(int(seeds))]
        for turns in windings
    }
    draw(found).savefig(Path(folder) / "adaptive_depth.png", dpi=120)
    print(f"{'turns':<28}" + "".join(f"{turns:>18}" for turns in found))
    for name in list(found[windings[0]][0])[1:]:
        cells = (summary([row[name] for row in rows]) for rows in found.values())
        print(f"{name:<28}" + "".join(f"{mean:9.3f} +- {se:5.3f}" for mean, se in cells))
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
