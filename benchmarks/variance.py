"""How noisy the gradient is under draws that rows share, and under draws of each row's own."""

import time
from typing import Any

import environment

WIDTHS = (50, 500, 2_000)
N, COLUMNS, ROWS = 4_000, 20, 128
REPEATS = {50: 400, 500: 100, 2_000: 30}  # estimates of a gradient
STEPS = {50: 3_000, 500: 600, 2_000: 100}  # of the fit whose end is a state
NAMES = ("Reparameterised", "AnalyticKL", "Flipout", "LocalReparameterisation")


def job(width: int) -> tuple[Any, Any, Any]:
    """A regression of 20 columns, two of which interact."""
    import numpy as np

    import moonfield as mf

    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, COLUMNS), dtype=np.float32)
    noise = 0.3 * rng.standard_normal(N).astype(np.float32)
    model = mf.BayesianNetwork(
        mf.nets.MLP([COLUMNS, width, width, 1], "relu"),
        mf.priors.Scaled(1.0),
        mf.likelihoods.Normal(sd=0.3),
    )
    return model, X, (np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + noise).astype(np.float32)


def states(model: Any, X: Any, y: Any, width: int) -> dict[str, Any]:
    """The variational parameters that a fit starts with, and those that it ends with."""
    import numpy as np

    import moonfield as mf
    from moonfield.families import Variational

    method = mf.ADVI(optimizer=_adam(), objective=mf.objectives.LocalReparameterisation())

    def state(steps: int) -> Any:
        fit = mf.fit(model, X, y, method=method, steps=steps, batch_size=ROWS, progress=False)
        assert isinstance(fit.approximation, Variational)
        return np.concatenate(fit.approximation.state)

    return {"initial": state(1), "fitted": state(STEPS[width])}


def _adam() -> Any:
    import optax

    return optax.adam(3e-3)


def noise_of(method: Any, model: Any, vector: Any, X: Any, y: Any, repeats: int) -> dict:
    """Moments of the estimates at one state, from one batch of rows, and from a new one each."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from moonfield.data import Batch
    from moonfield.model import space

    where = space(model)
    shape = method.noise_shape(where.size)

    @jax.jit
    def estimate(vector: Any, key: Any, rows: Any) -> Any:
        batch = Batch(X[rows], y[rows], jnp.ones(len(rows)))
        noise = jax.random.normal(key, shape)

        def elbo(vector: Any) -> Any:
            state = method.family_state(vector, where.size)
            return method.elbo(model, where, state, noise, batch, N / ROWS)

        return jax.value_and_grad(elbo)(vector)

    X, y = jnp.asarray(X), jnp.asarray(y)
    rng, found = np.random.default_rng(1), {}
    fixed = rng.choice(N, ROWS, replace=False)
    for name in ("noise", "noise and rows"):
        total, squares, values = np.zeros(2 * where.size), 0.0, []
        for i in range(repeats):
            rows = fixed if name == "noise" else rng.choice(N, ROWS, replace=False)
            value, gradient = estimate(vector, jax.random.key(i), rows)
            gradient = np.asarray(gradient, np.float64)
            total, squares = total + gradient, squares + float(gradient @ gradient)
            values.append(float(value))
        mean = total / repeats
        found[name] = {
            "trace": (squares - repeats * float(mean @ mean)) / (repeats - 1),
            "mean": mean,
            "values": values,
        }
    begun = time.process_time()
    for i in range(5):
        jax.block_until_ready(estimate(vector, jax.random.key(i), fixed))
    return found | {"seconds": (time.process_time() - begun) / 5}


def compared(found: dict[str, dict], repeats: int) -> dict[str, dict]:
    """Each objective beside the plain one."""
    import numpy as np

    plain = found["Reparameterised"]
    rows = {}
    for name, it in found.items():
        one, other = plain["noise"], it["noise"]
        gap = one["mean"] - other["mean"]
        expected = (one["trace"] + other["trace"]) / repeats  # of its squared length
        values = np.asarray(one["values"]), np.asarray(other["values"])
        error = np.hypot(*(v.std(ddof=1) / repeats**0.5 for v in values))
        rows[name] = {
            "ratio": one["trace"] / other["trace"],
            "ratio_with_rows": plain["noise and rows"]["trace"] / it["noise and rows"]["trace"],
            "seconds": it["seconds"],
            # 1 where the means are the same, up to the spread of a sum of many squares
            "gradients_apart": None if name == "Reparameterised" else float(gap @ gap / expected),
            "elbos_apart": None
            if name == "Reparameterised"
            else float((values[0].mean() - values[1].mean()) / error),
        }
    return rows


def main() -> None:
    parser = environment.parser(__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    args = parser.parse_args()
    environment.enter(args.here)
    import moonfield as mf

    results = {}
    head = ("width", "state", "objective", "noise /", "with rows /", "s a step", "ELBO, se", "grad")
    print(("{:>6} {:8} {:24}" + " {:>11}" * 5).format(*head))
    for width in args.widths:
        model, X, y = job(width)
        repeats = REPEATS.get(width, 100)
        for state, vector in states(model, X, y, width).items():
            found = {}
            for name in NAMES:
                method = mf.ADVI(objective=getattr(mf.objectives, name)()).bind(model)
                found[name] = noise_of(method, model, vector, X, y, repeats)
            results[f"{width} {state}"] = compared(found, repeats)
            for name, it in results[f"{width} {state}"].items():
                apart = [it["elbos_apart"], it["gradients_apart"]]
                told = ["-" if gap is None else f"{gap:.2f}" for gap in apart]
                numbers = [f"{it[key]:.3g}" for key in ("ratio", "ratio_with_rows", "seconds")]
                line = (f"{width:,}", state, name, *numbers, *told)
                print(("{:>6} {:8} {:24}" + " {:>11}" * 5).format(*line), flush=True)
    environment.write("variance", {"rows": ROWS, "all_rows": N, "results": results})


if __name__ == "__main__":
    main()
