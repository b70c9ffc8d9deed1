"""Values that a function hands out of a `jax.vmap` or a scan inside it, where they mean nothing."""

from collections.abc import Callable
from typing import Any

import jax
from jax.core import Tracer


def escapes(function: Callable, *arguments: Any) -> bool:
    """Whether outputs of a function, for arguments of these shapes, have left an inner function.

    JAX itself says so for `jax.vmap`, but for a scan only when it compiles: until then it takes
    what has left one for a constant.
    """
    try:
        constants = jax.make_jaxpr(function)(*arguments).consts
    except jax.errors.UnexpectedTracerError:
        return True
    return any(isinstance(constant, Tracer) for constant in constants)
