"""Posteriors to serve: written to both kinds of file, and served by Moonfield itself."""

from pathlib import Path

import harness
import moonfield_moons
import numpy as np
import serving
from harness import DRAWS, STEPS, Job

import moonfield as mf


def moons(job: Job) -> mf.Posterior:
    return moonfield_moons.fit(moonfield_moons.build(), job.train(), STEPS, 0)


def wide(job: Job) -> mf.Posterior:
    """20 inputs, two layers of 200 units, learned noise."""
    X = np.random.default_rng(0).standard_normal((2_000, 20), dtype=np.float32)
    network = mf.nets.MLP([20, 200, 200, 1], activation="silu")
    model = mf.BayesianNetwork(network, mf.priors.Scaled(1.0), mf.likelihoods.Normal())
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2]
    return mf.fit(model, X, y, method="ivon", steps=500, batch_size=256, progress=False)


def write(job: Job) -> dict:
    """Fit each network; save and export it."""
    result = {}
    for name, fit in {"moons": moons, "wide": wide}.items():
        posterior, place = fit(job), serving.place_of(job, name)
        posterior.save(place.with_suffix(".mf"))
        export = place.with_suffix(".npz")
        seconds, _ = harness.timed(lambda it=posterior, to=export: it.export(to, draws=DRAWS))
        result[name] = {"seconds": seconds, "bytes": export.stat().st_size}
    return result


def load(path: Path) -> serving.Predict:
    posterior = mf.load(path.with_suffix(".mf"))

    def predict(rows: np.ndarray) -> list[np.ndarray]:
        prediction = posterior.predict(rows, draws=DRAWS)
        return [np.asarray(getattr(prediction, field)) for field in serving.FIELDS]

    return predict


def serve(job: Job) -> dict:
    return serving.times(job, load)


if __name__ == "__main__":
    harness.main({"write": write, "serve": serve})
