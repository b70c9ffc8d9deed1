"""Tiny matrix products as fused multiplications and sums.

A matrix product of a few hundred multiplications costs a call of its own, several times its work;
written as multiply-and-sum it fuses with what stands around it. `fuse_small_dots` rewrites the
traced form of a function, so that any network (also a user's own module) profits.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal, primitives

_MOST_MULTIPLICATIONS = 2_000


def fuse_small_dots(fn: Callable) -> Callable:
    """`fn` with its small matrix products rewritten. Apply it outside of all differentiation."""

    def rewritten(*args: Any) -> Any:
        closed, out_shape = jax.make_jaxpr(fn, return_shape=True)(*args)
        outputs = _evaluate(closed, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(out_shape), outputs)

    return rewritten


def _evaluate(closed: ClosedJaxpr, args: list) -> list:
    values: dict = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    values.update(zip(closed.jaxpr.invars, args, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for eqn in closed.jaxpr.eqns:
        operands = [read(atom) for atom in eqn.invars]
        values.update(zip(eqn.outvars, _apply(eqn, operands), strict=True))
    return [read(atom) for atom in closed.jaxpr.outvars]


def _apply(eqn: Any, operands: list) -> list:
    if eqn.primitive is primitives.dot_general_p and _is_small(eqn):
        return [_multiply_and_sum(*operands, **eqn.params)]
    if eqn.primitive is primitives.jit_p:
        return _evaluate(eqn.params["jaxpr"], operands)
    out = eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params(eqn.params))
    return list(out) if eqn.primitive.multiple_results else [out]


def _is_small(eqn: Any) -> bool:
    (contract, _), _ = eqn.params["dimension_numbers"]
    left, out = eqn.invars[0].aval, eqn.outvars[0].aval
    depth = math.prod(left.shape[axis] for axis in contract)
    return len(out.shape) > 0 and out.size * depth <= _MOST_MULTIPLICATIONS


def _multiply_and_sum(left: Any, right: Any, *, dimension_numbers: Any, **_: Any) -> Any:
    """The product with axes batch, free of left, free of right, contracted (summed away)."""
    (left_sum, right_sum), (left_batch, right_batch) = dimension_numbers
    left_free = [a for a in range(left.ndim) if a not in (*left_sum, *left_batch)]
    right_free = [a for a in range(right.ndim) if a not in (*right_sum, *right_batch)]
    left = jnp.transpose(left, (*left_batch, *left_free, *left_sum))
    right = jnp.transpose(right, (*right_batch, *right_free, *right_sum))
    batch, depth = len(left_batch), len(left_sum)
    left = jnp.expand_dims(left, range(batch + len(left_free), batch + len(left_free) + len(right_free)))
    right = jnp.expand_dims(right, range(batch, batch + len(left_free)))
    return jnp.sum(left * right, axis=range(-depth, 0)) if depth else left * right
