"""The regressor."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions

from ..inference import AbstractMethod
from ..likelihoods import AbstractLikelihood, Head, Normal, StudentT
from ..model import BayesianNetwork
from ..predictive import Units
from .base import AbstractBayesianMLP, Rows
from .columns import finite_targets
from .encoder import scales_of
from .recipe import (
    Choice,
    by_evidence,
    noise_may_vary,
    noise_prior,
    stepping,
    suits_evidence,
)

_SHALLOW, _DEEP = (50,), (24, 24)
_ROWS_OF_DEEP = 500  # of fewer and noisier ones, modes of two layers learn the noise


class BayesianMLPRegressor(RegressorMixin, AbstractBayesianMLP):
    """Regression by a Bayesian multilayer perceptron.

    Features and targets are standardised inside, in float64; all answers are in units of y. The
    noise is normal with a learned sd; by the default method Student-t with learned degrees of
    freedom, 4 to 100, of which the latter is as good as normal, and with a scale that varies.

    Args:
        hidden: units of each hidden layer; `"auto"`: two layers of 24 where prior and noise are
            learned by the marginal likelihood (below) from 500 rows or more, else one of 50.
        heteroscedastic: whether the noise sd depends on the features, by further outputs of the
            network; `"auto"`: where prior and noise are learned by the marginal likelihood (below),
            up to 2 10^10 rows times squared weights, as many of the modes have noise that varies as
            predict best a quarter of the rows, which are first left out; else none.
        activation: of hidden units; a name that `mf.nets.MLP` knows.
        prior_sd: prior sd of the pre-activations of hidden layers, for standardised features.
        method: as in `mf.fit`; `"auto"` is
            `mf.Laplace("gauss_newton", starts=1, empirical_bayes=True, modes=4, even_noise=True)`,
            which learns prior and noise by the marginal likelihood, from 100 rows on and up to
            2,000 weights and 10^11 rows times squared weights; else, and where one of the next two
            or a checkpoint is given, mean-field by `mf.IVON(hessian_init=1_000, tolerance=0.01)`.
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
        posterior_: the `Posterior` of the standardised problem.
        encoder_: what was learned of the columns.
        units_: what was learned of the target.
        n_features_in_, feature_names_in_: of the columns of X.
        target_name_: the name of y, where it was a series that had one.
        n_iter_: steps of the fit.
        seed_: the seed of the fit and of predictions.

    Example:
        >>> import moonfield as mf
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> regressor = mf.BayesianMLPRegressor((10,), random_state=0).fit(X[:400], y[:400])
        >>> regressor.predict_interval(X[400:], level=0.9).shape
        (42, 2)
    """

    units_: Units

    output_sd: ClassVar[float] = 2.0
    # With one, units that two hidden layers need are lost in the noise of curvatures.
    step_draws: ClassVar[int] = 4

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **AbstractBayesianMLP._parameter_constraints,
        "hidden": ["array-like", StrOptions({"auto"})],
        "heteroscedastic": ["boolean", StrOptions({"auto"})],
    }

    def __init__(
        self,
        hidden: Sequence[int] | str = "auto",
        *,
        heteroscedastic: bool | str = "auto",
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
        self.heteroscedastic = heteroscedastic
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

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "BayesianMLPRegressor":
        """Learn from more rows: the posterior of all rows so far is the prior of these.

        The first call is `fit`; scales of features and target, and levels, stay what it found.

        Raises:
            TypeError, ValueError: as `fit`; or the posterior so far is not one of normals.
        """
        return self._updated(X, y, sample_weight)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The predictive mean (rows,) or (rows, targets); with `return_std` also the sd.

        The sd is that of y: what is not known of the mean, and the noise.

        Raises:
            NotFittedError, TypeError, ValueError: as `predict_distribution`.
        """
        found = self.predict_distribution(X)
        return (found.mean, found.sd) if return_std else found.mean

    def predict_interval(self, X: Any, level: float = 0.9) -> np.ndarray:
        """The central interval of y (rows, 2) or (rows, targets, 2) of this probability.

        Raises:
            ValueError: as `Prediction.interval`.
            NotFittedError, TypeError, ValueError: as `predict_distribution`.
        """
        return self.predict_distribution(X).interval(level)

    def predict_quantiles(self, X: Any, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> Any:
        """Quantiles of y (rows, quantiles) or (rows, targets, quantiles).

        Raises:
            ValueError: as `Prediction.quantile`, or there are no levels.
            NotFittedError, TypeError, ValueError: as `predict_distribution`.
        """
        found = self.predict_distribution(X)
        levels = np.atleast_1d(np.asarray(quantiles, float))
        if levels.ndim != 1 or not levels.size:
            raise ValueError(f"quantiles must be one or more numbers, got {quantiles!r}.")
        return np.stack([found.quantile(float(level)) for level in levels], axis=-1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        return tags

    @property
    def _units(self) -> Units:
        return self.units_

    def _checked_targets(self, y: Any) -> np.ndarray:
        return _column(finite_targets(y))

    def _row_weights(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        return weights

    def _learn_targets(self, y: np.ndarray, weights: np.ndarray | None, classes: Any) -> None:
        scales = scales_of(y.reshape(len(y), -1), weights)
        smallest = np.maximum(np.abs(scales.centre), 1.0) * 1e-6
        sd = np.where(np.isinf(scales.sd), smallest, scales.sd)  # of a target that never varies
        self.units_ = Units(scales.centre.reshape(y.shape[1:]), sd.reshape(y.shape[1:]))

    def _encoded_targets(self, y: np.ndarray) -> np.ndarray:
        if y.shape[1:] != self.units_.shift.shape:
            raise ValueError(
                f"y must have {_targets(self.units_.shift.shape)} target(s) a row as in the first "
                f"fit, got {_targets(y.shape[1:])}."
            )
        return self.units_.standardise(y)

    @property
    def _has_head(self) -> bool:
        return self.heteroscedastic is True

    @property
    def _hidden(self) -> Any:
        return _SHALLOW if isinstance(self.hidden, str) else self.hidden

    def _automatic(self, model: BayesianNetwork, rows: Rows, in_steps: bool) -> Choice:
        hidden = self._hidden
        if isinstance(self.hidden, str) and len(rows.inputs) >= _ROWS_OF_DEEP:
            deep = self._model(rows, self._has_head, _DEEP)
            if suits_evidence(deep, len(rows.inputs)) and not in_steps:
                model, hidden = deep, _DEEP
        if in_steps or not suits_evidence(model, len(rows.inputs)):
            return Choice(model, stepping(self.step_draws))
        either = self.heteroscedastic == "auto" and noise_may_vary(model, len(rows.inputs))
        if either:
            model = self._model(rows, head=True, hidden=hidden)
        prior = noise_prior(self.units_.shift.shape)
        likelihood = StudentT(scale=Head(prior) if model.likelihood.head else prior)
        chosen = BayesianNetwork(model.network, model.prior, likelihood)
        return Choice(chosen, by_evidence(either))

    def likelihood(self, head: bool) -> tuple[AbstractLikelihood, int]:
        shape = self.units_.shift.shape
        if head:
            return Normal(sd="head"), 2 * _targets(shape)
        return Normal(sd=noise_prior(shape)), _targets(shape)


def _targets(shape: tuple[int, ...]) -> int:
    return shape[0] if shape else 1


def _column(y: np.ndarray) -> np.ndarray:
    """One target a row without an axis of its own."""
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
