"""What one layer of a network puts out for a row."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax

from .._core.escaping import escapes
from .._core.trees import path_name
from .expanded import Expanded
from .grouped import Grouped


class LayerOutput(eqx.Module):
    """`network`, cut off after the layer at the path `layer`: a function of one row.

    Raises:
        ValueError: when called, the layer does not work exactly once for a row, or works inside
            `jax.vmap` or a scan of the network's own.
    """

    network: eqx.Module
    layer: str = eqx.field(static=True)

    def __call__(self, x: Any) -> Any:
        seen: list[Any] = []
        nodes, treedef = jax.tree_util.tree_flatten_with_path(
            self.network, is_leaf=self._is_here, is_leaf_takes_path=True
        )
        probed = [
            _Probe(node, seen.append) if self._is_here(path, node) else node for path, node in nodes
        ]
        cast(Callable, jax.tree.unflatten(treedef, probed))(x)
        if len(seen) != 1:
            raise ValueError(
                f"{self.layer} is used {len(seen)} times for a row, so it has no one output. Ask "
                "for the layer that holds it."
            )
        return seen[0]

    def _is_here(self, path: tuple, node: Any) -> bool:
        return path_name(path) == self.layer and isinstance(node, eqx.Module)


class _Probe(eqx.Module):
    """A layer that records its output."""

    layer: Any
    record: Callable[[Any], None]

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        output = self.layer(*arguments, **keywords)
        self.record(output)
        return output


def layer_output(network: eqx.Module, layer: str) -> eqx.Module:
    """The network cut off after a layer, also of one that is expanded or differs between groups."""
    if isinstance(network, Expanded):
        return Expanded(LayerOutput(network.network, layer), _cut(network.mode, layer))
    if isinstance(network, Grouped):
        apart = frozenset(f"network.{path}" for path in network.apart)
        inner = LayerOutput(network.network, layer)
        return Grouped(inner, _cut(network.weights, layer), apart)
    return LayerOutput(network, layer)


def layer_names(network: eqx.Module) -> list[str]:
    """Paths of all layers: the callable modules inside a network."""

    def is_inner(path: tuple, node: Any) -> bool:
        return len(path) > 0 and isinstance(node, eqx.Module)

    found = []
    for path, node in jax.tree_util.tree_leaves_with_path(
        network, is_leaf=is_inner, is_leaf_takes_path=True
    ):
        if isinstance(node, eqx.Module) and path:
            own = [path_name(path)] if callable(node) else []
            found += [*own, *(f"{path_name(path)}.{name}" for name in layer_names(node))]
    return found


def check_layer(network: eqx.Module, layer: str, row: Any) -> None:
    """Raise `ValueError` where a network for such rows has no such layer, or none to look into."""
    names = layer_names(network)
    if layer not in names:
        raise ValueError(
            f"The network has no layer {layer!r}; there are {', '.join(names) or 'none'}."
        )

    def output(x: Any) -> Any:
        return jax.tree.map(lambda leaf: 1.0 * leaf, LayerOutput(network, layer)(x))

    if escapes(output, row):
        raise ValueError(
            f"{layer} works inside jax.vmap or a scan of the network's own. Ask for the layer that "
            "holds it."
        )
    out = jax.eval_shape(output, row)
    if not isinstance(out, jax.ShapeDtypeStruct):
        raise ValueError(f"{layer} puts out several arrays; ask for a layer with one.")


def _cut(weights: Any, layer: str) -> LayerOutput:
    """A network's tree of weights as that of the network cut off."""
    return LayerOutput(weights, layer)
