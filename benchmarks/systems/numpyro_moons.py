"""NumPyro: `SVI.run` with `AutoNormal`, its default initial values, and no progress bar."""

import harness
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from harness import BATCH_SIZE, BATCH_STEPS, DRAWS, STEPS, Job
from numpyro.infer import SVI, Predictive, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal


def model(X, y=None, batch_size: int | None = None) -> None:
    w1 = numpyro.sample("w1", dist.Normal(0, 1).expand([2, 5]).to_event(2))
    w2 = numpyro.sample("w2", dist.Normal(0, 1).expand([5, 5]).to_event(2))
    w3 = numpyro.sample("w3", dist.Normal(0, 1).expand([5]).to_event(1))
    with numpyro.plate("rows", X.shape[0], subsample_size=batch_size):
        X = numpyro.subsample(X, event_dim=1)
        y = None if y is None else numpyro.subsample(y, event_dim=0)
        logits = jnp.tanh(jnp.tanh(X @ w1) @ w2) @ w3
        if y is None:
            numpyro.deterministic("p", jax.nn.sigmoid(logits))
        numpyro.sample("y", dist.Bernoulli(logits=logits), obs=y)


guide = AutoNormal(model)
svi = SVI(model, guide, numpyro.optim.Adam(harness.LEARNING_RATE), Trace_ELBO())


def arrays(job: Job, split: int = 0) -> tuple[jax.Array, jax.Array]:
    X, y = job.train(split)
    return jnp.asarray(X), jnp.asarray(y, jnp.float32)


def fit(data, steps: int, seed: int, batch_size: int | None = None, progress: bool = False):
    result = svi.run(jax.random.key(seed), steps, *data, batch_size, progress_bar=progress)
    return jax.block_until_ready(result)


def first(job: Job) -> dict:
    seconds, result = harness.timed(lambda: fit(arrays(job), STEPS, 0))
    return {"first": seconds, "elbo": -float(result.losses[-harness.TAIL :].mean())}


def full(job: Job) -> dict:
    data = arrays(job)
    return harness.fits(
        lambda steps, seed: -np.asarray(fit(data, steps, seed).losses), STEPS, job.repeats
    )


def minibatch(job: Job) -> dict:
    data = arrays(job)
    return harness.fits(
        lambda steps, seed: -np.asarray(fit(data, steps, seed, BATCH_SIZE).losses),
        BATCH_STEPS,
        job.repeats,
    )


def predict(job: Job) -> dict:
    """Mean and sd of p by `Predictive`, vectorised: as it stands, and inside one `jax.jit`."""
    params, grid = fit(arrays(job), STEPS, 0).params, jnp.asarray(job.data["grid"])

    def surface(key, params, grid):
        predictive = Predictive(
            model, guide=guide, params=params, num_samples=DRAWS, parallel=True, return_sites=["p"]
        )
        p = predictive(key, grid)["p"]
        return p.mean(axis=0), p.std(axis=0)

    def run(call, seed: int) -> None:
        jax.block_until_ready(call(jax.random.key(seed), params, grid))

    jitted = jax.jit(surface)
    result = harness.repeated(lambda seed: run(surface, seed), job.repeats)
    return result | {"jit": harness.repeated(lambda seed: run(jitted, seed), job.repeats)}


def progress(job: Job) -> dict:
    """One fit with NumPyro's own progress bar: minutes."""
    seconds, _ = harness.timed(lambda: fit(arrays(job), job.steps, 0, progress=True))
    return {"first": seconds}


def quality(job: Job) -> dict:
    fitted = []
    for split in job.splits:
        params = fit(arrays(job, split), job.steps, split).params
        mean = [np.asarray(params[f"{name}_auto_loc"]).T for name in ("w1", "w2", "w3")]
        sd = [np.asarray(params[f"{name}_auto_scale"]).T for name in ("w1", "w2", "w3")]
        fitted.append(harness.exported(mean, sd))
    return {"fits": fitted}


if __name__ == "__main__":
    tasks = (first, full, minibatch, predict, progress, quality)
    harness.main({task.__name__: task for task in tasks})
