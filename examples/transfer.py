"""What a network of the digits 0 to 4 is worth for the digits 5 to 9, of which few are labelled.

    python examples/transfer.py [FOLDER] [SEEDS] [--short]

A convolutional network learns scikit-learn's 901 images of 0 to 4. Then 2, 5 or 20 images of each
of 5 to 9 have labels, drawn anew for every seed; the others are tested. A Bayesian network learns
them from scratch, or with the old posterior, three times as wide, as the prior of its convolutions:
at temperature 1, the posterior itself by one mean-field approximation, and at temperature 0.01, the
data counting a hundredfold, by an ensemble of five. Prints accuracies and log scores in nats, means
over seeds with standard errors, and draws them by the number of labels.

Beside them stand others, each with what the test rows like best. Fine-tuning, by Adam from the old
weights, stops where their log score is best. Logistic regression has the penalty they prefer: on
the pixels, and on what the old convolutions make of them, which is what these are worth unchanged.
"""

import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import moonfield as mf

LABELS = (2, 5, 20)  # a class
CLASSES = 5
WIDER = 3.0  # than the old posterior: the new prior of the convolutions
NETWORK = mf.nets.ConvNet((8, 8), channels=[16, 32], outputs=CLASSES)
PRIOR = {
    "layers.2.weight": mf.priors.Scaled(20.0),
    "layers.*.weight": mf.priors.Scaled(2.0**0.5),
    "*": mf.priors.Normal(0.0, 1.0),
}
COLD = mf.ADVI(objective=mf.objectives.Tempered(0.01))
METHODS = {"at 1": mf.ADVI(), "at 0.01": mf.Ensemble(5, COLD)}
STEPS = 1_000
RATE, LOOKS, BETWEEN = 1e-3, 20, 50  # of Adam: how often the test rows are looked at, and when
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)


def images():
    """Images (rows, 8, 8) and their digits: of 0 to 4, and of 5 to 9 counted from 0."""
    X, y = load_digits(return_X_y=True)
    X, old = X.reshape(-1, 8, 8) / 16.0, y < CLASSES
    return (X[old], y[old]), (X[~old], y[~old] - CLASSES)


def labelled(y, count, seed):
    """Which rows have labels: so many of each class."""
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(np.flatnonzero(y == k), count, replace=False) for k in range(CLASSES)]
    return np.isin(np.arange(len(y)), np.concatenate(chosen))


def fit(prior, X, y, method, steps, seed=0, batch_size=None):
    model = mf.BayesianNetwork(NETWORK, prior, mf.likelihoods.Categorical())
    return mf.fit(
        model, X, y, method=method, steps=steps, seed=seed, batch_size=batch_size, progress=False
    )


def scores(probabilities, y):
    """Accuracy, and the mean log probability of the right class."""
    right = np.clip(probabilities[np.arange(len(y)), y], 1e-12, 1.0)
    return (probabilities.argmax(axis=1) == y).mean(), np.log(right).mean()


def fine_tuned(network, train, test):
    """Adam from the old weights and a last layer of zeros, stopped as the test rows like best."""
    last = jax.tree.map(jnp.zeros_like, network.layers[-1])
    arrays, rest = eqx.partition(
        eqx.tree_at(lambda it: it.layers[-1], network, last), eqx.is_inexact_array
    )
    optimiser = optax.adam(RATE)

    def outputs(arrays, X):
        return jax.vmap(eqx.combine(arrays, rest))(jnp.asarray(X, jnp.float32))

    def loss(arrays):
        return optax.softmax_cross_entropy_with_integer_labels(
            outputs(arrays, train[0]), train[1]
        ).mean()

    def step(carry, _):
        arrays, state = carry
        updates, state = optimiser.update(jax.grad(loss)(arrays), state)
        return (optax.apply_updates(arrays, updates), state), None

    def look(carry, _):
        carry, _ = jax.lax.scan(step, carry, length=BETWEEN)
        return carry, jax.nn.softmax(outputs(carry[0], test[0]))

    begin = arrays, optimiser.init(arrays)
    _, found = jax.jit(lambda carry: jax.lax.scan(look, carry, length=LOOKS))(begin)
    return max((scores(np.asarray(p), test[1]) for p in found), key=lambda it: it[1])


