"""sklearn-contrib-bde: "documented" as in the examples of its README, "defaults" as it comes.

Columns and targets are standardised, as in its README. Its devices are the machine's cores.
"""

import os

os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={os.cpu_count()}"

from typing import Any

import numpy as np
import tabular_worker as worker
from bde import BdeClassifier, BdeRegressor
from scipy.special import logsumexp

README: dict[str, dict[str, Any]] = {
    "classes": {
        "n_members": 4, "hidden_layers": [16, 16], "epochs": 1000, "warmup_steps": 400,
        "n_samples": 100, "n_thinning": 1, "patience": 10,
    },
    "numbers": {
        "n_members": 8, "hidden_layers": [16, 16], "epochs": 200, "warmup_steps": 5000,
        "n_samples": 2000, "n_thinning": 2, "patience": 10,
    },
}  # fmt: skip


def answer(variant: str, fold: worker.Fold) -> worker.Answer:
    options = README[fold.task] if variant == "documented" else {}
    centre, sd = fold.X.mean(axis=0), fold.X.std(axis=0)
    sd = np.where(sd > 0.0, sd, 1.0)
    X, X_test = (np.float32((rows - centre) / sd) for rows in (fold.X, fold.X_test))
    if fold.task == "classes":
        classifier = BdeClassifier(seed=fold.seed, **options).fit(x=X, y=fold.y)
        return {"probabilities": np.asarray(classifier.predict_proba(X_test), np.float64)}
    shift, scale = fold.y.mean(), fold.y.std()
    regressor = BdeRegressor(seed=fold.seed, **options)
    regressor.fit(x=X, y=np.float32((fold.y - shift) / scale)[:, None])
    raw = np.asarray(regressor.predict(X_test, raw=True), np.float64)
    raw = raw.reshape(-1, *raw.shape[2:])
    mean, sds = raw[..., 0], np.logaddexp(0.0, raw[..., 1]) + 1e-6  # its own softplus
    _, (lower, upper) = regressor.predict(X_test, credible_intervals=[0.05, 0.95])
    y = (fold.y_test - shift) / scale
    each = -0.5 * ((y - mean) / sds) ** 2 - np.log(sds) - 0.5 * np.log(2.0 * np.pi)
    return {
        "mean": shift + scale * mean.mean(axis=0),
        "log_density": logsumexp(each, axis=0) - np.log(len(each)) - np.log(scale),
        "lower": shift + scale * np.asarray(lower, np.float64),
        "upper": shift + scale * np.asarray(upper, np.float64),
    }


if __name__ == "__main__":
    worker.main(answer)
