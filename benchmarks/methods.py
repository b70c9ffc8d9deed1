"""Moonfield's methods side by side on the moons network, with NUTS as the reference predictive.

A table (time, ELBO, test log-likelihood and accuracy, distance of the predicted probabilities from
NUTS's) and a figure of the epistemic uncertainty under each, in benchmarks/results/.
"""

import time
from typing import Any

import environment


def main() -> None:
    args = environment.parser(__doc__).parse_args()
    environment.enter(args.here)
    environment.warn_if_busy()
    import dataset
    import numpy as np

    data = dataset.split(0)
    posteriors, rows = {}, []
    for method in METHODS:
        posteriors[method], row = measured(method, data)
        rows.append(row)
        print(f"{method}: {row['first']:.1f} s", flush=True)
    reference = posteriors["nuts"].predict(data["X_test"], draws=DRAWS).mean
    print(f"{'method':<14} {'first, s':>9} {'again, s':>9} {'ELBO':>9} {'test log-lik':>13} "
          f"{'accuracy':>9} {'|p - p(nuts)|':>14}")  # fmt: skip
    for row in rows:
        mean = posteriors[row["method"]].predict(data["X_test"], draws=DRAWS).mean
        row["distance"] = float(np.mean(np.abs(mean - reference)))
        numbers = (row["first"], row["again"], row["elbo"], row["log_likelihood"])
        text = "{:9.2f} {:9.2f} {:9.2f} {:13.4f}".format(*numbers).replace("nan", "  -")
        print(f"{row['method']:<14} {text} {row['accuracy']:9.1%} {row['distance']:14.4f}")
    environment.write("methods", {"table": rows})
    draw(posteriors, data)


METHODS = (
    "advi", "fullrank_advi", "lowrank_advi", "mixture_advi", "ivon", "dadvi", "laplace", "map",
    "pathfinder", "ensemble", "svgd", "asvgd", "mclmc", "nuts",
)  # fmt: skip
STEPS = {"advi", "fullrank_advi", "lowrank_advi", "mixture_advi", "ivon", "ensemble", "svgd",
         "asvgd"}  # fmt: skip
DRAWS, LENGTH = 1_000, 10_000
PATIENCE = 60.0  # seconds: a first fit that took longer is not repeated


def measured(method: str, data: dict) -> tuple[Any, dict[str, Any]]:
    """The first posterior, and what it took and is worth."""
    import moonfield as mf

    options = {"steps": LENGTH} if method in STEPS else {}
    posteriors, seconds = [], []
    for seed in range(2):
        network = mf.nets.MLP([2, 5, 5, 1], activation="tanh", bias=False)
        model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Bernoulli())
        begun = time.perf_counter()
        posterior = mf.fit(
            model, data["X_train"], data["y_train"], method=method, seed=seed, progress=False,
            **options,
        )  # fmt: skip
        posteriors.append(posterior)
        seconds.append(time.perf_counter() - begun)
        if seconds[0] > PATIENCE:
            break
    posterior = posteriors[0]  # whether or not there was time for another
    prediction = posterior.predict(data["X_test"], draws=DRAWS)
    row = {
        "method": method,
        "first": seconds[0],
        "again": seconds[1] if len(seconds) == 2 else float("nan"),
        "elbo": posterior.diagnostics.elbo,
        "log_likelihood": float(prediction.log_prob(data["y_test"]).mean()),
        "accuracy": float((prediction.label == data["y_test"]).mean()),
    }
    return posterior, row


def draw(posteriors: dict[str, Any], data: dict) -> None:
    """The epistemic uncertainty under each method."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    import moonfield as mf

    columns = 4
    rows = -(-len(posteriors) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4 * columns, 3.4 * rows), squeeze=False)
    for axis in axes.flat[len(posteriors) :]:
        axis.set_visible(False)
    for (method, posterior), axis in zip(posteriors.items(), axes.flat, strict=False):
        mf.plot.surface(posterior, data["X_test"], data["y_test"], quantity="epistemic", ax=axis)
        axis.set_title(method, loc="left")
        axis.images[0].set_clim(0.0, 0.5)  # the same colours everywhere
    figure.tight_layout()
    path = environment.RESULTS / "methods.png"
    figure.savefig(path, dpi=80)
    print(f"Written to {path.relative_to(environment.ROOT)}")


if __name__ == "__main__":
    main()