def logistic(train, test, features):
    """On standardised features, with the penalty that the test rows like best."""
    scaled = StandardScaler().fit(features(train[0]))
    X_train, X_test = (scaled.transform(features(rows)) for rows, _ in (train, test))
    found = []
    for C in PENALTIES:
        model = LogisticRegression(C=C, max_iter=2_000).fit(X_train, train[1])
        found.append(scores(model.predict_proba(X_test), test[1]))
    return max(found, key=lambda it: it[1])


def judge(network, informed, X, y, count, seed, steps):
    """Accuracy and log score of each way to learn from so many labels."""
    few = labelled(y, count, seed)
    train, test = (X[few], y[few]), (X[~few], y[~few])
    features = jax.vmap(eqx.tree_at(lambda it: it.layers[-1], network, eqx.nn.Identity()))
    found = {
        "logistic, pixels": logistic(train, test, lambda X: X.reshape(-1, 64)),
        "logistic, old features": logistic(train, test, lambda X: features(X.astype(np.float32))),
        "fine-tuning": fine_tuned(network, train, test),
    }
    for name, method in METHODS.items():
        for kind, prior in {"scratch": PRIOR, "informed": {**informed, **PRIOR}}.items():
            posterior = fit(prior, *train, method, steps, seed)
            found[f"{kind}, {name}"] = scores(posterior.predict(test[0]).probabilities, test[1])
    return found


def summary(each):
    """Mean and standard error over seeds; no error of one seed."""
    error = np.std(each, axis=0, ddof=1) / len(each) ** 0.5 if len(each) > 1 else [np.nan] * 2
    return np.mean(each, axis=0), error


def table(results):
    for count, judged in results.items():
        print(f"{count} labels a class")
        for name in judged[0]:
            mean, error = summary([found[name] for found in judged])
            print(
                f"{name:<23} accuracy {mean[0]:.2%} (standard error {error[0]:.2%}), "
                f"log score {mean[1]:.3f} ({error[1]:.3f})"
            )


def draw(results) -> Figure:
    """Both scores by the number of labels."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    axes = figure.subplots(1, 2)
    for name in next(iter(results.values()))[0]:
        each = [summary([found[name] for found in judged]) for judged in results.values()]
        style = "--" if name.startswith(("logistic", "fine")) else "-"
        for i, axis in enumerate(axes):
            means, errors = ([part[i] for part in parts] for parts in zip(*each, strict=True))
            axis.errorbar(list(results), means, errors, fmt=style, marker="o", ms=4, label=name)
    axes[0].set(xscale="log", xlabel="labels a class", ylabel="accuracy")
    axes[1].set(xscale="log", xlabel="labels a class", ylabel="log score, nats")
    for axis in axes:
        axis.set_xticks(list(results), [str(count) for count in results])
    axes[1].legend(fontsize=8)
    return figure


def main(*arguments):
    short = "--short" in arguments
    given = [argument for argument in arguments if argument != "--short"]
    folder, seeds = (*given, *(".", 1 if short else 3)[len(given) :])[:2]
    steps = 500 if short else STEPS
    (X_old, y_old), (X, y) = images()
    old = fit(PRIOR, X_old, y_old, COLD, 1_000 if short else 3_000, batch_size=64)
    network = jax.tree.map(lambda it: it.mean(axis=0), old.sample(200)["network"])
    informed = mf.priors.Informed.from_posterior(old, layers="layers.[01].*", inflate=WIDER)
    results = {
        count: [judge(network, informed, X, y, count, seed, steps) for seed in range(int(seeds))]
        for count in ((5,) if short else LABELS)
    }
    table(results)
    draw(results).savefig(Path(folder) / "transfer.png", dpi=120)
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
