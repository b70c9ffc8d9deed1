"""A network of which every row of a batch sees weights of its own, drawn from independent normals.

How a row's draw enters is found for each array from how the network uses it, without running it:
nothing is assumed of a network but what tracing it shows.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .._core.escaping import escapes
from .._core.slices import by_slices
from .mlp import Linear
from .row_weights import Flipped, Propagated

# propagated: a matrix, by what it makes of its input, with the bias that `merged` says
# flipped: a matrix, by a draw that rows share but for random signs
# each: a draw of its own for each row
# shared: one draw for all rows
# merged: by its mean, for the draw stands in its layer's matrix
Kind = Literal["propagated", "flipped", "each", "shared", "merged"]

_BIASED = (Linear, eqx.nn.Linear)  # layers that add their bias to `weight @ x` and do no more


class Plan(NamedTuple):
    """How each array of weights enters, in the order of the network's tree."""

    kinds: tuple[Kind, ...]
    biases: tuple[int | None, ...]  # which array is a propagated matrix's bias


def plan_rows(network: eqx.Module, row: PyTree, propagate: bool) -> Plan:
    """How the weights of this network can differ between rows like this one (shapes).

    With `propagate` matrices that are used exactly once for a row, on a vector, are propagated;
    other matrices that are used by `@` are flipped. Vectors are drawn for each row, what remains is
    shared. All of it is exact: for each row the outputs have the distribution that they have under
    draws of the weights.
    """
    leaves, _ = jax.tree.flatten(network)
    places = _places(leaves)
    biases = _biases(network, places, row) if propagate else {}
    kinds: list[Kind] = []
    for place in places:
        leaf = leaves[place]
        if leaf.ndim < 2:
            kinds.append("each")
        elif propagate and leaf.ndim == 2 and _is_used_once(network, place, row):
            kinds.append("propagated")
        else:
            kinds.append("flipped" if _is_flippable(network, place, row) else "shared")
    found = tuple(
        biases.get(index) if kind == "propagated" else None for index, kind in enumerate(kinds)
    )
    for bias in found:
        if bias is not None:
            kinds[bias] = "merged"
    return Plan(tuple(kinds), found)


def numbers_of(plan: Plan, shapes: list[tuple[int, ...]], rows: int) -> int:
    """How many standard normal numbers the draws of a batch take."""
    return sum(math.prod(shape) for shape in _noise_shapes(plan, shapes, rows))


def row_outputs(
    plan: Plan,
    network: eqx.Module,
    mean: PyTree,
    sd: PyTree,
    key: Array,
    inputs: Float[Array, "rows ..."],
    microbatch: int | None = None,
) -> Array:
    """The network's outputs for all rows, each for a draw of its own of `N(mean, sd^2)`.

    `mean` and `sd` are trees of the network's weights; `microbatch` as in `by_slices`.
    """
    means, sds = jax.tree.leaves(mean), jax.tree.leaves(sd)
    rows, shapes = len(jax.tree.leaves(inputs)[0]), [leaf.shape for leaf in means]
    wanted = _noise_shapes(plan, shapes, rows)
    noises = _split(
        jax.random.normal(key, (numbers_of(plan, shapes, rows),), means[0].dtype), wanted
    )
    makers, each = [], []
    for index, (kind, m, s, eps) in enumerate(zip(plan.kinds, means, sds, noises, strict=True)):
        bias = plan.biases[index]
        variance = None if bias is None else sds[bias] ** 2
        signs = jax.random.fold_in(key, index)
        maker, own = _maker(kind, m, s, variance, eps, signs, rows)
        makers.append(maker)
        each.append(own)
    leaves, treedef = jax.tree.flatten(network)
    places = _places(leaves)

    def one(x: Any, each: list) -> Any:
        filled = list(leaves)
        for place, maker, own in zip(places, makers, each, strict=True):
            filled[place] = maker(own)
        return cast(Callable, jax.tree.unflatten(treedef, filled))(x)

    outputs = by_slices(lambda rows: jax.vmap(one)(*rows), (inputs, each), microbatch)
    return outputs[:, None] if outputs.ndim == 1 else outputs


