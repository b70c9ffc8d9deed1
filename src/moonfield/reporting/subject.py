"""What a report is about: a posterior of a network, on its own or inside an estimator."""

import dataclasses
from typing import Any

import numpy as np

from ..data import Dataset, as_targets
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
            return encoded(y, rows, self.classes)
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


def encoded(y: Any, rows: int, classes: np.ndarray) -> np.ndarray:
    """The number of each label among the classes (rows,)."""
    if y is None:
        raise TypeError("y_test is missing.")
    values = np.asarray(y)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.shape != (rows,):
        raise ValueError(f"X_test has {rows} rows, but y_test has shape {values.shape}.")
    known = {label: place for place, label in enumerate(classes.tolist())}
    labels = values.tolist()
    found = np.array([known.get(label, -1) for label in labels])
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        what = "is missing" if _missing(labels[row]) else f"is {labels[row]!r}"
        raise ValueError(
            f"The label in row {row} of y_test {what}, which is not among the classes of the fit, "
            f"{classes.tolist()}. Drop such rows, or fit with them."
        )
    return found


def _missing(label: Any) -> bool:
    return label is None or label != label  # noqa: PLR0124  NaN does not equal itself
