"""scikit-learn estimators."""

from .classifier import BayesianMLPClassifier
from .persistence import build_estimator
from .regressor import BayesianMLPRegressor

__all__ = ["BayesianMLPClassifier", "BayesianMLPRegressor", "build_estimator"]
