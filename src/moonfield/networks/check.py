"""Which Equinox modules can be Bayesian networks."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import PyTree

from .recurrent import Recurrent

_STATEFUL = (eqx.nn.BatchNorm, eqx.nn.SpectralNorm, eqx.nn.StateIndex)


def check_network(network: eqx.Module, name: str = "network") -> None:
    """Raise unless `network` is a callable Equinox module without state or randomness of its own.

    `name` is what messages call it.

    Raises:
        TypeError: not an `equinox.Module`, or not callable.
        ValueError: it has BatchNorm, Dropout or other stateful layers, or no trainable array.
    """
    if not isinstance(network, eqx.Module) or not callable(network):
        raise TypeError(
            f"{name} must be a callable equinox.Module that maps one row to its outputs, got "
            f"{type(network).__name__}."
        )
    for layer in _submodules(network):
        if isinstance(layer, _STATEFUL):
            raise ValueError(
                f"The {name} contains {type(layer).__name__}, which keeps state across rows. "
                "Use a layer without cross-row state: mf.nets.GroupNorm for images, or "
                "mf.nets.LayerNorm."
            )
        if isinstance(layer, eqx.nn.Dropout) and layer.p > 0.0 and not layer.inference:
            raise ValueError(
                f"The {name} contains Dropout, which has its own randomness. Remove it: the "
                "posterior over the weights is the regulariser."
            )
    if not jax.tree.leaves(weights_of(network)):
        raise ValueError(f"The {name} has no floating-point array to learn.")


def check_rows(network: eqx.Module, X: Any) -> None:
    """Raise `ValueError` where a network of `mf.nets` cannot take the values of these rows."""
    if isinstance(network, Recurrent):
        network.check_rows(X)


def weights_of(network: eqx.Module) -> PyTree:
    """The floating-point arrays of a network, all else None."""
    return eqx.filter(network, eqx.is_inexact_array)


def with_weights(network: eqx.Module, weights: PyTree) -> eqx.Module:
    """The network with other weights."""
    return eqx.combine(weights, eqx.filter(network, eqx.is_inexact_array, inverse=True))


def _submodules(tree: PyTree) -> list:
    kinds = (*_STATEFUL, eqx.nn.Dropout)
    leaves = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, kinds))
    return [leaf for leaf in leaves if isinstance(leaf, kinds)]
