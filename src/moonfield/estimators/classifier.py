"""The classifier."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import column_or_1d

from .._core.missing import is_missing
from ..inference import AbstractMethod, Ensemble
from ..likelihoods import AbstractLikelihood, Bernoulli, Categorical
from ..model import BayesianNetwork
from ..predictive import Units
from .base import AbstractBayesianMLP, Rows
from .recipe import Choice, stepping


class BayesianMLPClassifier(ClassifierMixin, AbstractBayesianMLP):
    """Classification by a Bayesian multilayer perceptron.

    Features are standardised inside; labels may be numbers or text, of two classes or more.

    Args:
        hidden: units of each hidden layer.
        class_weight: None, `"balanced"` (each class counts the same) or a dict of weights by
            label; multiplied into the rows' weights.
        activation: of hidden units; a name that `mf.nets.MLP` knows.
        prior_sd: prior sd of the pre-activations of hidden layers, for standardised features.
        method: as in `mf.fit`; `"auto"` is an ensemble of three mean-field posteriors by
            `mf.IVON(hessian_init=1_000, tolerance=0.01)`.
        steps: optimiser updates; None stops by itself.
        batch_size: rows per step; `"auto"` takes all rows up to 1,200 and batches of 256 beyond.
        draws: posterior draws of a prediction.
        categorical: columns that are one-hot encoded: `"auto"` takes those of text and categories
            of a table; else names or positions. Levels that a fit has not seen count as none, and
            so do, with a warning, those that are not among the 100 most frequent of a column.
        missing: `"error"`, or `"indicator"`: a missing number becomes its column's mean beside an
            input that says so, a missing category is a level of its own.
        random_state: an integer for the same answers every time.
        verbose: show a bar of the fit in terminals and notebooks.

    Attributes:
        classes_: the labels, sorted.
        posterior_: the `Posterior` of the encoded problem.
        encoder_: what was learned of the columns.
        n_features_in_, feature_names_in_: of the columns of X.
        target_name_: the name of y, where it was a series that had one.
        n_iter_: steps of the fit.
        seed_: the seed of the fit and of predictions.

    Example:
        >>> import moonfield as mf
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = mf.BayesianMLPClassifier(random_state=0).fit(X, y)
        >>> classifier.predict_proba(X[:7]).shape
        (7, 3)
    """

    classes_: np.ndarray

    output_sd: ClassVar[float] = 20.0
    step_draws: ClassVar[int] = 1  # of each member
    members: ClassVar[int] = 3  # of method "auto"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **AbstractBayesianMLP._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        hidden: Sequence[int] = (50,),
        *,
        class_weight: dict | str | None = None,
        activation: str = "silu",
        prior_sd: float = 1.0,
        method: str | AbstractMethod = "auto",
        steps: int | None = None,
        batch_size: int | str | None = "auto",
        draws: int = 200,
        categorical: Any = "auto",
        missing: str = "error",
        random_state: Any = None,
        verbose: bool = False,
    ):
        self.hidden = hidden
        self.class_weight = class_weight
        self.activation = activation
        self.prior_sd = prior_sd
        self.method = method
        self.steps = steps
        self.batch_size = batch_size
        self.draws = draws
        self.categorical = categorical
        self.missing = missing
        self.random_state = random_state
        self.verbose = verbose

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "BayesianMLPClassifier":
        """Learn from more rows: the posterior of all rows so far is the prior of these.

        The first call is a `fit` in which `classes` lists all labels that may come (those of y by
        default); scales of features, and levels, stay what it found.

        Raises:
            TypeError, ValueError: as `fit`; `classes` change, y has a label that is not among
                them, or the posterior so far is not one of normals.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' would balance each call by itself. Give partial_fit a "
                "dict, or weights of rows."
            )
        if classes is not None and self.__sklearn_is_fitted__():
            self._check_classes(classes)
        return self._updated(X, y, sample_weight, classes)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each row (rows,).

        Raises:
            NotFittedError, TypeError, ValueError: as `predict_distribution`.
        """
        label = self.predict_distribution(X).label
        return self.classes_[label]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (rows, classes) in the order of `classes_`; each row sums to 1.

        Raises:
            NotFittedError, TypeError, ValueError: as `predict_distribution`.
        """
        found = np.asarray(self.predict_distribution(X).probabilities, np.float64)
        return found / found.sum(axis=1, keepdims=True)

    def _check_classes(self, classes: Any) -> None:
        if set(classes) != set(self.classes_.tolist()):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()}, got "
                f"{list(classes)}."
            )

    @property
    def _units(self) -> Units | None:
        return None

    def _checked_targets(self, y: Any) -> np.ndarray:
        y = column_or_1d(y, warn=True, input_name="y")
        absent = [row for row, label in enumerate(y.tolist()) if is_missing(label)]
        if absent:
            raise ValueError(
                f"Input y contains NaN: a missing label, first in row {absent[0]}. Drop such rows."
            )
        check_classification_targets(y)
        assert_all_finite(y, input_name="y")
        return y

    def _row_weights(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        if self.class_weight is None:
            return weights
        labels = self._encoded_targets(y)
        weights = np.ones(len(y)) if weights is None else weights
        return weights * self._class_weights(labels, weights)[labels]

    def _class_weights(self, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """A weight for each class; `"balanced"` gives all of them the same total."""
        classes = self.classes_.tolist()
        if not isinstance(self.class_weight, dict):
            totals = np.bincount(labels, weights, len(classes))
            return totals.sum() / len(classes) / np.where(totals > 0.0, totals, 1.0)
        unknown = [label for label in self.class_weight if label not in classes]
        found = np.asarray([self.class_weight.get(label, 1.0) for label in classes], np.float64)
        if unknown or not (np.isfinite(found) & (found >= 0.0)).all():
            raise ValueError(
                f"class_weight must give weights of 0 or more to labels among {classes}, got "
                f"{self.class_weight!r}."
            )
        return found

    def _learn_targets(self, y: np.ndarray, weights: np.ndarray | None, classes: Any) -> None:
        self.classes_ = np.unique(y) if classes is None else unique_labels(np.asarray(classes))
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has only one class, {self.classes_.tolist()[0]!r} (rows of weight 0 do not "
                "count); a classifier needs two classes or more."
            )

    def _encoded_targets(self, y: np.ndarray) -> np.ndarray:
        unknown = ~np.isin(y, self.classes_)
        if unknown.any():
            row = int(np.flatnonzero(unknown)[0])
            raise ValueError(
                f"y has the label {y.tolist()[row]!r}, first in row {row}, which is not among the "
                f"classes of the first fit, {self.classes_.tolist()}."
            )
        return np.searchsorted(self.classes_, y)

    def _automatic(self, model: BayesianNetwork, rows: Rows, in_steps: bool) -> Choice:
        return Choice(model, Ensemble(self.members, stepping(self.step_draws)))

    def likelihood(self, head: bool) -> tuple[AbstractLikelihood, int]:
        count = len(self.classes_)
        return (Bernoulli(), 1) if count == 2 else (Categorical(), count)
