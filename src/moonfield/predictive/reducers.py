"""What is kept of every posterior draw: one small function per predictive quantity.

A quantity sees one block of rows under one draw of the parameters; a reducer also folds draws into
an accumulator, whose memory never depends on the number of draws.
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, PyTree

from ..model import AbstractModel
from .counts import count_cdf
from .local import local_key, local_of, with_row


class AbstractQuantity(eqx.Module):
    """A function of one draw of the parameters and one block of rows."""

    @abc.abstractmethod
    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> PyTree:
        """Arrays with rows first; `extra` has one entry a row, `draw` is the number of the draw."""

    def row_keys(self, extra: Array, draw: Array) -> Array | None:
        """Keys of rows' local latent variables; None: all rows share the noise of a draw."""
        return None


class AbstractReducer(AbstractQuantity):
    """A quantity whose draws are folded into an accumulator."""

    @abc.abstractmethod
    def empty(self, value: PyTree) -> PyTree:
        """The accumulator before any draw, for values of this shape."""

    @abc.abstractmethod
    def fold(self, total: PyTree, value: PyTree, count: Array) -> PyTree:
        """The accumulator after the draw that follows `count` others."""


class MomentsTotal(NamedTuple):
    """Mean and centred sum of squares of the conditional mean; mean of the conditional variance."""

    mean: Array
    m2: Array
    variance: Array


class Moments(AbstractReducer):
    """For the law of total variance: mean and spread of `E[y | w]`, mean of `Var[y | w]`."""

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> PyTree:
        return model.moments(params, inputs)

    def empty(self, value: tuple[Array, Array]) -> MomentsTotal:
        return MomentsTotal(*(jnp.zeros_like(value[0]) for _ in range(3)))

    def fold(self, total: MomentsTotal, value: tuple[Array, Array], count: Array) -> MomentsTotal:
        mean, variance = value
        delta = mean - total.mean
        new = _running_mean(total.mean, mean, count)
        m2 = total.m2 + delta * (mean - new)
        return MomentsTotal(new, m2, _running_mean(total.variance, variance, count))


class LogDensity(AbstractReducer):
    """`log sum_draws p(y | w)`, as a running log-sum-exp; `extra` holds y."""

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> Array:
        return model.row_log_prob(params, inputs, extra)

    def empty(self, value: Array) -> Array:
        return jnp.full_like(value, -jnp.inf)

    def fold(self, total: Array, value: Array, count: Array) -> Array:
        return jnp.logaddexp(total, value)


class Tails(NamedTuple):
    """A cumulative distribution by its distance from 0 or 1: sums near 1 would lose its digits."""

    distance: Array  # mean over draws of P(y' <= y | w) - end
    end: Array  # 0 or 1, which the first draw is nearer to

    def cdf(self) -> np.ndarray:
        """In 64 bits."""
        return np.asarray(self.end, np.float64) + self.distance


def nearer_end(cdf: Array) -> Array:
    """0 below a half, else 1."""
    return jnp.floor(cdf + 0.5)


class Cumulative(AbstractReducer):
    """`mean_draws P(y <= extra | w)`: the cumulative distribution of the predictive mixture."""

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> Array:
        return conditional_cdf(model.predictive(params, inputs), extra)

    def empty(self, value: Array) -> Tails:
        return Tails(jnp.zeros_like(value), jnp.zeros_like(value))

    def fold(self, total: Tails, value: Array, count: Array) -> Tails:
        end = jnp.where(count == 0, nearer_end(value), total.end)
        return Tails(_running_mean(total.distance, value - end, count), end)


class Entropy(AbstractReducer):
    """`mean_draws H[y | w]`, nats, of class probabilities."""

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> Array:
        return class_entropy(model.moments(params, inputs)[0], model.binary)

    def empty(self, value: Array) -> Array:
        return jnp.zeros_like(value)

    def fold(self, total: Array, value: Array, count: Array) -> Array:
        return _running_mean(total, value, count)


class ConditionalMean(AbstractQuantity):
    """`E[y | w]`."""

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> Array:
        return model.moments(params, inputs)[0]


class Conditional(AbstractQuantity):
    """The distribution of y given the weights."""

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> PyTree:
        return model.predictive(params, inputs)


class Mapped(AbstractQuantity):
    """`fn(params, row)`, vectorised over rows."""

    fn: Any

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> PyTree:
        def one(local: dict[str, Array], row: PyTree) -> PyTree:
            return self.fn(model.present(with_row(params, local)), row)

        return jax.vmap(one)(local_of(model, params), inputs)


class RowLogLikelihood(AbstractQuantity):
    """The log-density of each row's target, nats; `extra` holds y."""

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> Array:
        return model.row_log_prob(params, inputs, extra)


class Targets(AbstractQuantity):
    """A draw of y; `extra` holds a random key for each row."""

    def one(
        self, model: AbstractModel, params: PyTree, inputs: PyTree, extra: Array, draw: Array
    ) -> Array:
        if not model.minibatchable:  # rows that belong together are drawn together
            predictive = model.predictive(params, inputs)
            return jnp.asarray(predictive.sample(jax.random.fold_in(extra[0], draw)))

        def sample(local: dict[str, Array], row: PyTree, key: Array) -> Array:
            local, row = jax.tree.map(lambda leaf: leaf[None], (local, row))
            predictive = model.predictive(with_row(params, local), row)
            return jnp.asarray(predictive.sample(jax.random.fold_in(key, draw)))[0]

        return jax.vmap(sample)(local_of(model, params), inputs, extra)

    def row_keys(self, extra: Array, draw: Array) -> Array:
        return jax.vmap(local_key, (0, None))(extra, draw)


def conditional_cdf(predictive: Any, y: Array) -> Array:
    """`P(y' <= y)` of a NumPyro distribution, 0 below its support and 1 above it.

    Raises:
        ValueError: it knows no cdf.
    """
    while isinstance(predictive, dist.ExpandedDistribution):  # which plates make
        predictive = predictive.base_dist
    support: Any = getattr(predictive, "support", None)
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    lower = jnp.asarray(getattr(support, "lower_bound", -jnp.inf), y.dtype)
    upper = jnp.asarray(getattr(support, "upper_bound", jnp.inf), y.dtype)
    try:
        within = jnp.clip(y, lower, upper)
        of_counts = count_cdf(predictive, within)
        inside = jnp.asarray(predictive.cdf(within)) if of_counts is None else of_counts
    except NotImplementedError as error:
        raise ValueError(
            f"NumPyro knows no cdf of {type(predictive).__name__}, so it has no quantiles and "
            "intervals. Take them from prediction.sample()."
        ) from error
    return jnp.where(y < lower, 0.0, jnp.where(y > upper, 1.0, inside))


def class_entropy(p: Array, binary: bool) -> Array:
    """Entropy, nats, of the probability of class 1, or of probabilities over the last axis."""
    if binary:
        return jax.scipy.special.entr(p) + jax.scipy.special.entr(1.0 - p)
    return jax.scipy.special.entr(p).sum(axis=-1)


def _running_mean(mean: Array, value: Array, count: Array) -> Array:
    return mean + (value - mean) / (count + 1).astype(value.dtype)
