"""PyMC: `pm.fit(method="advi")` in its usual form, float64 and C code as it installs itself."""

import logging

import harness
import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from harness import BATCH_SIZE, BATCH_STEPS, DRAWS, STEPS, Job

logging.getLogger("pymc").setLevel(logging.ERROR)
logging.getLogger("pytensor").setLevel(logging.ERROR)


def arrays(job: Job, split: int = 0) -> tuple[np.ndarray, np.ndarray]:
    X, y = job.train(split)
    return X.astype(pytensor.config.floatX), y.astype(pytensor.config.floatX)


def build(X, y, total_size: int | None = None, shared: bool = False) -> pm.Model:
    """The network on arrays or minibatches; `shared` makes the arrays `pm.Data`, to be replaced."""
    with pm.Model() as model:
        if shared:
            X, y = pm.Data("X", X), pm.Data("y_data", y)
        w1 = pm.Normal("w1", 0, 1, shape=(2, 5))
        w2 = pm.Normal("w2", 0, 1, shape=(5, 5))
        w3 = pm.Normal("w3", 0, 1, shape=(5,))
        hidden = pm.math.tanh(pm.math.dot(pm.math.tanh(pm.math.dot(X, w1)), w2))
        p = pm.Deterministic("p", pm.math.sigmoid(pm.math.dot(hidden, w3)))
        shape = p.shape if shared else None
        pm.Bernoulli("y", p=p, observed=y, total_size=total_size, shape=shape)
    return model


def fit(model: pm.Model, steps: int, seed: int) -> pm.Approximation:
    with model:
        return pm.fit(
            steps,
            method="advi",
            obj_optimizer=pm.adam(learning_rate=harness.LEARNING_RATE),
            random_seed=seed,
            progressbar=False,
        )


def first(job: Job) -> dict:
    seconds, approx = harness.timed(lambda: fit(build(*arrays(job)), STEPS, 0))
    return {"first": seconds, "elbo": -float(np.mean(approx.hist[-harness.TAIL :]))}


def full(job: Job) -> dict:
    model = build(*arrays(job))
    result = harness.fits(lambda steps, seed: -fit(model, steps, seed).hist, STEPS, job.repeats)
    config = {name: getattr(pytensor.config, name) for name in ("floatX", "mode", "linker", "cxx")}
    return result | {"pytensor": config}


def minibatch(job: Job) -> dict:
    X, y = arrays(job)
    model = build(*pm.Minibatch(X, y, batch_size=BATCH_SIZE), total_size=len(X))
    return harness.fits(lambda steps, seed: -fit(model, steps, seed).hist, BATCH_STEPS, job.repeats)


def predict(job: Job) -> dict:
    """The compiled `sample_node` function, then the classic slow path."""
    model = build(*arrays(job), shared=True)
    grid = job.data["grid"].astype(pytensor.config.floatX)
    approx = fit(model, STEPS, 0)
    inputs = pt.matrix("inputs")

    def compiled():
        draws = approx.sample_node(model["p"], size=DRAWS, more_replacements={model["X"]: inputs})
        return pytensor.function([inputs], draws)

    compile_seconds, function = harness.timed(compiled)
    result = harness.repeated(lambda seed: function(grid), job.repeats)

    def slow(seed: int) -> None:
        with model:
            pm.set_data({"X": grid, "y_data": np.zeros(len(grid), grid.dtype)})
            trace = approx.sample(DRAWS, random_seed=seed)
            pm.sample_posterior_predictive(trace, random_seed=seed, progressbar=False)

    slow_result = harness.repeated(slow, job.repeats)
    return result | {"compile": compile_seconds, "slow": slow_result}


def matrices(approx: pm.Approximation, moment: str) -> list[np.ndarray]:
    """The mean or sd of each layer's weights, (out, in)."""
    flat = getattr(approx, moment).eval()
    places = [approx.ordering[name] for name in ("w1", "w2", "w3")]
    return [flat[where].reshape(shape).T for _, where, shape, _ in places]


def quality(job: Job) -> dict:
    """One model for all splits; `pm.Data` changes under it."""
    model = build(*arrays(job), shared=True)
    fitted = []
    for split in job.splits:
        X, y = arrays(job, split)
        with model:
            pm.set_data({"X": X, "y_data": y})
        approx = fit(model, job.steps, split)
        fitted.append(harness.exported(matrices(approx, "mean"), matrices(approx, "std")))
    return {"fits": fitted}


if __name__ == "__main__":
    tasks = (first, full, minibatch, predict, quality)
    harness.main({task.__name__: task for task in tasks})
