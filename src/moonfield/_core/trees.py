"""Trees of arrays: paths, and the split into what is traced and what is compiled in."""

import itertools
import math
from collections.abc import Hashable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

# Size of a vector from which on it pays that XLA computes it once and copies its gradient together,
# in place of fusing its parts with all that uses them.
_LARGE = 8_192


def path_name(path: tuple) -> str:
    """A key path as text: `layers.1.weight`."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def named_leaves(tree: PyTree) -> dict[str, Any]:
    """The leaves of a tree by their path, in tree order."""
    return {path_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def shapes_of(tree: PyTree) -> PyTree:
    """The same tree with `jax.ShapeDtypeStruct` leaves."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree)


def default_float() -> Any:
    """float32, or float64 where the user's JAX is set to it."""
    return jnp.result_type(float)


def numbers_to_arrays(tree: PyTree) -> PyTree:
    """Python and NumPy numbers become JAX arrays, so that changing one recompiles nothing."""

    def convert(leaf: Any) -> Any:
        if isinstance(leaf, bool) or (
            not hasattr(leaf, "__array__") and not isinstance(leaf, int | float)
        ):
            return leaf
        if isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf
        array = leaf if isinstance(leaf, jax.Array) else np.asarray(leaf)
        is_float = jnp.issubdtype(array.dtype, jnp.floating) or isinstance(leaf, int)
        return as_array(array, default_float() if is_float else array.dtype)

    return jax.tree.map(convert, tree)


def as_array(array: Any, dtype: Any) -> Array:
    """A JAX array of this type. One of NumPy is only moved: nothing is compiled for its shape."""
    if isinstance(array, jax.Array):
        return array.astype(dtype)
    return jax.device_put(np.asarray(array, dtype))


def zeros(*shape: int) -> Array:
    """Zeros of the default type. Nothing is compiled, and nothing allocated while tracing."""
    dtype = default_float()
    return as_array(np.broadcast_to(np.zeros((), dtype), shape), dtype)


def unravel(vector: Any, shapes: PyTree) -> PyTree:
    """The tree of these shapes that a flat vector, of JAX or NumPy, holds in the tree's order."""
    leaves, treedef = jax.tree.flatten(shapes)
    sizes = [math.prod(leaf.shape) for leaf in leaves]
    if isinstance(vector, jax.Array) and vector.size >= _LARGE:
        whole = jax.lax.optimization_barrier(vector[: sum(sizes)])
        parts = jax.lax.split(whole, sizes)  # whose gradient is one concatenation
    else:
        edges = np.cumsum([0, *sizes])
        parts = [vector[a:b] for a, b in itertools.pairwise(edges)]
    return jax.tree.unflatten(
        treedef, [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
    )


class Structure(NamedTuple):
    """All of a tree but its arrays; hashable, so that it can key a compiled function."""

    treedef: Any
    static: tuple[Hashable, ...]

    def join(self, arrays: list[Array]) -> PyTree:
        """The tree again."""
        iterator = iter(arrays)
        leaves = [next(iterator) if leaf is _ARRAY else leaf for leaf in self.static]
        return jax.tree.unflatten(self.treedef, leaves)


class _ArrayMarker:
    """Stands where an array was."""


_ARRAY = _ArrayMarker()


def split(tree: PyTree) -> tuple[Structure, list[Any]]:
    """A tree as its structure and its arrays (of JAX or NumPy)."""
    leaves, treedef = jax.tree.flatten(tree)
    arrays = [leaf for leaf in leaves if isinstance(leaf, jax.Array | np.ndarray)]
    static = tuple(_ARRAY if isinstance(leaf, jax.Array | np.ndarray) else leaf for leaf in leaves)
    return Structure(treedef, static), arrays
