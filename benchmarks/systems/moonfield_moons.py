"""Moonfield, by its public names only."""

import logging
import statistics

import harness
import jax
import numpy as np
import optax
from harness import BATCH_SIZE, BATCH_STEPS, DRAWS, STEPS, Job

import moonfield as mf

ADAM = optax.adam(harness.LEARNING_RATE)


def build() -> mf.BayesianNetwork:
    return mf.BayesianNetwork(
        network=mf.nets.MLP([2, 5, 5, 1], activation="tanh", bias=False),
        prior=mf.priors.Normal(0.0, 1.0),
        likelihood=mf.likelihoods.Bernoulli(),
    )


def fit(model, data, steps: int | None, seed: int, **options):
    options = {"progress": False, "method": mf.ADVI(optimizer=ADAM)} | options
    return mf.fit(model, *data, steps=steps, seed=seed, **options)


def first(job: Job) -> dict:
    seconds, posterior = harness.timed(lambda: fit(build(), job.train(), STEPS, 0))
    return {"first": seconds, "elbo": float(np.mean(posterior.elbo[-harness.TAIL :]))}


def full(job: Job) -> dict:
    model, data = build(), job.train()
    return harness.fits(
        lambda steps, seed: np.asarray(fit(model, data, steps, seed).elbo), STEPS, job.repeats
    )


def minibatch(job: Job) -> dict:
    model, data = build(), job.train()
    return harness.fits(
        lambda steps, seed: np.asarray(fit(model, data, steps, seed, batch_size=BATCH_SIZE).elbo),
        BATCH_STEPS,
        job.repeats,
    )


def predict(job: Job) -> dict:
    posterior, grid = fit(build(), job.train(), STEPS, 0), job.data["grid"]

    def surfaces(seed: int) -> None:
        prediction = posterior.predict(grid, draws=DRAWS, seed=seed)
        np.asarray(prediction.mean)
        np.asarray(prediction.epistemic)

    return harness.repeated(surfaces, job.repeats)


def progress(job: Job) -> dict:
    """What the progress bar adds: fits with and without it, turn about."""
    model, data = build(), job.train()
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for shown in (False, True):
        fit(model, data, STEPS, 0, progress=shown)
    for seed in range(3 * job.repeats):
        for shown in ((False, True), (True, False))[seed % 2]:
            took, _ = harness.timed(
                lambda shown=shown, seed=seed: fit(model, data, STEPS, seed, progress=shown)
            )
            seconds[shown].append(took)
    ratios = [shown / hidden for hidden, shown in zip(seconds[False], seconds[True], strict=True)]
    return {
        "hidden": statistics.median(seconds[False]),
        "shown": statistics.median(seconds[True]),
        "overhead": statistics.median(ratios) - 1,
    }


class _Compilations(logging.Handler):
    """Counts what JAX's own log says it compiles."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith("Compiling ") or "Finished XLA compilation" in message:
            self.names.append(message.splitlines()[0][:100])


def compilations(job: Job) -> dict:
    """Log records of compiling in a first fit and in a second of the same shapes.

    The second has a new model object, other data and another seed.
    """
    jax.config.update("jax_log_compiles", True)
    counter = _Compilations()
    logging.getLogger("jax._src").addHandler(counter)
    counts = {}
    for kind, options in (("full", {}), ("minibatch", {"batch_size": BATCH_SIZE})):
        X, y = job.train()
        for turn in ("first", "second"):
            counter.names.clear()
            fit(build(), (X, y), STEPS, len(counts), **options)
            counts[f"{kind}_{turn}"] = list(counter.names)
            X, y = X[::-1].copy(), y[::-1].copy()
    second = counts["full_second"] + counts["minibatch_second"]
    first = counts["full_first"] + counts["minibatch_first"]
    return {"first": len(first), "second": len(second), "second_names": second}


def _fits(job: Job, steps: int | None, **options) -> dict:
    fitted, model = [], build()
    for split in job.splits:
        posterior = fit(model, job.train(split), steps, split, **options)
        table = posterior.summary()
        one = harness.exported([table.mean], [table.sd])
        fitted.append(one | {"steps": len(posterior.elbo), "result": posterior.result.name})
    return {"fits": fitted}


def quality(job: Job) -> dict:
    return _fits(job, job.steps)


def quality_own(job: Job) -> dict:
    """Default settings for as many steps."""
    return _fits(job, job.steps, method="advi")


def quality_auto(job: Job) -> dict:
    """The automatic stop."""
    return _fits(job, None)


def quality_own_auto(job: Job) -> dict:
    """Default settings and the automatic stop."""
    return _fits(job, None, method="advi")


if __name__ == "__main__":
    scored = (quality, quality_auto, quality_own, quality_own_auto)
    tasks = (first, full, minibatch, predict, progress, compilations, *scored)
    harness.main({task.__name__: task for task in tasks})
