"""A network without the inputs that it does not use."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from ..._core.trees import named_leaves
from ...diagnostics import inclusion
from ...families import AbstractApproximation, MeanField, Particles, SpikeAndSlab, Variational
from ...model import BayesianNetwork, Space, space
from ...networks import MLP
from ...posterior import Posterior, replaced

_PATH = "layers.0.weight"


class Selected(NamedTuple):
    """The posterior of a smaller network.

    Attributes:
        posterior: of a network that takes the kept inputs alone; its columns are theirs, so that a
            table may hold others too. Save, load and predict as with any other.
        inputs: numbers of the kept inputs, increasing (kept,).
    """

    posterior: Posterior
    inputs: Int[np.ndarray, " kept"]


def select_inputs(
    posterior: Posterior, inputs: Sequence[int] | np.ndarray | None = None, threshold: float = 0.5
) -> Selected:
    """The posterior of the network that is left when all but some inputs are taken away.

    The weights of those inputs are gone from the network, from its prior and from q; all else is as
    it was. Where they were zero or nearly so, predictions stay what they were.

    Args:
        posterior: mean-field, of the family `SpikeAndSlab`, or of points, of an
            `mf.BayesianNetwork` of `mf.nets.MLP`.
        inputs: numbers of the inputs to keep, or one bool for each input; None keeps those whose
            inclusion probability is at least `threshold`: with a half, the median probability model
            (Barbieri & Berger, 2004, "Optimal predictive model selection").
        threshold: of the inclusion probability.

    Raises:
        TypeError: the posterior is of another kind.
        ValueError: no inputs are kept, one does not exist, or the weights of kept inputs depend on
            the others' under this prior; without `inputs`, the prior of the first layer has no
            gates.

    Example:
        >>> import numpy as np, moonfield as mf
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> prior = mf.priors.SpikeAndSlab()
        >>> model = mf.BayesianNetwork(mf.nets.MLP([3, 1]), prior, mf.likelihoods.Normal(sd=0.1))
        >>> method = mf.ADVI(mf.families.SpikeAndSlab())
        >>> posterior = mf.fit(model, X, X[:, 1], method=method, steps=1_000)
        >>> selected = mf.applications.sparse.select_inputs(posterior, [1])
        >>> selected.posterior.predict(X[:, [1]]).mean.shape
        (200,)
    """
    model = posterior.model
    if not isinstance(model, BayesianNetwork) or not isinstance(model.network, MLP):
        raise TypeError(
            "Inputs can be taken from an mf.BayesianNetwork of mf.nets.MLP, got "
            f"{type(model).__name__} of {type(getattr(model, 'network', None)).__name__}."
        )
    if model.expansion is not None:
        raise TypeError("Inputs cannot be taken from a network to first order, as 'laplace' fits.")
    kept = _kept(posterior, model.network.sizes[0], inputs, threshold)
    network = _without(model.network, kept)
    smaller = BayesianNetwork(network, model.prior, model.likelihood, model.bayesian)
    places = _places(space(model), space(smaller), kept)
    approximation = _restricted(posterior.approximation, places, space(smaller))
    z = posterior.approximation.draw(jax.random.key(0), jnp.zeros((), jnp.int32))
    _check_same(_weights(model, z), smaller, z[places], kept)
    columns = None if posterior.columns is None else tuple(posterior.columns[i] for i in kept)
    diagnostics = replaced(posterior, smaller, approximation).diagnostics
    return Selected(Posterior(smaller, approximation, posterior.elbo, diagnostics, columns), kept)


def _kept(
    posterior: Posterior, count: int, inputs: Sequence[int] | np.ndarray | None, threshold: float
) -> Int[np.ndarray, " kept"]:
    if inputs is None:
        found = inclusion(posterior, _PATH)
        if found.shape != (1, count):
            raise ValueError("The gates of the first layer are not per input: name the inputs.")
        inputs = np.flatnonzero(found.probability >= threshold).tolist()
    given = np.asarray(inputs)
    if given.dtype == bool and given.shape == (count,):
        given = np.flatnonzero(given)
    if given.size and given.dtype.kind not in "iu":
        raise ValueError(
            f"inputs must be numbers of inputs or {count} bools, got {given.dtype} of shape "
            f"{given.shape}."
        )
    kept = np.unique(given.astype(np.int64))
    if not kept.size or kept[0] < 0 or kept[-1] >= count:
        raise ValueError(f"Keep at least one of the inputs 0 to {count - 1}, got {inputs}.")
    return kept


def _without(network: MLP, kept: np.ndarray) -> MLP:
    return MLP((len(kept), *network.sizes[1:]), network.activation, network.bias)


def _places(full: Space, small: Space, kept: np.ndarray) -> Int[np.ndarray, " small"]:
    """Where the numbers of the smaller network's z stand in that of the full one."""
    places, begin = [], 0
    for shape, wanted in zip(full.shapes, small.shapes, strict=True):
        own = begin + np.arange(int(np.prod(shape))).reshape(shape)
        begin += own.size
        for axis, (n, k) in enumerate(zip(shape, wanted, strict=True)):
            own = own if n == k else np.take(own, kept, axis)
        places.append(own.ravel())
    return np.concatenate(places)


def _restricted(
    approximation: AbstractApproximation, places: np.ndarray, small: Space
) -> AbstractApproximation:
    """The marginal distribution of these numbers of z."""
    if isinstance(approximation, Particles):
        return Particles(approximation.points[:, places])
    if isinstance(approximation, Variational):
        family = approximation.family
        if isinstance(family, MeanField | SpikeAndSlab):
            state = jax.tree.map(lambda leaf: leaf[places], approximation.state)
            return Variational(family.bind(small), state, small.size)
        raise TypeError(f"Inputs cannot be taken from the family {type(family).__name__}.")
    raise TypeError(f"Inputs cannot be taken from {type(approximation).__name__}.")


def _check_same(
    full: dict[str, np.ndarray], smaller: BayesianNetwork, z: Any, kept: np.ndarray
) -> None:
    """Raise `ValueError` unless kept weights are the same function of kept numbers of z."""
    describe, before = smaller.prior.describe, full[_PATH].shape
    full[_PATH] = full[_PATH][:, kept]
    for path, weights in _weights(smaller, z).items():
        same = path != _PATH or describe(path, before) == describe(path, weights.shape)
        if not same or not np.allclose(weights, full[path], rtol=1e-5, atol=1e-7):
            raise ValueError(
                f"The weights {path} depend on the number of inputs under the prior "
                f"{describe(path, weights.shape)}; give the first layer another."
            )


def _weights(model: BayesianNetwork, z: Any) -> dict[str, np.ndarray]:
    params = space(model).constrain(z)[0]
    weights = eqx.filter(model.with_params(params), eqx.is_inexact_array)
    return {path: np.asarray(leaf) for path, leaf in named_leaves(weights).items()}
