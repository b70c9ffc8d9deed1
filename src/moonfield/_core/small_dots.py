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


def _multiply_and_sum(
    left: Any, right: Any, *, dimension_numbers: Any, preferred_element_type: Any, **_: Any
) -> Any:
    """The product, with the longer of the free axes innermost, where the code is vectorised."""
    (left_sum, right_sum), (left_batch, right_batch) = dimension_numbers
    if preferred_element_type is not None:
        left, right = (part.astype(preferred_element_type) for part in (left, right))
    left = _arranged(left, left_batch, left_sum)
    right = _arranged(right, right_batch, right_sum)
    batch, depth = len(left_batch), len(left_sum)
    left_free, right_free = (part.ndim - batch - depth for part in (left, right))
    swap = math.prod(left.shape[batch : batch + left_free]) > math.prod(
        right.shape[batch : batch + right_free]
    )
    outer, inner, width = (right, left, left_free) if swap else (left, right, right_free)
    other = left_free + right_free - width
    outer = jnp.expand_dims(outer, range(batch + other, batch + other + width))
    inner = jnp.expand_dims(inner, range(batch, batch + other))
    product = jnp.sum(outer * inner, axis=range(-depth, 0)) if depth else outer * inner
    if not swap:
        return product
    free = range(batch, batch + other + width)
    return jnp.transpose(product, (*range(batch), *free[other:], *free[:other]))


def _arranged(operand: Any, batch: Any, contract: Any) -> Any:
    """Axes in the order batch, free, contracted."""
    free = [axis for axis in range(operand.ndim) if axis not in (*batch, *contract)]
    return jnp.transpose(operand, (*batch, *free, *contract))
