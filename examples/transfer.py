"""What one task teaches another: informed priors on handwritten digits.

    python examples/transfer.py [FOLDER] [SEEDS] [--short]

A network was fitted before; the posterior of its weights is the prior of the next task, which has
few labels. Twice, on scikit-learn's images of 8 x 8 pixels:

- new classes: it has told 0 to 4 apart, and is to tell 5 to 9 apart from 5 labels a class;
- turned digits: it has told all ten apart, and is to tell them apart turned by 30 degrees, from 2
  labels a class.

Beside the informed prior: the same network from scratch; fine-tuning, that is, the old means
trained on by Adam; and a ceiling, the informed prior of a network that had all labels of the new
task but those of the test images. Prints accuracies and log scores on these, means over draws of
the labels with standard errors, and how far the prior closes the distance from scratch to the
ceiling; draws them. Choices were made on mirrored tasks: from 5 to 9 to 0 to 4, and turned the
other way.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
import optax
from matplotlib.figure import Figure
from scipy import ndimage
from sklearn.datasets import load_digits

import moonfield as mf

COPIES = 10  # of each old image, distorted, so that features are of more than these images
FRESH = {"*.weight": mf.priors.Scaled(2.0), "*": mf.priors.Normal(0.0, 1.0)}
METHOD, BEFORE, AFTER, DRAWS = "advi", 3_000, 3_000, 100
POINT, ADAM = mf.families.Point(), optax.adam(1e-3)
KINDS = ("scratch", "fine-tuned", "informed", "ceiling")
WINDOW = 8 * np.arange(3)[:, None] + np.arange(3)
PATCHES = np.array([(8 * r + c + WINDOW).ravel() for r in range(6) for c in range(6)])  # (36, 9)


class Convolutional(eqx.Module):
    """Two small convolutions, written as products with patches, and two affine layers.

    3 x 3 patches of 8 x 8 pixels become 16 channels, 2 x 2 patches of these without overlap 32.
    """

    layers: list[eqx.nn.Linear]
    head: eqx.nn.Linear

    def __init__(self, classes):
        key = jax.random.key(0)  # of no matter: values come from priors and posteriors
        self.layers = [eqx.nn.Linear(i, o, key=key) for i, o in ((9, 16), (64, 32), (288, 64))]
        self.head = eqx.nn.Linear(64, classes, key=key)

    def __call__(self, image):
        first, second, third = self.layers
        x = jax.nn.relu(jax.vmap(first)(image[PATCHES]))
        x = x.reshape(3, 2, 3, 2, 16).transpose(0, 2, 1, 3, 4).reshape(9, 64)
        x = jax.nn.relu(jax.vmap(second)(x)).ravel()
        return self.head(jax.numpy.tanh(third(x)))


class Setting(NamedTuple):
    """Images and labels: learned before, by the ceiling, drawn from for the new task, tested on."""

    old: tuple
    known: tuple
    pool: tuple
    test: tuple
    layers: str  # that the old posterior informs; a head of other classes is new
    inflate: float
    labels: int  # a class
    tuning: int  # steps of Adam


def digits(classes=range(10)):
    X, y = load_digits(return_X_y=True)
    kept = np.isin(y, classes)
    return X[kept] / 16.0, y[kept] - min(classes)


def halves(X, y, seed):
    order = np.random.default_rng(seed).permutation(len(y))
    first, second = np.array_split(order, 2)
    return (X[first], y[first]), (X[second], y[second])


def new_classes(old=range(5), new=range(5, 10)):
    pool, test = halves(*digits(new), seed=7)
    old, known = distorted(*digits(old)), distorted(*pool)
    return Setting(old, known, pool, test, "layers.*", 10.0, 5, 100)


def turned_digits(degrees=30.0):
    old, rest = halves(*digits(), seed=3)
    pool, test = ((turned(X, degrees), y) for X, y in halves(*rest, seed=7))
    return Setting(old, pool, pool, test, "*", 3.0, 2, 100)


SETTINGS = {"new classes": new_classes, "turned digits": turned_digits}


def turned(X, degrees):
    return ndimage.rotate(X.reshape(-1, 8, 8), degrees, (1, 2), reshape=False, order=1).reshape(
        -1, 64
    )


def distorted(X, y):
    """The images, and copies of them turned, sheared, scaled and moved a little."""
    rng, centre = np.random.default_rng(0), np.array([3.5, 3.5])
    found = [X]
    for _ in range(COPIES - 1):
        images = []
        for image in X.reshape(-1, 8, 8):
            angle, shear = rng.normal(0.0, 0.2), rng.normal(0.0, 0.15)
            turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            matrix = np.exp(rng.normal(0.0, 0.08)) * np.array(turn) @ [[1.0, 0.0], [shear, 1.0]]
            offset = centre - matrix @ centre + rng.normal(0.0, 0.7, 2)
            images.append(ndimage.affine_transform(image, matrix, offset, order=1))
        found.append(np.reshape(images, (-1, 64)))
    return np.concatenate(found), np.tile(y, COPIES)


def model(y, prior):
    return mf.BayesianNetwork(Convolutional(int(y.max()) + 1), prior, mf.likelihoods.Categorical())


def learn(rows, steps):
    """The posterior of many rows, by which a prior is informed."""
    options = {"method": "ivon", "batch_size": 100, "steps": steps, "progress": False}
    return mf.fit(model(rows[1], FRESH), *rows, **options)


def informed(posterior, setting):
    found = mf.priors.Informed.from_posterior(posterior, setting.layers, setting.inflate)
    return found if setting.layers == "*" else {**found, **FRESH}


def fine_tuned(posterior, setting, X, y, seed):
    """The old means, a new head where the classes are new, and some steps of Adam."""
    tuned = model(y, FRESH)
    start, means = tuned.init(jax.random.key(seed)), posterior.sample(200)["network"]
    old = jax.tree.map(lambda draws: draws.mean(axis=0), means)
    head = start["network"].head if setting.layers != "*" else old.head
    weights = eqx.tree_at(lambda it: (it.layers, it.head), start["network"], (old.layers, head))
    method = mf.ADVI(POINT, optimizer=ADAM)
    options = {"steps": setting.tuning, "start": {**start, "network": weights}, "seed": seed}
    return mf.fit(tuned, X, y, method=method, progress=False, **options)


def draw_labels(y, each, seed):
    """Indices of so many rows of each class."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.choice(np.flatnonzero(y == c), each, replace=False) for c in np.unique(y)]
    )


