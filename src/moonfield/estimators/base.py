"""What both estimators share: rows in, a posterior, predictions out."""

import abc
import contextlib
import numbers
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from .._core.checks import whole
from .._core.results import Result
from ..inference import AbstractMethod
from ..io import PLATFORMS
from ..likelihoods import AbstractLikelihood
from ..model import BayesianNetwork
from ..networks import MLP
from ..posterior import Posterior, Wish, load
from ..predictive import Prediction, Units, checked_prediction
from .columns import Columns, categorical_places, check_table, columns_of
from .encoder import MOST_LEVELS, Encoder, learn
from .exporting import export_estimator
from .online import joined, knowledge, members_of
from .recipe import Choice, fit_rows, member_method, network_prior
from .weights import as_row_weights

T = TypeVar("T")

_COUNT = Interval(numbers.Integral, 1, None, closed="left")


class Rows(NamedTuple):
    """Encoded rows of a fit; rows of weight 0 are left out."""

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None


class AbstractBayesianMLP(BaseEstimator, abc.ABC):
    """A Bayesian multilayer perceptron with scikit-learn's interface.

    Of the estimators, each says what targets are; all else is here.
    """

    hidden: Any
    activation: str
    prior_sd: float
    method: str | AbstractMethod
    steps: int | None
    batch_size: int | str | None
    draws: int
    categorical: Any
    missing: str
    random_state: Any
    verbose: bool

    n_features_in_: int
    target_name_: str | None
    encoder_: Encoder
    posterior_: Posterior
    seed_: int

    output_sd: ClassVar[float]  # prior sd of the network's outputs
    step_draws: ClassVar[int]  # draws of q in a step of the methods that are chosen here

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "hidden": ["array-like"],
        "activation": [str],
        "prior_sd": [Interval(numbers.Real, 1e-6, 1e6, closed="both")],
        "method": [str, AbstractMethod],
        "steps": [_COUNT, None],
        "batch_size": [_COUNT, StrOptions({"auto"}), None],
        "draws": [_COUNT],
        "categorical": ["array-like", StrOptions({"auto"})],
        "missing": [StrOptions({"error", "indicator"})],
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }

    @abc.abstractmethod
    def _checked_targets(self, y: Any) -> np.ndarray:
        """Targets with rows first; `ValueError` for what cannot be one."""

    @abc.abstractmethod
    def _row_weights(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        """The user's weights of rows, times those that an estimator has of its own."""

    @abc.abstractmethod
    def _learn_targets(self, y: np.ndarray, weights: np.ndarray | None, classes: Any) -> None:
        """Learn the classes (unless they are given), or the units, of y."""

    @abc.abstractmethod
    def _encoded_targets(self, y: np.ndarray) -> np.ndarray:
        """Targets as the likelihood wants them."""

    @abc.abstractmethod
    def likelihood(self, head: bool) -> tuple[AbstractLikelihood, int]:
        """The likelihood, with a head for the noise or without; how many outputs it needs."""

    @property
    def _has_head(self) -> bool:
        """Whether the noise varies whatever the method."""
        return False

    @abc.abstractmethod
    def _automatic(self, model: BayesianNetwork, rows: Rows, in_steps: bool) -> Choice:
        """What method `"auto"` is; `in_steps` where options are given that need such a method."""

    @property
    @abc.abstractmethod
    def _units(self) -> Units | None:
        """The units of y; None for classes."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, checkpoint: Any = None) -> Any:
        """Fit to rows; what was learned before is forgotten.

        X is (rows, features): an array, a list, a pandas or polars table. Columns of numbers are
        standardised, those of text or categories one-hot encoded. `sample_weight` (rows,)
        multiplies each row's log-likelihood; a row of weight 0 is as good as absent. `checkpoint`
        is as in `mf.fit`; without a `random_state` the seed is then 0, so that the same call goes
        on, and method `"auto"` is one of steps, which can go on: IVON. Where a fit fails, the
        estimator is as it was before.

        Raises:
            TypeError, ValueError: bad input, before anything compiles; says what and where.
        """
        self._validate_params()
        with _whole_or_not(self):
            rows = self._rows(X, y, sample_weight, first=True)
            if checkpoint is not None and self.random_state is None:
                self.seed_ = 0
            return self._begun(rows, checkpoint)

    def predict_distribution(
        self,
        X: Any,
        *,
        draws: int | None = None,
        seed: int | None = None,
        keep_draws: bool = False,
    ) -> Prediction:
        """The posterior predictive distribution in units of y: all that the others are read from.

        `draws` and `seed` are the estimator's own unless given; `keep_draws` as in
        `Posterior.predict`.

        Raises:
            NotFittedError: there has been no fit.
            TypeError, ValueError: X has other columns than in the fit, or bad values.
        """
        check_is_fitted(self)
        check_table(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        inputs = self.encoder_.encode(self._columns(X, self.encoder_.categorical))
        model, approximation = self.posterior_.model, self.posterior_.approximation
        draws = self.draws if draws is None else draws
        seed = self.seed_ if seed is None else seed
        options = draws, seed, keep_draws, self._units, getattr(self, "classes_", None)
        return checked_prediction(model, approximation, inputs, *options)

    def save(self, path: str | os.PathLike) -> None:
        """Write to one file (safetensors with a JSON header, never pickle): all but the rows.

        Raises:
            NotFittedError: there has been no fit.
            TypeError: an argument is an object, which files do not keep.
            OSError: the file system refuses; an old file is left as it was.
        """
        from .persistence import save  # noqa: PLC0415  which knows both estimators

        check_is_fitted(self)
        save(self, path)

    def export(
        self,
        path: str | os.PathLike,
        *,
        rows: int | None = None,
        draws: int | None = None,
        seed: int | None = None,
        platforms: Sequence[str] = PLATFORMS,
    ) -> None:
        """Write predictions to one file that needs only jax, flatbuffers and numpy to run.

        As `Posterior.export`, from columns of numbers in the order of the fit to answers in units
        of y, all in float32: a column whose mean is a million of its sds has no digits left.
        `draws` and `seed` are the estimator's own unless given; `about["classes"]` are the labels.

        Raises:
            NotFittedError: there has been no fit.
            ImportError: flatbuffers is not installed.
            TypeError, ValueError: a column is categorical; bad arguments.
            OSError: the file system refuses; an old file is left as it was.
        """
        check_is_fitted(self)
        draws = self.draws if draws is None else draws
        seed = self.seed_ if seed is None else seed
        export_estimator(self, path, Wish(rows, draws, seed, platforms))

    @classmethod
    def load(cls: type[T], path: str | os.PathLike) -> T:
        """Read an estimator that `save` wrote; `mf.load` does as well.

        Raises:
            FileNotFoundError: there is no such file.
            FileFormatError: it is not one of Moonfield's, is damaged, or is of a newer version.
            TypeError: it holds something else.
        """
        found = load(path)
        if not isinstance(found, cls):
            raise TypeError(
                f"{os.fspath(path)} holds a {type(found).__name__}, not a {cls.__name__}. "
                "Use mf.load(path)."
            )
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "indicator"
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "posterior_")

    def _begun(self, rows: Rows, checkpoint: Any = None) -> Any:
        model = self._model(rows, self._has_head)
        method = self.method
        if isinstance(method, str) and method == "auto":
            given = self.steps is not None, self.batch_size != "auto", checkpoint is not None
            model, method = self._automatic(model, rows, in_steps=any(given))
        self.keep(self._fitted(model, rows, method, checkpoint=checkpoint))
        self._updated_once = False
        return self

    def _updated(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        """Online Bayes: each member's posterior of the rows so far is its prior of these."""
        self._validate_params()
        first = not self.__sklearn_is_fitted__()
        with _whole_or_not(self):
            rows = self._rows(X, y, sample_weight, first, classes)
            if first:
                self._check_variation(rows)
                return self._begun(rows)
        before, members = members_of(self.posterior_), []
        method = member_method(self.method, self.step_draws)
        for member in before:
            known, network = knowledge(member), cast(BayesianNetwork, member.model).network
            model = BayesianNetwork(network, known.weights, known.likelihood)
            members.append(self._fitted(model, rows, method, member))
            if members[-1].result is Result.interrupted and len(before) > 1:
                raise KeyboardInterrupt  # and so the members stay alike, as they were
        self.keep(joined(members))
        self._updated_once = True  # posterior_ holds these rows, not those before
        return self

    def _check_levels(self, columns: Columns, names: Any) -> None:
        """Say which categories are lost to the network."""
        for place, levels, share in self.encoder_.left_out(columns):
            name = place if names is None else repr(names[place])
            warnings.warn(
                f"The categorical column {name} has {levels} different levels. The {MOST_LEVELS} "
                f"most frequent have an input each; all others, {share:.1%} of the rows, count as "
                "unseen. Encode it first (sklearn.preprocessing.TargetEncoder), or join levels.",
                stacklevel=4,
            )

    def _check_variation(self, rows: Rows) -> None:
        """What the first of several calls cannot know, no later one makes good."""
        if self._units is not None and not np.ptp(rows.targets, axis=0).all():
            raise ValueError(
                "y does not vary in the first rows, of which partial_fit learns its units. Give it "
                "more rows at first."
            )
        still = np.isinf(self.encoder_.scales.sd).sum()
        if still:
            warnings.warn(
                f"{still} column(s) of numbers do not vary in these first rows, and will count for "
                "nothing in later ones either: give partial_fit more rows at first.",
                stacklevel=4,
            )

    def _rows(self, X: Any, y: Any, sample_weight: Any, first: bool, classes: Any = None) -> Rows:
        """Checked and encoded rows; the first ones settle columns, classes and units."""
        check_table(X)
        validate_data(self, X, y, reset=first, skip_check_array=True)
        names = getattr(self, "feature_names_in_", None)
        places = (
            categorical_places(X, self.categorical, names, self.n_features_in_)
            if first
            else self.encoder_.categorical
        )
        columns, targets = self._columns(X, places), self._checked_targets(y)
        check_consistent_length(X, targets)
        weights = as_row_weights(sample_weight, len(targets))
        if weights is not None:
            used = weights > 0.0
            columns, targets, weights = columns.take(used), targets[used], weights[used]
        if first:
            self._learn_targets(targets, weights, classes)
        weights = self._row_weights(targets, weights)
        if first:
            name = getattr(y, "name", None)
            self.target_name_ = name if isinstance(name, str) and name else None
            self.encoder_ = learn(columns, places, self.missing == "indicator", weights)
            self._check_levels(columns, names)
            self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        return Rows(self.encoder_.encode(columns), self._encoded_targets(targets), weights)

    @property
    def _hidden(self) -> Any:
        """Units of each hidden layer, where nothing says otherwise."""
        return self.hidden

    def _columns(self, X: Any, places: Sequence[int]) -> Columns:
        return columns_of(X, places, self.missing == "indicator", self)

    def _model(self, rows: Rows, head: bool, hidden: Any = None) -> BayesianNetwork:
        likelihood, outputs = self.likelihood(head)
        chosen = self._hidden if hidden is None else hidden
        hidden = [whole(units, "each of hidden") for units in chosen]
        sizes = [rows.inputs.shape[1], *hidden, outputs]
        prior = network_prior(self.prior_sd, self.output_sd, sizes, outputs // 2 if head else 0)
        return BayesianNetwork(MLP(sizes, activation=self.activation), prior, likelihood)

    def _fitted(
        self,
        model: BayesianNetwork,
        rows: Rows,
        method: Any,
        start: Posterior | None = None,
        checkpoint: Any = None,
    ) -> Posterior:
        options = self.steps, self.batch_size, self.seed_, start, bool(self.verbose), checkpoint
        return fit_rows(model, rows, method, *options)

    def keep(self, posterior: Posterior) -> None:
        """Take a posterior as the estimator's own."""
        self.posterior_ = posterior
        self.n_iter_ = posterior.diagnostics.steps


@contextlib.contextmanager
def _whole_or_not(estimator: Any) -> Iterator[None]:
    """An estimator is as it was, if what is done to it fails or the keyboard ends it."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
