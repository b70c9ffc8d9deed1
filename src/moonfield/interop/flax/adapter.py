"""A Flax NNX module as an Equinox module of one row."""

import dataclasses
import functools
import types
from collections.abc import Hashable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from ..._core.trees import default_float
from .checks import check_module, check_unchanged, output_of_one
from .layout import Layout, Path, layouts


class Constants:
    """Arrays by path that are compiled in; equal where their numbers are."""

    def __init__(self, arrays: dict[Path, Array]):
        self.arrays = arrays
        self._key = tuple((path, *_content(array)) for path, array in arrays.items())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constants) and self._key == other._key


class FlaxNetwork(eqx.Module):
    """A Flax NNX module as a function of one row; `mf.interop.flax.network` makes it.

    Its other fields, which are those of the module in the order in which they were set there, hold
    the weights by their paths.
    """

    _graph: Any = eqx.field(static=True)
    _constants: Constants = eqx.field(static=True)
    _layouts: tuple[tuple[Path, Layout], ...] = eqx.field(static=True)
    _harmless: frozenset[Path] = eqx.field(static=True)
    _batched: bool = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        module = cast(Any, self.to_flax())
        output = module(x[None] if self._batched else x)
        after = nnx.to_flat_state(nnx.state(module, nnx.Not(_is_weight)))
        now = {path: variable.get_value() for path, variable in after}
        check_unchanged(self._constants.arrays, now, self._harmless)
        return output_of_one(output, self._batched)

    def to_flax(self) -> nnx.Module:
        """The Flax module with these weights, in Flax's own shapes."""
        there = dict(self._layouts)
        weights = {
            path: there[path].there(array) if path in there else array
            for path, array in _paths({name: getattr(self, name) for name in _own_names(self)})
        }
        return nnx.merge(self._graph, _nested(weights), _nested(self._constants.arrays))


def adapt(module: Any, batched: bool) -> FlaxNetwork:
    """See `mf.interop.flax.network`."""
    check_module(module)
    graph, weights, others = nnx.split(module, _is_weight, ...)
    if not jax.tree.leaves(weights):
        raise ValueError("The module has no nnx.Param of floating-point numbers to learn.")
    here = layouts(module)
    arrays = {
        path: here[path].here(array) if path in here else array
        for path, array in _flat(weights).items()
    }
    used = tuple((path, layout) for path, layout in here.items() if path in arrays)
    nested = _nested(arrays)
    place = {name: i for i, name in enumerate(vars(module))}
    names = sorted(nested, key=lambda name: place.get(name, len(place)))
    fields = {name: nested[name] for name in names}
    return _kind(tuple(fields))(
        graph, Constants(_flat(others)), used, _initial_draws(module), bool(batched), **fields
    )


def _is_weight(path: Path, variable: Any) -> bool:
    return isinstance(variable, nnx.Param) and jnp.issubdtype(variable.dtype, jnp.floating)


def _flat(state: Any) -> dict[Path, Array]:
    """Arrays by path; floating-point ones of the default type."""
    found = {}
    for path, variable in nnx.to_flat_state(state):
        array = variable.get_value()
        if not isinstance(array, jax.Array | np.ndarray):
            name = ".".join(map(str, path))
            raise ValueError(f"{name} of the module holds no array, but {type(array).__name__}.")
        real = jnp.issubdtype(array.dtype, jnp.floating)
        found[path] = jnp.asarray(array, default_float()) if real else jnp.asarray(array)
    return found


def _nested(arrays: dict[Path, Array]) -> dict:
    tree: dict = {}
    for path, array in arrays.items():
        node = tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = array
    return tree


def _paths(tree: dict, prefix: Path = ()) -> list[tuple[Path, Array]]:
    """The inverse of `_nested`."""
    pairs = []
    for name, node in tree.items():
        inner = isinstance(node, dict)
        pairs += _paths(node, (*prefix, name)) if inner else [((*prefix, name), node)]
    return pairs


def _initial_draws(module: Any) -> frozenset[Path]:
    """Counters of the draws of initial states of recurrent layers: zeros, whatever is drawn."""
    return frozenset(
        (*path, "rngs", "count")
        for path, layer in nnx.iter_modules(module)
        if isinstance(layer, nnx.RNN | nnx.Bidirectional)
    )


@functools.cache
def _kind(names: tuple[str, ...]) -> type[FlaxNetwork]:
    """The class of networks with these fields, which give the weights their paths."""

    def fill(namespace: dict[str, Any]) -> None:
        namespace["__annotations__"] = dict.fromkeys(names, Any)
        namespace["__module__"] = __name__

    return types.new_class("FlaxNetwork", (FlaxNetwork,), exec_body=fill)


def _own_names(network: FlaxNetwork) -> list[str]:
    fields = dataclasses.fields(cast(Any, network))
    return [field.name for field in fields if not field.metadata.get("static", False)]


def _content(array: Array) -> tuple[Hashable, ...]:
    """What distinguishes an array, also one of random keys."""
    numbers = np.asarray(
        jax.random.key_data(array) if jnp.issubdtype(array.dtype, jax.dtypes.prng_key) else array
    )
    return (str(array.dtype), numbers.shape, numbers.tobytes())
