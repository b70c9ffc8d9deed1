"""Which way does it turn? Sequences of unequal lengths, by an LSTM with uncertain weights.

    python examples/sequences.py [FOLDER] [SEEDS] [--short]

Something moves on a ring of three places, unseen: at each step it goes on with probability 0.6,
stays with 0.25 and goes back with 0.15. "On" is clockwise in one class and anticlockwise in the
other. What is seen is its place in the plane with much noise, for 3 to 24 steps. A sequence read
backwards is one of the other class, so that nothing but the order of steps tells, and short
sequences tell little. The forward algorithm for hidden Markov chains, which is told the chances and
the noise, gives the true probability of a class: no classifier can do better.

Prints accuracies and log scores on fresh sequences by length, means over data seeds with standard
errors: of the truth, the LSTM, and a logistic regression that sees means and sds over time. Draws
accuracies by length, and the LSTM's probabilities beside the true ones.
"""

import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit, logsumexp
from sklearn.linear_model import LogisticRegression

import moonfield as mf

ROWS, TEST, NOISE = 2_000, 2_000, 0.5
LENGTHS = range(3, 25)
BANDS = {"3 to 7": (3, 7), "8 to 14": (8, 14), "15 to 24": (15, 24)}
ANGLES = 2.0 * np.pi * np.arange(3) / 3.0
PLACES = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
MOVES = (0.25, 0.6, 0.15)  # to places 0, 1, 2 further on
STEPS, BATCH, UNITS = 4_000, 100, 8


def sequences(rows, seed):
    """Noisy places (time, 2) of each row, and classes (rows,)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, rows)
    lengths = rng.choice(LENGTHS, rows)
    found = []
    for length, sense in zip(lengths, np.where(y == 1, 1, -1), strict=True):
        moves = rng.choice(3, length, p=MOVES)
        place = (rng.integers(3) + sense * np.cumsum(moves)) % 3
        found.append(PLACES[place] + NOISE * rng.normal(size=(length, 2)))
    return found, y


def truth(rows):
    """The true probability of class 1 of each sequence, by the forward algorithm."""
    ahead = np.log([[MOVES[(b - a) % 3] for b in range(3)] for a in range(3)])
    return np.array([expit(_log_density(x, ahead) - _log_density(x, ahead.T)) for x in rows])


def _log_density(x, ahead):
    """Up to a constant, of a sequence under a chain of these log chances from place to place."""
    seen = -0.5 * ((x[:, None] - PLACES) ** 2).sum(axis=-1) / NOISE**2
    belief = seen[0]
    for now in seen[1:]:
        belief = now + logsumexp(belief[:, None] + ahead, axis=0)
    return logsumexp(belief)


def bag(rows):
    """What is left of sequences without the order of their steps."""
    return np.array([[*x.mean(axis=0), *x.std(axis=0), len(x)] for x in rows])


def fit(rows, y, seed, steps):
    model = mf.BayesianNetwork(
        mf.nets.Recurrent([2, UNITS, 1], cell="lstm"),
        mf.priors.Scaled(1.5),
        mf.likelihoods.Bernoulli(),
    )
    options = {"method": "advi", "steps": steps, "batch_size": BATCH, "progress": False}
    return mf.fit(model, mf.nets.pad(rows, max(LENGTHS)), y, seed=seed, **options)


def judge(seed, steps):
    """Probabilities of class 1 for fresh sequences by name, their lengths and classes."""
    begun = time.perf_counter()
    (X, y), (X_test, y_test) = sequences(ROWS, seed), sequences(TEST, 10_000 + seed)
    posterior = fit(X, y, seed, steps)
    plain = LogisticRegression(max_iter=1_000).fit(bag(X), y)
    found = {
        "truth": truth(X_test),
        "LSTM": posterior.predict(mf.nets.pad(X_test, max(LENGTHS)), draws=100).mean,
        "bag of steps": plain.predict_proba(bag(X_test))[:, 1],
    }
    print(f"seed {seed}: {time.perf_counter() - begun:.0f} s, accuracy", end=" ")
    print(*(f"{name} {((p > 0.5) == y_test).mean():.3f}" for name, p in found.items()), flush=True)
    return found, np.array([len(x) for x in X_test]), y_test


def scores(p, y):
    """Accuracy, and mean log score in nats."""
    right = np.where(y == 1, p, 1.0 - p)
    return ((p > 0.5) == y).mean(), np.log(right).mean()


def table(results):
    """By length, then over all: means over seeds with standard errors."""
    for band, (least, most) in {**BANDS, "all": (LENGTHS[0], LENGTHS[-1])}.items():
        for name in results[0][0]:
            values = []
            for found, lengths, y in results:
                here = (lengths >= least) & (lengths <= most)
                values.append(scores(found[name][here], y[here]))
            (accuracy, log_score), errors = np.mean(values, axis=0), [np.nan] * 2
            if len(values) > 1:
                errors = np.std(values, axis=0, ddof=1) / len(values) ** 0.5
            print(
                f"{band:<9} {name:<13} accuracy {accuracy:.2%} (standard error {errors[0]:.2%}), "
                f"log score {log_score:.4f} ({errors[1]:.4f})"
            )


def draw(results) -> Figure:
    """Accuracy by length, and probabilities beside the true ones."""
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    lengths, y = (np.concatenate([result[i] for result in results]) for i in (1, 2))
    every = np.array_split(np.array(LENGTHS), 8)
    for name in results[0][0]:
        p = np.concatenate([found[name] for found, _, _ in results])
        hits = (p > 0.5) == y
        parts = [np.isin(lengths, some) for some in every]
        means = [hits[part].mean() for part in parts]
        errors = [hits[part].std() / part.sum() ** 0.5 for part in parts]
        left.errorbar([some.mean() for some in every], means, errors, marker="o", ms=4, label=name)
    left.set(xlabel="steps", ylabel="accuracy", title="Longer sequences tell more")
    left.legend()
    found, steps, _ = results[0]
    dots = right.scatter(found["truth"], found["LSTM"], c=steps, s=5, cmap="viridis")
    right.plot([0, 1], [0, 1], color="0.4", linewidth=1)
    right.set(xlabel="true probability", ylabel="LSTM's probability", aspect="equal")
    figure.colorbar(dots, ax=right, label="steps")
    return figure


def main(*arguments):
    short = "--short" in arguments
    given = [argument for argument in arguments if argument != "--short"]
    folder, seeds = (*given, *(".", 1 if short else 3)[len(given) :])[:2]
    steps = 1_500 if short else STEPS
    results = [judge(seed, steps) for seed in range(int(seeds))]
    table(results)
    draw(results).savefig(Path(folder) / "sequences.png", dpi=120)
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