def _maker(
    kind: Kind, mean: Array, sd: Array, variance: Any, eps: Array, signs: Array, rows: int
) -> tuple[Callable[[Any], Any], Any]:
    """What makes an array's stand-in from what is a row's own, and that, rows first."""
    if kind == "propagated":
        squares = sd**2
        return lambda noise: Propagated(mean, squares, variance, noise), eps
    if kind == "flipped":
        deviation, outputs = sd * eps, len(mean)
        own = _signs(signs, (rows, outputs + mean.size // outputs), mean.dtype)
        return lambda it: Flipped(mean, deviation, it[:outputs], it[outputs:]), own
    if kind == "each":
        return lambda weight: weight, mean[None] + sd[None] * eps
    shared = mean if kind == "merged" else mean + sd * eps
    return lambda _: shared, None


def _noise_shapes(plan: Plan, shapes: list[tuple[int, ...]], rows: int) -> list[tuple[int, ...]]:
    of_kind: dict[Kind, Callable[[tuple[int, ...]], tuple[int, ...]]] = {
        "propagated": lambda shape: (rows, shape[0]),
        "flipped": lambda shape: shape,
        "each": lambda shape: (rows, *shape),
        "shared": lambda shape: shape,
        "merged": lambda shape: (0,),
    }
    return [of_kind[kind](shape) for kind, shape in zip(plan.kinds, shapes, strict=True)]


def _split(vector: Array, shapes: list[tuple[int, ...]]) -> list[Array]:
    parts = jax.lax.split(vector, [math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _signs(key: Array, shape: tuple[int, int], dtype: Any) -> Array:
    """Random signs, 32 from each random word."""
    rows, count = shape
    words = jax.random.bits(key, (rows, -(-count // 32)), jnp.uint32)
    bits = (words[:, :, None] >> jnp.arange(32, dtype=jnp.uint32)[None, None]) & jnp.uint32(1)
    return 1.0 - 2.0 * bits.reshape(rows, -1)[:, :count].astype(dtype)


def _places(leaves: list) -> list[int]:
    """Which leaves of a network are its weights."""
    return [place for place, leaf in enumerate(leaves) if eqx.is_inexact_array(leaf)]


def _biases(network: eqx.Module, places: list[int], row: PyTree) -> dict[int, int]:
    """Of each matrix of a plain affine layer that is only called, the index of its bias."""
    leaves, treedef = jax.tree.flatten(network)
    order = {place: index for index, place in enumerate(places)}
    numbered = jax.tree.unflatten(treedef, range(len(leaves)))
    nodes = [node for node in jax.tree.leaves(numbered, is_leaf=_is_affine) if _is_affine(node)]
    found = {}
    for number, node in enumerate(nodes):
        if node.bias is not None and _is_only_called(network, number, row):
            found[order[cast(int, node.weight)]] = order[cast(int, node.bias)]
    return found


def _is_affine(node: Any) -> bool:
    return type(node) in _BIASED


class _Called:
    """A layer of which nothing is known but what it makes of its arguments."""

    def __init__(self, layer: Callable):
        self.__layer = layer

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.__layer(*arguments, **keywords)


def _is_only_called(network: eqx.Module, number: int, row: PyTree) -> bool:
    """Whether a network does nothing with its affine layer of this number but call it."""

    def called(arrays: PyTree, rest: PyTree, x: Any) -> Any:
        nodes, treedef = jax.tree.flatten(eqx.combine(arrays, rest), is_leaf=_is_affine)
        place = [i for i, node in enumerate(nodes) if _is_affine(node)][number]
        nodes[place] = _Called(nodes[place])
        return cast(Callable, jax.tree.unflatten(treedef, nodes))(x)

    return _works(network, called, row)


class _Watched:
    """A matrix that knows nothing but `@ x`, and records what it made."""

    def __init__(self, matrix: Array, seen: list):
        self._matrix, self._seen = matrix, seen

    def __matmul__(self, x: Array) -> Array:
        if x.ndim != 1:
            raise TypeError("used on several vectors at once")
        self._seen.append(self._matrix @ x)
        return self._seen[-1]


def _is_used_once(network: eqx.Module, place: int, row: PyTree) -> bool:
    """Whether a matrix is used once for a row, on a vector, and outside loops of the network's."""

    def used(arrays: PyTree, rest: PyTree, x: Any) -> Any:
        seen: list = []
        given = eqx.combine(arrays, rest)
        outputs = _with(given, place, lambda leaf: _Watched(leaf, seen))(x)
        if len(seen) != 1:
            raise ValueError("used several times")
        return outputs, 1.0 * seen[0]

    arrays, rest = eqx.partition(network, eqx.is_array)
    try:  # arrays are arguments: those of an outer function are no escape
        return not escapes(lambda arrays, x: used(arrays, rest, x), arrays, row)
    except Exception:  # the network is its user's: any of it says that it takes no stand-in
        return False


def _is_flippable(network: eqx.Module, place: int, row: PyTree) -> bool:
    """Whether the network works with random signs in a matrix."""

    def flipped(leaf: Array) -> Flipped:
        left, right = leaf.reshape(len(leaf), -1).shape
        return Flipped(leaf, leaf, jnp.ones(left, leaf.dtype), jnp.ones(right, leaf.dtype))

    def signed(arrays: PyTree, rest: PyTree, x: Any) -> Any:
        return _with(eqx.combine(arrays, rest), place, flipped)(x)

    return _works(network, signed, row)


def _works(network: eqx.Module, function: Callable, row: PyTree) -> bool:
    """Whether a function of a network's arrays, the rest of it and a row gives what it gives."""
    arrays, rest = eqx.partition(network, eqx.is_array)

    def plain(arrays: PyTree, x: Any) -> Any:
        return cast(Callable, eqx.combine(arrays, rest))(x)

    try:
        found = jax.eval_shape(lambda arrays, x: function(arrays, rest, x), arrays, row)
    except Exception:  # the network is its user's: any of it says that it takes no stand-in
        return False
    return _kinds(found) == _kinds(jax.eval_shape(plain, arrays, row))


def _kinds(tree: PyTree) -> list[tuple[tuple[int, ...], Any]]:
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tree)]


def _with(network: eqx.Module, place: int, stand_in: Callable) -> Callable:
    leaves, treedef = jax.tree.flatten(network)
    leaves[place] = stand_in(leaves[place])
    return cast(Callable, jax.tree.unflatten(treedef, leaves))
