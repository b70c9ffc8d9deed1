"""Seconds and memory of a step of one system on one network, in a process of its own."""

import ctypes
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

N, COLUMNS = 20_000, 20
LEARNING_RATE = 1e-3
REPEATS = 3
UNIT = 1e-3  # megabytes in /proc's kilobytes


class Job(NamedTuple):
    """What is measured."""

    system: str
    sizes: tuple[int, ...]
    rows: int
    draws: int


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, COLUMNS), dtype=np.float32)
    noise = rng.standard_normal(N).astype(np.float32)
    return X, (np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * noise).astype(np.float32)


def moonfield(job: Job, method_name: str) -> Callable[[int], object]:
    """`mf.fit` as users call it."""
    import moonfield as mf

    X, y = data()
    model = mf.BayesianNetwork(
        mf.nets.MLP(job.sizes, "relu"), mf.priors.Scaled(1.0), mf.likelihoods.Normal(sd=0.3)
    )
    kind = {"advi": mf.ADVI, "ivon": mf.IVON}[method_name]
    method = kind(draws=job.draws)

    def run(steps: int) -> object:
        fit = mf.fit(model, X, y, method=method, steps=steps, batch_size=job.rows, progress=False)
        return fit.diagnostics.elbo

    return run


def adam(job: Job) -> Callable[[int], object]:
    """The same network as a point, by optax Adam in a compiled loop whose state is donated."""
    import equinox as eqx
    import optax

    import moonfield as mf

    X, y = map(jnp.asarray, data())
    optimizer = optax.adam(LEARNING_RATE)
    network = mf.nets.MLP(job.sizes, "relu")

    def loss(network, rows):
        f = jax.vmap(network)(X[rows])[:, 0]
        return jnp.mean((y[rows] - f) ** 2)

    def step(carry, key):
        network, state = carry
        rows = jax.random.randint(key, (job.rows,), 0, N)
        value, gradient = jax.value_and_grad(loss)(network, rows)
        update, state = optimizer.update(gradient, state, network)
        return (optax.apply_updates(network, update), state), value

    def chunk(network, state, keys):
        return jax.lax.scan(step, (network, state), keys)

    compiled = jax.jit(chunk, donate_argnums=(0, 1))
    leaves, treedef = jax.tree.flatten(eqx.filter(network, eqx.is_array))
    rng = np.random.default_rng(0)
    shapes = [leaf.shape for leaf in leaves]
    del leaves, network

    def run(steps: int) -> object:
        start = [
            jnp.asarray(rng.standard_normal(s, dtype=np.float32) / np.sqrt(s[-1])) for s in shapes
        ]
        params = jax.tree.unflatten(treedef, start)
        state = optimizer.init(params)
        del start
        (params, state), losses = compiled(
            params, state, jax.random.split(jax.random.key(0), steps)
        )
        return jax.block_until_ready((params, losses[-1]))[1]

    return run


def numpyro(job: Job) -> Callable[[int], object]:
    """`SVI` with `AutoNormal`, its update in a compiled loop."""
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import SVI, Trace_ELBO, init_to_sample
    from numpyro.infer.autoguide import AutoNormal

    X, y = map(jnp.asarray, data())
    pairs = list(zip(job.sizes[:-1], job.sizes[1:], strict=True))

    def model(X, y):
        h = X
        for i, (inputs, outputs) in enumerate(pairs):
            prior = dist.Normal(0.0, inputs**-0.5).expand([inputs, outputs]).to_event(2)
            weight = numpyro.sample(f"w{i}", prior)
            bias = numpyro.sample(f"b{i}", dist.Normal(0.0, 1.0).expand([outputs]).to_event(1))
            h = h @ weight + bias
            h = jax.nn.relu(h) if i + 1 < len(pairs) else h
        with numpyro.handlers.scale(scale=N / job.rows), numpyro.plate("rows", job.rows):
            numpyro.sample("y", dist.Normal(h[:, 0], 0.3), obs=y)

    guide = AutoNormal(model, init_loc_fn=init_to_sample)
    svi = SVI(model, guide, numpyro.optim.Adam(LEARNING_RATE), Trace_ELBO(job.draws))
    init = jax.jit(lambda key: svi.init(key, X[: job.rows], y[: job.rows]))
    init(jax.random.key(0))  # traces the guide

    def step(state, key):
        rows = jax.random.randint(key, (job.rows,), 0, N)
        return svi.update(state, X[rows], y[rows])

    compiled = jax.jit(lambda state, keys: jax.lax.scan(step, state, keys), donate_argnums=0)

    def run(steps: int) -> object:
        keys = jax.random.split(jax.random.key(1), steps)
        return jax.block_until_ready(compiled(init(jax.random.key(0)), keys)[1][-1])

    return run


SYSTEMS = {
    "moonfield": lambda job: moonfield(job, "advi"),
    "ivon": lambda job: moonfield(job, "ivon"),
    "adam": adam,
    "numpyro": numpyro,
}


def timed(run: Callable[[int], object], steps: int) -> np.ndarray:
    """Seconds of the wall clock and of the processor."""
    begun = time.perf_counter(), time.process_time()
    run(steps)
    return np.subtract((time.perf_counter(), time.process_time()), begun)


def seconds_of_a_step(run: Callable[[int], object], seconds: float) -> np.ndarray:
    """From runs of two lengths, so that what a run costs once cancels; the least of some.

    The shorter ones take about so many seconds.
    """
    few, before, more = 4, np.inf, 0.0
    while more < seconds / 8 and few < 100_000:
        few *= 4
        timed(run, few)  # compiles
        now = timed(run, few)[1]
        before, more = now, now - before
    steps = max(4, int(0.75 * few * seconds / more))
    for count in (steps, 3 * steps):
        timed(run, count)
    pairs = [(timed(run, steps), timed(run, 3 * steps)) for _ in range(REPEATS)]
    short, long = np.min(pairs, axis=0)
    return (long - short) / (2 * steps)


def status(field: str) -> float:
    """Megabytes that Linux counts for this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * UNIT
    raise KeyError(field)


def growth(run: Callable[[int], object], steps: int = 40) -> float | None:
    """Megabytes that a run takes at its peak beyond what is resident before it.

    Compiled before, so that compiling does not count; only Linux tells.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(-3, 65_536)  # M_MMAP_THRESHOLD: what is freed goes back at once
    run(steps)
    libc.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = status("VmRSS")
    run(steps)
    return status("VmHWM") - before


def main() -> None:
    given = json.loads(sys.argv[1])
    job = Job(given["system"], tuple(given["sizes"]), given["rows"], given["draws"])
    run = SYSTEMS[job.system](job)
    wall, processor = seconds_of_a_step(run, given["seconds"])
    found = {"wall": wall, "processor": processor}
    if given["memory"]:
        found["megabytes"] = growth(run)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
