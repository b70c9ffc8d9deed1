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
_REFUSALS = (TypeError, AttributeError, ValueError, jax.errors.UnexpectedTracerError)


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
    biases = _biases(network, places) if propagate else {}
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


def _biases(network: eqx.Module, places: list[int]) -> dict[int, int]:
    """Of each matrix of a plain affine layer, the index of its bias among the weights."""
    leaves, treedef = jax.tree.flatten(network)
    order = {place: index for index, place in enumerate(places)}
    numbered = jax.tree.unflatten(treedef, range(len(leaves)))
    nodes = jax.tree.leaves(numbered, is_leaf=lambda node: isinstance(node, _BIASED))
    layers = [node for node in nodes if isinstance(node, _BIASED) and node.bias is not None]
    return {order[cast(int, it.weight)]: order[cast(int, it.bias)] for it in layers}


class _Watched(NamedTuple):
    """A matrix that knows nothing but `@ x`, and records what it made."""

    matrix: Array
    seen: list

    def __matmul__(self, x: Array) -> Array:
        if x.ndim != 1:
            raise TypeError("used on several vectors at once")
        self.seen.append(self.matrix @ x)
        return self.seen[-1]


def _is_used_once(network: eqx.Module, place: int, row: PyTree) -> bool:
    """Whether a matrix is used once for a row, on a vector, and outside loops of the network's."""
    seen: list = []

    def used(x: Any, stand_in: Callable) -> Any:
        outputs = _with(network, place, stand_in)(x)
        if len(seen) != 1:
            raise ValueError("used several times")
        return outputs, 1.0 * seen[0]  # an error where it was made inside a loop

    return _traces(lambda x: used(x, lambda leaf: _Watched(leaf, seen)), row)


def _is_flippable(network: eqx.Module, place: int, row: PyTree) -> bool:
    """Whether the network works with random signs in a matrix."""

    def flipped(leaf: Array) -> Flipped:
        left, right = leaf.reshape(len(leaf), -1).shape
        return Flipped(leaf, leaf, jnp.ones(left, leaf.dtype), jnp.ones(right, leaf.dtype))

    return _traces(_with(network, place, flipped), row)


def _with(network: eqx.Module, place: int, stand_in: Callable) -> Callable:
    leaves, treedef = jax.tree.flatten(network)
    leaves[place] = stand_in(leaves[place])
    return cast(Callable, jax.tree.unflatten(treedef, leaves))


def _traces(function: Callable, row: PyTree) -> bool:
    try:
        jax.eval_shape(function, row)
    except _REFUSALS:
        return False
    return True
