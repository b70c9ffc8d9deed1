"""scikit-learn's estimators as they come, on standardised columns and targets where that matters.

Regressors that say no distribution get the normal one whose sd is that of their residuals on the
training rows. Gaussian processes learn a constant and a length that begins at the typical distance
of rows, sqrt(columns), for scikit-learn's own default learns nothing; of numbers also a noise.
"""

from typing import Any

import tabular_worker as worker
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

CLASSIFIERS = {
    "mlp": MLPClassifier,
    "forest": RandomForestClassifier,
    "boosting": HistGradientBoostingClassifier,
}
REGRESSORS = {
    "mlp": MLPRegressor,
    "forest": RandomForestRegressor,
    "boosting": HistGradientBoostingRegressor,
}


def answer(variant: str, fold: worker.Fold) -> worker.Answer:
    if variant == "gp":
        return process(fold)
    if fold.task == "classes":
        model = make_pipeline(StandardScaler(), CLASSIFIERS[variant](random_state=fold.seed))
        return {"probabilities": model.fit(fold.X, fold.y).predict_proba(fold.X_test)}
    model: Any = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), REGRESSORS[variant](random_state=fold.seed)),
        transformer=StandardScaler(),
    )
    model.fit(fold.X, fold.y)
    residual = (fold.y - model.predict(fold.X)).std()
    return worker.normal(model.predict(fold.X_test), residual, fold.y_test)


def process(fold: worker.Fold) -> worker.Answer:
    kernel = ConstantKernel() * RBF(fold.X.shape[1] ** 0.5)
    if fold.task == "classes":
        model = make_pipeline(
            StandardScaler(), GaussianProcessClassifier(kernel, random_state=fold.seed)
        )
        return {"probabilities": model.fit(fold.X, fold.y).predict_proba(fold.X_test)}
    kernel = kernel + WhiteKernel()
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=fold.seed)
    model = make_pipeline(StandardScaler(), process).fit(fold.X, fold.y)
    mean, sd = model.predict(fold.X_test, return_std=True)  # the sd has the white noise in it
    return worker.normal(mean, sd, fold.y_test)


if __name__ == "__main__":
    worker.main(answer)
