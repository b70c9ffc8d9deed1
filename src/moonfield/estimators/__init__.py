"""scikit-learn estimators."""

from .classifier import BayesianMLPClassifier
from .regressor import BayesianMLPRegressor

__all__ = ["BayesianMLPClassifier", "BayesianMLPRegressor"]