def row(setting, learned, seed, steps):
    """Accuracy and log score of every kind, for one draw of the labels; (kinds, 2)."""
    few = draw_labels(setting.pool[1], setting.labels, seed)
    X, y = setting.pool[0][few], setting.pool[1][few]
    options = {"method": METHOD, "steps": steps, "seed": seed, "progress": False}
    priors = {
        "scratch": FRESH,
        "informed": informed(learned["old"], setting),
        "ceiling": informed(learned["known"], setting),
    }
    fits = {name: mf.fit(model(y, prior), X, y, **options) for name, prior in priors.items()}
    fits["fine-tuned"] = fine_tuned(learned["old"], setting, X, y, seed)
    return np.array([judge(fits[kind], *setting.test) for kind in KINDS])


def judge(posterior, X, y):
    prediction = posterior.predict(X, draws=DRAWS)
    return (prediction.label == y).mean(), prediction.log_prob(y).mean()


def mean_and_se(values):
    values = np.asarray(values)
    se = values.std(axis=0, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan * values[0]
    return values.mean(axis=0), se


def table(name, found):
    """Means over draws of the labels, and paired differences; `found` (seeds, kinds, 2)."""
    for kind, (accuracy, score), (se, score_se) in zip(KINDS, *mean_and_se(found), strict=True):
        print(
            f"{name}, {kind:<10} accuracy {accuracy:.2%} (standard error {se:.2%}), "
            f"log score {score:.3f} ({score_se:.3f})"
        )
    scratch, tuned, ours, ceiling = np.moveaxis(found, 1, 0)
    for other, values in {"scratch": scratch, "fine-tuning": tuned}.items():
        (accuracy, score), (se, score_se) = mean_and_se(ours - values)
        print(
            f"{name}, informed less {other}: {100 * accuracy:+.2f} points ({100 * se:.2f}), "
            f"log score {score:+.3f} ({score_se:.3f})"
        )
    closed = (ours - scratch).mean(axis=0) / (ceiling - scratch).mean(axis=0)
    print(f"{name}: informed closes {closed[0]:.0%} of the distance from scratch to the ceiling")


def draw(settings, results) -> Figure:
    """Some images of each task, and accuracies with two standard errors."""
    figure = Figure(figsize=(11, 3.2 * len(settings)), layout="constrained")
    axes = figure.subplots(len(settings), 3, squeeze=False)
    for (old, new, ax), (name, setting) in zip(axes, settings.items(), strict=True):
        for place, title, (X, _) in ((old, "learned", setting.old), (new, "new", setting.test)):
            rows = X[:40].reshape(5, 8, 8, 8).transpose(0, 2, 1, 3).reshape(40, 64)
            place.imshow(rows, cmap="gray_r")
            place.set(title=f"{name}: {title}", xticks=[], yticks=[])
        mean, se = mean_and_se(results[name])
        ax.errorbar(mean[:, 0], KINDS, xerr=2 * np.nan_to_num(se[:, 0]), fmt="o", capsize=3)
        ax.set(title=f"{setting.labels} labels a class", xlabel="accuracy on test images")
        ax.invert_yaxis()
    return figure


def main(*arguments):
    short = "--short" in arguments
    folder, seeds, *_ = *(argument for argument in arguments if argument != "--short"), None, None
    seeds = (2 if short else 10) if seeds is None else int(seeds)
    before, after = (1_000, 500) if short else (BEFORE, AFTER)
    settings, results = {name: make() for name, make in SETTINGS.items()}, {}
    for name, setting in settings.items():
        learned = {kind: learn(getattr(setting, kind), before) for kind in ("old", "known")}
        results[name] = np.array([row(setting, learned, seed, after) for seed in range(seeds)])
        table(name, results[name])
    draw(settings, results).savefig(Path(folder or ".") / "transfer.png", dpi=120)
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
