"""What a report is about: a posterior of a network, on its own or inside an estimator."""

import dataclasses
from typing import Any

import numpy as np

from ..data import Dataset, as_targets, label_numbers
from ..model import BayesianNetwork
from ..posterior import Posterior
from ..predictive import Prediction, Units


@dataclasses.dataclass(frozen=True)
class Subject:
    """A fitted estimator or a posterior, seen alike.

    Attributes:
        estimator: of `mf.BayesianMLP...`, None for a posterior alone.
        posterior: of the network; for an estimator that of the encoded problem.
    """

    estimator: Any
    posterior: Posterior

    @property
    def name(self) -> str:
        """What it is."""
        kind = "Bayesian neural network" if self.estimator is None else type(self.estimator)
        return kind if isinstance(kind, str) else kind.__name__

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Names of the columns of the fit, if they had any."""
        if self.estimator is None:
            return self.posterior.columns
        names = getattr(self.estimator, "feature_names_in_", None)
        return None if names is None else tuple(map(str, names))

    @property
    def categorical(self) -> tuple[int, ...]:
        """Places of columns that the estimator one-hot encodes."""
        return () if self.estimator is None else tuple(self.estimator.encoder_.categorical)

    @property
    def units(self) -> Units | None:
        """The units of y, where the fit is of standardised targets."""
        return getattr(self.estimator, "units_", None)

    @property
    def classes(self) -> np.ndarray | None:
        """The labels of an estimator's classes; None for whole numbers 0, 1, ..."""
        return getattr(self.estimator, "classes_", None)

    def predict(self, X: Any, draws: int, seed: int, keep_draws: bool = False) -> Prediction:
        """The prediction of rows, in units of y."""
        if self.estimator is None:
            return self.posterior.predict(X, draws=draws, seed=seed, keep_draws=keep_draws)
        return self.estimator.predict_distribution(X, draws=draws, seed=seed, keep_draws=keep_draws)

    def targets(self, y: Any, rows: int, prediction: Prediction) -> np.ndarray:
        """Checked targets of all rows: numbers in units of y, or the numbers of classes.

        Raises:
            TypeError, ValueError: another number of rows or targets, a value that is missing or not
                finite, or a label that the fit has not seen.
        """
        if self.classes is not None:
            return label_numbers(y, rows, self.classes, "y_test")
        model = self.posterior.model
        found = as_targets(y, rows, model.target_shape(prediction.inputs), "y_test", np.float64)
        model.check_targets(prediction.inputs, found)
        return found

    @property
    def data(self) -> Dataset | None:
        """All rows of the fit; None after loading, and where `partial_fit` has added to others."""
        return None if getattr(self.estimator, "_updated_once", False) else self.posterior.data

    def training_targets(self) -> np.ndarray | None:
        """The targets of the fit, in units of y or numbers of classes; None without its rows."""
        if self.data is None:
            return None
        targets = np.asarray(self.data.targets)
        return targets if self.units is None else self.units.values(targets)

    def standardised(self, y: np.ndarray) -> np.ndarray:
        """Targets as the posterior has them."""
        return y if self.units is None else self.units.standardise(y)


def subject_of(fitted: Any) -> Subject:
    """Tell a posterior from an estimator.

    Raises:
        TypeError: it is neither, or its model is a program.
        ValueError: the estimator has not been fitted (scikit-learn's NotFittedError).
    """
    if isinstance(fitted, Posterior):
        if not isinstance(fitted.model, BayesianNetwork):
            raise TypeError(
                "report is for networks, got a posterior of a "
                f"{type(fitted.model).__name__}. Use posterior.summary(), posterior.khat and "
                "posterior.to_datatree() for a program."
            )
        return Subject(None, fitted)
    if not hasattr(fitted, "predict_distribution"):
        raise TypeError(
            "report needs a fitted mf.BayesianMLPClassifier or mf.BayesianMLPRegressor, or a "
            f"posterior of mf.fit; got {type(fitted).__name__}. Of a pipeline give the last step, "
            "and X_test as the steps before it transform it."
        )
    if not hasattr(fitted, "posterior_"):
        raise ValueError(f"This {type(fitted).__name__} is not fitted yet: call fit first.")
    return Subject(fitted, fitted.posterior_)
