"""Values that a function hands out of a `jax.vmap` or a scan inside it, where they mean nothing."""

from collections.abc import Callable
from typing import Any

import jax
import jax.extend as jex


def escapes(function: Callable, *arguments: Any) -> bool:
    """Whether some output of a function, for arguments of these shapes, has left an inner one.

    JAX itself says so for `jax.vmap`, but for a scan only when it compiles: there the output
    depends on a variable that nothing outside the scan defines.
    """
    try:
        jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    except jax.errors.UnexpectedTracerError:
        return True
    known = {*jaxpr.invars, *jaxpr.constvars}
    for equation in jaxpr.eqns:
        if not _variables(equation.invars) <= known:
            return True
        known.update(equation.outvars)
    return not _variables(jaxpr.outvars) <= known


def _variables(atoms: Any) -> set:
    return {atom for atom in atoms if isinstance(atom, jex.core.Var)}
