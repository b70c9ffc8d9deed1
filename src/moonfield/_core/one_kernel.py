"""Small loops compiled as one kernel.

On the CPU a compiled function is a list of kernels, and starting one costs about 0.1 us: for a
network of forty weights and a batch of fifty rows, more than its work. XLA can emit a called
function as a single kernel; it does so by itself for loops that touch next to nothing. Here the
calls to treat so are marked (the frontend attributes that XLA's own pass sets), where they hold
nothing but operations that such a kernel can hold. Other backends ignore the mark.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

# Matrix products handed to a library would be calls again.
_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}
_MARK = {"xla_cpu_small_call": "true", "inlineable": "false"}

# fmt: off
_HOLDS = frozenset(
    [
        "abs", "acos", "acosh", "add", "add_any", "and", "asin", "asinh", "atan", "atan2",
        "atanh", "broadcast_in_dim", "cbrt", "ceil", "clamp", "concatenate",
        "convert_element_type", "copy", "cos", "cosh", "cumprod", "cumsum", "custom_jvp_call",
        "custom_vjp_call", "digamma", "div", "dot_general", "dynamic_slice",
        "dynamic_update_slice", "eq", "erf", "erf_inv", "erfc", "exp", "exp2", "expand_dims",
        "expm1", "floor", "gather", "ge", "gt", "integer_pow", "iota", "is_finite", "jit", "le",
        "lgamma", "log", "log1p", "logistic", "lt", "max", "min", "mul", "ne", "neg",
        "nextafter", "not", "or", "pad", "pow", "reduce_and", "reduce_max", "reduce_min",
        "reduce_or", "reduce_prod", "reduce_sum", "rem", "reshape", "rev", "round", "rsqrt",
        "scan", "select_n", "shift_left", "shift_right_arithmetic", "shift_right_logical",
        "sign", "sin", "sinh", "slice", "split", "sqrt", "square", "squeeze", "stack",
        "stop_gradient", "sub", "tan", "tanh", "transpose", "unstack", "while", "xor",
    ]
)
# fmt: on


def jit_as_one_kernel(fn: Callable, static_argnames: tuple[str, ...]) -> Callable:
    """`jax.jit(fn)`, compiled to one kernel on the CPU if `fn` allows it."""

    @functools.wraps(fn)
    def marked(*static_and_arrays: Any) -> Any:
        count = len(static_argnames)
        static, arrays = static_and_arrays[:count], static_and_arrays[count:]
        closed, shapes = jax.make_jaxpr(functools.partial(fn, *static), return_shape=True)(*arrays)
        call, leaves = jaxpr_as_fun(closed), jax.tree.leaves(arrays)
        if all(name in _HOLDS for name in _primitives(closed.jaxpr)):
            with set_xla_metadata(**_MARK):
                outputs = jax.jit(call)(*leaves)
        else:
            outputs = call(*leaves)
        return jax.tree.unflatten(jax.tree.structure(shapes), outputs)

    compiled = functools.partial(jax.jit, static_argnames=static_argnames)
    plain, one = compiled(fn), compiled(marked, compiler_options=_OPTIONS)

    def chosen(*args: Any) -> Any:
        return (one if _available() else plain)(*args)

    return chosen


@functools.lru_cache(maxsize=1)
def _available() -> bool:
    """Whether this backend is XLA's for the CPU and knows the options."""
    if jax.default_backend() != "cpu":
        return False
    try:
        jax.jit(lambda x: -x, compiler_options=_OPTIONS)(1.0)
    except jax.errors.JaxRuntimeError:
        return False
    return True


def _primitives(jaxpr: Jaxpr) -> Iterator[str]:
    for eqn in jaxpr.eqns:
        yield eqn.primitive.name
        for leaf in jax.tree.leaves(eqn.params, is_leaf=lambda it: isinstance(it, ClosedJaxpr)):
            if isinstance(leaf, ClosedJaxpr | Jaxpr):
                yield from _primitives(leaf.jaxpr if isinstance(leaf, ClosedJaxpr) else leaf)
