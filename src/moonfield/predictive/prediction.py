"""What a posterior says about new rows."""

import functools
import numbers
from typing import Any

import numpy as np
from jaxtyping import Float, PyTree
from scipy.special import entr, xlog1py

from .._core.checks import whole
from .._core.keys import Stream, check_seed, stream
from .._core.trees import default_float
from ..data import as_targets, label_numbers
from ..families import AbstractApproximation
from ..model import AbstractModel
from .highest_density import highest_density
from .mixture import mixture_quantiles, row_keys
from .reducers import (
    ConditionalMean,
    Cumulative,
    Entropy,
    LogDensity,
    Moments,
    MomentsTotal,
    Targets,
)
from .stream import Source, reduce_rows, stack_draws
from .units import Units

_NEARLY = 0.999  # a probability from which on 1 - p has few digits left in 32 bits


class Prediction:
    """The posterior predictive distribution of the targets of some rows, lazily computed.

    `rows` is the number of rows; a target has shape `()` for one number or class a row (then all
    fields have shape (rows,)), `(k,)` for k targets, and counts as its one-hot vector of K numbers
    for K > 2 classes. Draws are streamed the first time a field needs them: memory is constant in
    draws and rows. Estimates are averages over `draws` posterior draws.

    With `w` the weights, the law of total variance splits `sd**2 == epistemic**2 + aleatoric**2`:

    - `mean` = E_w[E[y | w]], in units of y; for two classes the probability of class 1;
    - `epistemic` = sd_w(E[y | w]): what more data could remove;
    - `aleatoric` = sqrt(E_w[Var[y | w]]): what no data could remove;
    - `sd`: the total.

    For classes also, in nats, `entropy == mutual_information + expected_entropy` (Depeweg et al.,
    2018, "Decomposition of uncertainty in Bayesian deep learning", eqs 2-5).

    `classes` are the labels of an estimator's classes, in the order of probabilities, by which
    `log_prob` and metrics take targets; None where targets are the numbers 0, 1, ... themselves.
    """

    def __init__(
        self,
        model: AbstractModel,
        approximation: AbstractApproximation,
        inputs: PyTree,
        draws: int,
        seed: int,
        keep_draws: bool = False,
        units: Units | None = None,
        classes: np.ndarray | None = None,
    ):
        self._source = Source(model, approximation, stream(seed, Stream.draws))
        self._inputs = inputs
        self._seed = seed
        self._keep_draws = keep_draws
        self._units = units
        self.classes = classes
        self.draws = draws

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._source.model.count(self._inputs)

    @property
    def inputs(self) -> PyTree:
        """The rows as the model takes them."""
        return self._inputs

    def __repr__(self) -> str:
        return f"Prediction(rows={self.rows:,}, draws={self.draws:,}, kind={self.kind!r})"

    @property
    def mean(self) -> Float[np.ndarray, "rows ..."]:
        """Predictive mean, in units of y; class probabilities for classes."""
        return self._values(np.asarray(self._moments.mean))

    @functools.cached_property
    def sd(self) -> Float[np.ndarray, "rows ..."]:
        """Predictive standard deviation, in units of y."""
        return self._spread(np.sqrt(self._variance + self._moments.variance))

    @functools.cached_property
    def epistemic(self) -> Float[np.ndarray, "rows ..."]:
        """Sd over posterior draws of the conditional mean, in units of y."""
        return self._spread(np.sqrt(self._variance))

    @functools.cached_property
    def aleatoric(self) -> Float[np.ndarray, "rows ..."]:
        """Root of the mean conditional variance, in units of y."""
        return self._spread(np.sqrt(self._moments.variance))

    @property
    def probabilities(self) -> Float[np.ndarray, "rows ..."]:
        """Probability of each class: (rows, 2) for two classes, (rows, K) for K."""
        self._need_classes("probabilities")
        p = self.mean
        return np.stack([self._other_class, p], axis=-1) if self._binary else p

    @property
    def label(self) -> np.ndarray:
        """The most probable class, an integer: its place among `probabilities`."""
        return np.argmax(self.probabilities, axis=-1)

    @property
    def probability_sd(self) -> Float[np.ndarray, "rows ..."]:
        """Sd over posterior draws of each class's probability, shaped as `probabilities`."""
        self._need_classes("probability_sd")
        sd = self.epistemic
        return np.stack([sd, sd], axis=-1) if self._binary else sd

    @functools.cached_property
    def entropy(self) -> Float[np.ndarray, "rows ..."]:
        """Entropy of the predictive class probabilities, nats."""
        self._need_classes("entropy")
        if not self._binary:
            return entr(self.mean).sum(axis=-1)
        rare = np.minimum(self.mean, self._other_class)
        return entr(rare) - xlog1py(1.0 - rare, -rare)

    @functools.cached_property
    def _other_class(self) -> np.ndarray:
        """`P(class 0) = 1 - p`; near p = 1 from the whole variance, which is `p (1 - p)`."""
        p, whole = self.mean, self._variance + np.asarray(self._moments.variance)
        small = 2.0 * whole / (1.0 + np.sqrt(np.maximum(1.0 - 4.0 * whole, 0.0)))
        return np.where(p > _NEARLY, small, 1.0 - p)

    @functools.cached_property
    def expected_entropy(self) -> Float[np.ndarray, "rows ..."]:
        """Mean over posterior draws of the entropy of the class probabilities, nats."""
        self._need_classes("expected_entropy")
        return self._reduce(Entropy())

    @functools.cached_property
    def mutual_information(self) -> Float[np.ndarray, "rows ..."]:
        """What the weights would tell about the class: `entropy - expected_entropy`, nats."""
        return np.maximum(self.entropy - self.expected_entropy, 0.0)  # but for rounding

    def log_prob(self, y: Any) -> Float[np.ndarray, " rows"]:
        """Log-density of targets under the predictive mixture, nats: `log mean_w p(y | w)`.

        Raises:
            TypeError, ValueError: y is not numeric and finite, has another number of rows, or a
                label that is not among `classes`.
        """
        targets = self._targets(y)
        found = self._reduce(LogDensity(), targets) - np.log(self.draws).astype(targets.dtype)
        return found if self._units is None else self._units.density(found)

    def cdf(self, y: Any) -> Float[np.ndarray, "rows ..."]:
        """Probability that a target is at most y: `mean_w P(y' <= y | w)`, one entry for each of y.

        y may be any finite numbers shaped as targets, also outside the likelihood's support.

        Raises:
            TypeError, ValueError: y is not numeric and finite, or has another shape; targets are
                classes, or of a distribution whose cdf NumPyro does not know (e.g. Binomial).
        """
        if self.kind == "classes":
            raise ValueError("A cdf needs numbers as targets; for classes use probabilities.")
        targets = self._standardised(y)
        targets = np.floor(targets) if self.discrete else targets
        return self._reduce(Cumulative(), targets).cdf().astype(default_float())

    def quantile(self, q: float) -> Float[np.ndarray, "rows ..."]:
        """The predictive mixture's quantile, in units of y, by a search in its cdf.

        Raises:
            ValueError: q is not strictly between 0 and 1, or nearer to an end than rounding can
                tell (1.2e-7 in 32 bits), or as `cdf`.
        """
        return self._quantiles(q)[0]

    def interval(self, level: float = 0.9) -> Float[np.ndarray, "rows ... 2"]:
        """The central interval that holds a target with probability `level`, in units of y.

        Raises:
            ValueError: as `quantile`.
        """
        _check_level(level, room=2.0)
        tail = (1.0 - level) / 2.0
        return np.stack(self._quantiles(tail, 1.0 - tail), axis=-1)

    def highest_density(self, level: float = 0.9) -> Float[np.ndarray, "rows intervals 2"]:
        """The smallest set that holds a target with probability `level`, in units of y.

        Disjoint intervals in ascending order, as many as the row with most of them has; other rows
        end with NaN. y is in the set where `((s[..., 0] <= y) & (y <= s[..., 1])).any(-1)`, y being
        (rows, 1). Where a prediction has several modes this says what `interval` hides. Ends are
        found to about 1/500 of the set's range; whole numbers for counts.

        Raises:
            ValueError: as `quantile`, but level at least 6.1e-5 away from 0 and 1 in 32 bits; or
                there are several targets a row.
        """
        self._need_numbers()
        _check_level(level, room=512.0)
        if self._source.model.target_shape(self._inputs):
            raise ValueError("A highest-density set needs one target a row.")
        mean, sd = self._standard_moments
        found = highest_density(self._source, self._inputs, self.draws, level, mean, sd)
        return self._values(found)

    def sample(self, n: int | None = None) -> np.ndarray:
        """Draws of y, shape (n, rows, ...): one from each of n posterior draws (all by default)."""
        n = self.draws if n is None else whole(n, "n")
        keys = row_keys(stream(self._seed, Stream.targets), self.rows)
        return self._values(stack_draws(self._source, Targets(), self._inputs, n, keys))

    @functools.cached_property
    def mean_draws(self) -> Float[np.ndarray, "draws rows ..."]:
        """The conditional mean E[y | w] under every posterior draw, where `keep_draws=True`.

        Raises:
            AttributeError: the prediction was made without `keep_draws=True`.
        """
        if not self._keep_draws:
            raise AttributeError("Single draws were not kept: use predict(X, keep_draws=True).")
        found = stack_draws(self._source, ConditionalMean(), self._inputs, self.draws)
        return self._values(found)

    @property
    def kind(self) -> str:
        """What a target is: "classes" or "numbers"."""
        return self._source.model.kind

    @property
    def discrete(self) -> bool:
        """Whether targets are whole numbers: classes or counts."""
        return self._source.model.discrete

    @property
    def _binary(self) -> bool:
        return self._source.model.binary

    def _quantiles(self, *levels: float) -> list[np.ndarray]:
        self._need_numbers()
        for q in levels:
            _check_level(q, "q")
        mean, sd = self._standard_moments
        found = mixture_quantiles(self._source, self._inputs, self.draws, levels, mean, sd)
        return [self._values(values) for values in found]

    @functools.cached_property
    def _moments(self) -> MomentsTotal:
        return self._reduce(Moments())

    @property
    def _variance(self) -> np.ndarray:
        return np.asarray(self._moments.m2) / self.draws

    @property
    def _standard_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Predictive means and sds as the model has them."""
        return np.asarray(self._moments.mean), np.sqrt(self._variance + self._moments.variance)

    def _values(self, array: np.ndarray) -> np.ndarray:
        return np.asarray(array) if self._units is None else self._units.values(array)

    def _spread(self, array: np.ndarray) -> np.ndarray:
        return array if self._units is None else self._units.spread(array)

    def _reduce(self, reducer: Any, extra: Any = None) -> Any:
        return reduce_rows(self._source, reducer, self._inputs, self.draws, extra)

    def _standardised(self, y: Any) -> np.ndarray:
        """Numbers shaped as targets, as the model has them."""
        shape = self._source.model.target_shape(self._inputs)
        y = y if self._units is None else self._units.standardise(y)
        return as_targets(y, self.rows, shape)

    def _targets(self, y: Any) -> np.ndarray:
        y = y if self.classes is None else label_numbers(y, self.rows, self.classes)
        targets = self._standardised(y)
        self._source.model.check_targets(self._inputs, targets)
        return targets

    def _need_numbers(self) -> None:
        if self.kind == "classes":
            raise ValueError("Quantiles need numbers as targets; for classes use probabilities.")

    def _need_classes(self, field: str) -> None:
        if self.kind != "classes":
            raise AttributeError(f"{field} is for classes; this model's targets are numbers.")


def _check_level(level: float, name: str = "level", room: float = 1.0) -> None:
    """`ValueError` outside (0, 1), or within a few rounding errors of an end."""
    if not isinstance(level, numbers.Real):
        raise TypeError(f"{name} must be one number, got {level!r}.")
    if not 0.0 < level < 1.0:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {level}.")
    precision = np.finfo(default_float())
    if min(level, 1.0 - level) < room * precision.eps:
        raise ValueError(
            f"{name} must be at least {room * precision.eps:.1e} away from 0 and 1, which is what "
            f"a cdf in {precision.bits} bits can tell, got {level}."
        )


def checked_prediction(
    model: AbstractModel,
    approximation: AbstractApproximation,
    X: Any,
    draws: int,
    seed: int,
    keep_draws: bool = False,
    units: Units | None = None,
    classes: np.ndarray | None = None,
) -> Prediction:
    """A prediction for user input; errors as `model.check_inputs`, and for draws and seeds.

    `units` are those of y where the model was fitted to standardised targets, `classes` the labels
    where it was fitted to their numbers.
    """
    draws = whole(draws, "draws")
    check_seed(seed)
    inputs = model.check_inputs(X)
    options = int(seed), keep_draws, units, classes
    return Prediction(model, approximation, inputs, draws, *options)
