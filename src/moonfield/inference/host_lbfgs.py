"""L-BFGS from the host, by SciPy: compiles only the objective and its gradient.

A few hundred steps of a network's weights cost less than to compile the loop of `optimise.py`; the
other way round for many starts at once, small problems and the last digits of the optimum.
"""

import functools
import math
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

from .._core.trees import Structure, split
from .optimise import Optimum

_MEMORIES = 10
_NOWHERE = 1e30  # stands in for a loss that is not finite
_HALVINGS = 100
LATELY = 20  # steps


def climb(
    objective: Any,
    start: Float[Array | np.ndarray, " size"],
    steps: int,
    root: Float[np.ndarray, "size size"] | None = None,
    enough: float = 0.0,
) -> Optimum:
    """The local maximum that so many steps of L-BFGS at most lead to.

    The objective is a callable tree that gives its value at z and its gradient. A start where it
    is not finite is halved until it is. With the root R of an approximate covariance `R' R` of the
    maximum, steps are in the coordinates v of `start + R' v`, in which the objective curves alike
    in all directions. It ends where 20 steps have gained less than `enough`. Nothing compiles for a
    second objective of the same structure and shapes.
    """
    structure, arrays = split(objective)
    trace, calls = [], 0
    origin = np.asarray(start, np.float64)
    root = None if root is None else root.astype(start.dtype)
    across = None if root is None else np.ascontiguousarray(root.T)

    def loss(v: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal calls
        calls += 1
        z = v if across is None else origin + across @ v.astype(across.dtype)
        value, gradient = _called(structure, arrays, z.astype(start.dtype))
        slope = np.asarray(gradient if root is None else root @ np.asarray(gradient), np.float64)
        found = -float(value), -slope
        finite = math.isfinite(found[0]) and bool(np.isfinite(found[1]).all())
        return found if finite else (_NOWHERE, np.zeros_like(found[1]))

    def callback(intermediate_result: Any) -> None:
        trace.append(-intermediate_result.fun)
        if len(trace) > LATELY and trace[-1] - trace[-1 - LATELY] < enough:
            raise StopIteration

    begun = time.perf_counter()
    z = origin if root is None else np.zeros_like(origin)
    value, gradient = loss(z)
    compile_seconds = time.perf_counter() - begun
    while value >= _NOWHERE and calls < _HALVINGS:
        z = 0.5 * z
        value, gradient = loss(z)
    if value < _NOWHERE:
        options = {
            "maxiter": steps, "maxfun": 10 * steps, "maxcor": _MEMORIES, "gtol": 0.0,
            "ftol": float(jnp.finfo(start.dtype).eps),
        }  # fmt: skip
        with _threads().limit(limits=1, user_api="blas"):  # which would wait for those of JAX
            found: Any = minimize(
                loss, z, jac=True, method="L-BFGS-B", callback=callback, options=options
            )
        z, value, gradient = found.x, float(found.fun), found.jac
        distance = math.sqrt(max(0.0, float(gradient @ found.hess_inv.dot(gradient))))
    else:
        value, distance = math.inf, math.inf
    return Optimum(
        point=jnp.asarray(z if root is None else origin + z @ root, start.dtype),
        value=-value,
        values=np.array([-value]),
        gradient_norm=float(np.linalg.norm(gradient)),
        distance=distance,
        trace=np.array(trace),
        evaluations=calls,
        compile_seconds=compile_seconds,
    )


@functools.cache
def _threads() -> ThreadpoolController:
    """Looked for once: that takes as long as some steps."""
    return ThreadpoolController()


@functools.partial(jax.jit, static_argnames="structure")
def _called(structure: Structure, arrays: list[Array], z: Array) -> tuple[Array, Array]:
    return structure.join(arrays)(z)
