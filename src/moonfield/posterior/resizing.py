"""Hidden layers of another size, in mean-field posteriors of multilayer perceptrons."""

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from .._core.keys import Stream, stream
from .._core.trees import as_array
from ..families import MeanField, MeanFieldState, Variational
from ..model import AbstractModel, BayesianNetwork, space
from ..networks import MLP
from ..priors import AdaptiveWidth, Independent
from .replacing import replaced

if TYPE_CHECKING:
    from .posterior import Posterior

_NEW_SD = 0.1  # of the coordinates of new units, as at the start of a fit
_OUTGOING_SD = 0.01  # of z in their outgoing weights: small, so that they disturb nothing at first
_LEAST = 1e-3  # factor of a unit within the width


class Marginals(NamedTuple):
    """Means and sds of a mean-field posterior, by path of the unconstrained leaf."""

    mean: dict[str, np.ndarray]
    sd: dict[str, np.ndarray]


def adaptive_layers(model: AbstractModel) -> dict[int, AdaptiveWidth]:
    """The hidden layers that learn their width, and the priors by which they do."""
    if not isinstance(model, BayesianNetwork) or not isinstance(model.prior, Independent):
        return {}
    if not isinstance(model.network, MLP):
        return {}
    hidden = range(len(model.network.sizes) - 2)
    entries = {layer: model.prior.entry(outgoing(layer)) for layer in hidden}
    return {i: entry for i, entry in entries.items() if isinstance(entry, AdaptiveWidth)}


def outgoing(layer: int) -> str:
    """The path of the weights that read a hidden layer."""
    return f"layers.{layer + 1}.weight"


def leading(units: int) -> Int[np.ndarray, " kept"]:
    """The first so many units of a layer."""
    return np.arange(units)


def rate_path(layer: int) -> str:
    """The path of the unconstrained rate of a hidden layer's width: its logarithm."""
    return f"prior.{outgoing(layer)}.rate"


def sizes_of(model: AbstractModel) -> tuple[int, ...]:
    """Units from inputs to outputs of a model that has adaptive layers."""
    assert isinstance(model, BayesianNetwork)
    assert isinstance(model.network, MLP)
    return model.network.sizes


def with_units(model: AbstractModel, layer: int, units: int) -> BayesianNetwork:
    """The model with another number of units in one hidden layer."""
    assert isinstance(model, BayesianNetwork)
    network, sizes = model.network, [*sizes_of(model)]
    assert isinstance(network, MLP)
    sizes[layer + 1] = units
    network = MLP(sizes, network.activation, network.bias)
    return BayesianNetwork(network, model.prior, model.likelihood, model.bayesian)


def marginals(posterior: "Posterior") -> Marginals:
    """The means and sds of a mean-field posterior.

    Raises:
        TypeError: it is of another family.
    """
    approximation = posterior.approximation
    if not isinstance(approximation, Variational) or type(approximation.family) is not MeanField:
        raise TypeError("Networks are resized under a mean-field posterior: method='advi'.")
    state = approximation.state
    return Marginals(*(_by_path(posterior.model, v) for v in (state.mean, np.exp(state.log_sd))))


def signal_to_noise(posterior: "Posterior", layer: int) -> Float[np.ndarray, " units"]:
    """How sure the outgoing weights of each unit are: `sqrt(sum_k mean_k^2 / sd_k^2)`.

    Half its square is about what a unit is worth to the log likelihood, nats: a Wald statistic
    (Graves, 2011, "Practical variational inference for neural networks", prunes by such ratios).
    0 beyond the median width.

    Raises:
        TypeError: the posterior is not mean-field.
    """
    mean, sd = marginals(posterior)
    ratio = mean[outgoing(layer)] / sd[outgoing(layer)]
    profile = _profile(posterior.model, layer, mean[rate_path(layer)], ratio.shape[1])
    return np.sqrt((ratio**2).sum(axis=0)) * (profile > 0.0)


def resized(
    posterior: "Posterior",
    layer: int,
    order: Int[np.ndarray, " kept"],
    units: int,
    width: float | None = None,
) -> "Posterior":
    """The posterior with the units `order` of a hidden layer in front of new ones, `units` in all.

    Weights stay what they are: where a unit's factor in the profile changes, so does its z. New
    units are those of a fresh start, but that their outgoing weights are close to 0. `width` is the
    new median of the width; None leaves it.

    Raises:
        TypeError: the posterior is not mean-field.
    """
    old, entry = marginals(posterior), adaptive_layers(posterior.model)[layer]
    model = with_units(posterior.model, layer, units)
    start = space(model).unconstrain(model.init(stream(posterior.diagnostics.seed, Stream.start)))
    new = Marginals(
        _by_path(model, start), _by_path(model, np.full(start.shape, _NEW_SD, start.dtype))
    )
    new.mean[outgoing(layer)][:] = 0.0
    rate = old.mean[rate_path(layer)]
    other = rate if width is None else np.log(float(entry.typical) / np.full_like(rate, width))
    before = _profile(model, layer, rate, len(old.mean[f"layers.{layer}.weight"]))
    after = _profile(model, layer, other, units)
    new.sd[outgoing(layer)][:] = _OUTGOING_SD
    were, are = before[order], after[: len(order)]
    ratio = np.where(np.minimum(were, are) > _LEAST, were / np.maximum(are, _LEAST), 1.0)
    for values, known in zip(new, old, strict=True):
        _copy(values, known, layer, order)
        values[outgoing(layer)][:, : len(order)] *= ratio
    new.mean[rate_path(layer)][:] = other
    return replaced(posterior, model, _mean_field(new))


def _profile(
    model: AbstractModel, layer: int, log_rate: np.ndarray, units: int
) -> Float[np.ndarray, " units"]:
    """The factors of a layer's units at a rate (1, 1)."""
    return np.asarray(adaptive_layers(model)[layer].profile(np.exp(log_rate), units))[0]


def _copy(new: dict, old: dict, layer: int, order: np.ndarray) -> None:
    """Values of all that is kept."""
    own = {f"layers.{layer}.weight": 0, f"layers.{layer}.bias": 0, outgoing(layer): 1}
    before, after = (len(values[f"layers.{layer}.weight"]) for values in (old, new))
    for path, values in old.items():
        axis = own.get(path, own.get(path.removeprefix("prior.").rpartition(".")[0]))
        by_unit = axis is not None and (values.shape[axis], new[path].shape[axis]) == (
            before,
            after,
        )
        if not by_unit:
            new[path][...] = values
        elif axis == 0:
            new[path][: len(order)] = values[order]
        else:
            new[path][:, : len(order)] = values[:, order]


def _by_path(model: AbstractModel, vector: Any) -> dict[str, np.ndarray]:
    """A vector of the model's unconstrained space as arrays by path."""
    it, vector = space(model), np.array(vector)
    edges = np.cumsum([0, *(np.prod(shape, dtype=int) for shape in it.shapes)])
    parts = [vector[a:b] for a, b in itertools.pairwise(edges)]
    return {
        path: part.reshape(shape)
        for path, shape, part in zip(it.paths, it.shapes, parts, strict=True)
    }


def _mean_field(new: Marginals) -> Variational:
    mean, sd = (np.concatenate([leaf.ravel() for leaf in values.values()]) for values in new)
    dtype = np.asarray(mean).dtype
    state = MeanFieldState(*(_array(vector, dtype) for vector in (mean, np.log(sd))))
    return Variational(MeanField(), state, len(mean))


def _array(vector: np.ndarray, dtype: Any) -> Array:
    return jax.device_put(as_array(vector, dtype))
