"""The moons and a convolutional network on whatever device JAX takes by itself."""

import functools

import harness
import jax
import moonfield_moons
import numpy as np
from harness import DRAWS, STEPS, Job

import moonfield as mf

CONV_STEPS = 2_000


def moons(job: Job) -> dict:
    """30,000 steps on all rows, then 500 draws on the grid."""
    model, train = moonfield_moons.build(), job.train()
    return _measured(
        lambda steps, seed: moonfield_moons.fit(model, train, steps, seed),
        STEPS,
        job.repeats,
        (job.data["X_test"][0], job.data["y_test"][0]),
        job.data["grid"],
    )


def convolutions(job: Job) -> dict:
    """8 x 8 digits, 1,400 to train on: 2,000 steps of 256 rows."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    X, y = (digits.images / 16.0).astype(np.float32), digits.target
    order = np.random.default_rng(0).permutation(len(y))
    train, test = order[:1_400], order[1_400:]
    network = mf.nets.ConvNet((8, 8), [16, 32], outputs=10)
    model = mf.BayesianNetwork(network, mf.priors.Scaled(1.0), mf.likelihoods.Categorical())
    fit = functools.partial(
        mf.fit, model, X[train], y[train], method="ivon", batch_size=256, progress=False
    )
    return _measured(
        lambda steps, seed: fit(steps=steps, seed=seed),
        CONV_STEPS,
        job.repeats,
        (X[test], y[test]),
        X,
    )


def _measured(fit, steps: int, repeats: int, test: tuple, inputs: np.ndarray) -> dict:
    """Times of the first fit and of later ones, what the first is worth, times of predicting."""
    found = []
    times = harness.repeated(lambda seed: found.append(fit(steps, seed)), repeats)
    prediction = found[0].predict(test[0], draws=DRAWS)

    def surfaces(seed: int) -> None:
        answer = found[0].predict(inputs, draws=DRAWS, seed=seed)
        np.asarray(answer.mean), np.asarray(answer.epistemic)

    return {
        "device": jax.devices()[0].device_kind,
        "backend": jax.default_backend(),
        "steps": steps,
        "fit": times,
        "elbos": [float(np.mean(one.elbo[-harness.TAIL :])) for one in found],
        "accuracy": float(np.mean(prediction.label == test[1])),
        "log_score": float(np.mean(prediction.log_prob(test[1]))),
        "predict": harness.repeated(surfaces, repeats),
    }


if __name__ == "__main__":
    harness.main({"moons": moons, "convolutions": convolutions})
