"""Predictive moments as a function of arrays alone: what is left of a posterior to serve it."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .._core.trees import Structure, shapes_of, split, unravel
from ..model import AbstractModel, space
from .reducers import AbstractReducer, Entropy, Moments, class_entropy
from .stream import Source

_DRAWS = 10  # that are evaluated at once

Fields = Callable[[Float[Array, "draws size"], PyTree], dict[str, Array]]


class Frozen(NamedTuple):
    """Draws of the parameters on their constrained scale, each raveled to one row."""

    values: Float[Array, "draws size"]
    shapes: PyTree  # of one draw


def freeze(source: Source, draws: int) -> Frozen:
    """The draws that a `Prediction` of as many averages over, in its order."""
    structure, arrays = split((source.model, source.approximation))
    shapes = jax.eval_shape(lambda: _params(structure, arrays, source.key, jnp.int32(0)))
    return Frozen(_raveled(structure, draws, arrays, source.key), shapes_of(shapes))


def fields(model: AbstractModel, shapes: PyTree) -> Fields:
    """`(draws, inputs) -> {"mean": ..., "sd": ..., ...}`, the fields of a `Prediction`.

    A scan over draws, a few at a time: memory is constant in their number. Folded one by one, in
    the order and by the reducers of a `Prediction`.
    """
    classes = model.kind == "classes"
    reducers = (Moments(), Entropy()) if classes else (Moments(),)

    def predict(draws: Float[Array, "draws size"], inputs: PyTree) -> dict[str, Array]:
        moments, *entropy = _reduce(model, reducers, draws, shapes, inputs)
        variance = moments.m2 / len(draws)
        found = {
            "mean": moments.mean,
            "sd": jnp.sqrt(variance + moments.variance),
            "epistemic": jnp.sqrt(variance),
            "aleatoric": jnp.sqrt(moments.variance),
        }
        if classes:
            total = class_entropy(moments.mean, model.binary)
            found |= {"entropy": total, "expected_entropy": entropy[0]}
            found["mutual_information"] = total - entropy[0]
        return found

    return predict


def _reduce(
    model: AbstractModel,
    reducers: tuple[AbstractReducer, ...],
    draws: Array,
    shapes: PyTree,
    inputs: PyTree,
) -> tuple[Any, ...]:
    rows = jax.tree.leaves(inputs)[0].shape[0]
    no_extra = jnp.zeros(rows, bool)

    def under(draw: Array) -> tuple[PyTree, ...]:
        params = unravel(draw, shapes)
        return tuple(it.one(model, params, inputs, no_extra, jnp.int32(0)) for it in reducers)

    def fold(totals: tuple, value: tuple) -> tuple[tuple, None]:
        count, parts = value
        triples = zip(reducers, totals, parts, strict=True)
        return tuple(it.fold(total, part, count) for it, total, part in triples), None

    def several(totals: tuple, block: tuple[Array, Array]) -> tuple[tuple, None]:
        counts, vectors = block
        return jax.lax.scan(fold, totals, (counts, jax.vmap(under)(vectors)), unroll=True)

    whole = len(draws) // _DRAWS * _DRAWS
    counts = jnp.arange(len(draws), dtype=jnp.int32)
    one = jax.eval_shape(under, draws[0])
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), one)
    totals = tuple(it.empty(value) for it, value in zip(reducers, zeros, strict=True))
    blocks = counts[:whole].reshape(-1, _DRAWS), draws[:whole].reshape(-1, _DRAWS, draws.shape[1])
    totals, _ = jax.lax.scan(several, totals, blocks)
    return totals if whole == len(draws) else several(totals, (counts[whole:], draws[whole:]))[0]


def _params(structure: Structure, arrays: list[Array], key: Array, index: Array) -> PyTree:
    model, approximation = structure.join(arrays)
    return space(model).constrain(approximation.draw(key, index))[0]


@functools.partial(jax.jit, static_argnames=("structure", "draws"))
def _raveled(structure: Structure, draws: int, arrays: list[Array], key: Array) -> Array:
    def one(index: Array) -> Array:
        leaves = jax.tree.leaves(_params(structure, arrays, key, index))
        return jnp.concatenate([jnp.ravel(leaf) for leaf in leaves])

    return jax.lax.map(one, jnp.arange(draws, dtype=jnp.int32))
