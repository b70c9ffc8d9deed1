"""The affine layers of a network: where they stand, what goes in, and what shifts their outputs."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._core.escaping import escapes
from .._core.trees import path_name
from ..networks import Linear

_KINDS = (Linear, eqx.nn.Linear)


class Layer(NamedTuple):
    """The paths of an affine layer's arrays, and its numbers of outputs and inputs."""

    weight: str
    bias: str | None
    outputs: int
    inputs: int


class _Tapped(eqx.Module):
    """A layer that records its input and shifts its output."""

    layer: Any
    shift: Array
    record: Callable[[Array], None]

    def __call__(self, x: Array, **keywords: Any) -> Array:
        self.record(jnp.ravel(x))
        y = self.layer(x, **keywords)
        return y + self.shift.reshape(y.shape)


def affine_layers(network: eqx.Module) -> list[Layer]:
    """Layers of `mf.nets` and `equinox.nn.Linear`, in the order of the network's tree."""
    found = []
    for path, node in jax.tree_util.tree_leaves_with_path(network, is_leaf=_is_affine):
        if _is_affine(node):
            prefix = f"{path_name(path)}." if path else ""
            bias = None if node.bias is None else f"{prefix}bias"
            found.append(Layer(f"{prefix}weight", bias, *node.weight.shape))
    return found


def tapped_outputs(
    network: eqx.Module, shifts: list[Array], x: Any
) -> tuple[Float[Array, " outputs"], list[Array]]:
    """The network's outputs for a row with every layer's output shifted, and the layers' inputs.

    The derivative in a shift is that in the layer's pre-activation.

    Raises:
        ValueError: a layer is not called exactly once.
    """
    calls: list[list[Array]] = [[] for _ in shifts]
    nodes, treedef = jax.tree.flatten(network, is_leaf=_is_affine)
    places = [i for i, node in enumerate(nodes) if _is_affine(node)]
    for place, shift, seen in zip(places, shifts, calls, strict=True):
        nodes[place] = _Tapped(nodes[place], shift, seen.append)
    outputs = cast(Callable, jax.tree.unflatten(treedef, nodes))(x)
    for layer, seen in zip(affine_layers(network), calls, strict=True):
        if len(seen) != 1:
            raise ValueError(
                f"Kronecker factors need a layer to be used once for a row; {layer.weight} is used "
                f"{len(seen)} times. Use hessian='full' or hessian='diagonal'."
            )
    return jnp.ravel(outputs), [seen[0] for seen in calls]


def check_taps(network: eqx.Module, row: Any) -> None:
    """Raise `ValueError`, before anything compiles, where layers cannot be followed for a row."""
    shifts = [jnp.zeros(layer.outputs) for layer in affine_layers(network)]
    if escapes(lambda x: jax.tree.map(jnp.negative, tapped_outputs(network, shifts, x)), row):
        raise ValueError(
            "Kronecker factors need layers that are called on single vectors: one of this network "
            "is called inside jax.vmap or a scan. Use hessian='full' or hessian='diagonal'."
        )


def _is_affine(node: Any) -> bool:
    return isinstance(node, _KINDS)
