"""Moonfield's estimators as they come, with split-conformal intervals, and as a deep ensemble."""

import numpy as np
import tabular_worker as worker

import moonfield as mf

OPTIONS = {  # of the regressor, where they are not the default
    # Lakshminarayanan et al. (2017)
    "deep_ensemble": {"heteroscedastic": True, "method": mf.Ensemble(5, "map")},
}


def answer(variant: str, fold: worker.Fold) -> worker.Answer:
    if variant == "conformal":
        return conformal(fold)
    if fold.task == "classes":
        classifier = mf.BayesianMLPClassifier(random_state=fold.seed).fit(fold.X, fold.y)
        return {"probabilities": classifier.predict_proba(fold.X_test)}
    options = OPTIONS.get(variant, {})
    regressor = mf.BayesianMLPRegressor(random_state=fold.seed, **options).fit(fold.X, fold.y)
    return described(regressor.predict_distribution(fold.X_test), fold.y_test)


def described(prediction: mf.Prediction, y: np.ndarray) -> worker.Answer:
    lower, upper = prediction.interval(worker.LEVEL).T
    density = prediction.log_prob(y)
    return {"mean": prediction.mean, "log_density": density, "lower": lower, "upper": upper}


def conformal(fold: worker.Fold) -> worker.Answer:
    """A fifth of the training rows, drawn by the fold's number, calibrates a fit of the others."""
    order = np.random.default_rng(fold.seed).permutation(len(fold.y))
    held, used = order[: len(order) // 5], order[len(order) // 5 :]
    regressor = mf.BayesianMLPRegressor(random_state=fold.seed).fit(fold.X[used], fold.y[used])
    calibrated = mf.diagnostics.Conformal(worker.LEVEL).fit(
        regressor.predict_distribution(fold.X[held]), fold.y[held]
    )
    prediction = regressor.predict_distribution(fold.X_test)
    lower, upper = calibrated.interval(prediction).T
    return {"mean": prediction.mean, "lower": lower, "upper": upper}


if __name__ == "__main__":
    worker.main(answer)
