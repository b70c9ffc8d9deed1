"""Maximising a log density: L-BFGS from several starts, then Newton's method from the best.

Both stop by the Newton decrement `g' H^-1 g`: the squared distance to the optimum in units of the
Gaussian that has this curvature, whatever the scale of each coordinate (Boyd & Vandenberghe, 2004,
"Convex optimization", section 9.5.1).
"""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from .._core.results import Result
from .._core.trees import Structure, split
from .curvature import hessian_of

NEWTON_SIZE = 500  # above it a Hessian a step costs more than it gains
_LBFGS_STEPS = 1_000
_NEWTON_STEPS = 40
_HALVINGS = 100  # from the largest number of 32 bits to below 1
_STALLS = 3
_CONVERGED = 0.01  # sds
_LBFGS: Any = optax.scale_by_lbfgs()
_SEARCH: Any = optax.scale_by_zoom_linesearch(20, initial_guess_strategy="one")

Loss = Callable[[Array], Array]


class Optimum(NamedTuple):
    """Where a maximisation ended.

    `distance` is the estimated distance to the optimum in sds of the Gaussian of this curvature.
    """

    point: Float[Array, " size"]
    value: float
    values: np.ndarray  # (starts,), where L-BFGS ended from each
    gradient_norm: float
    distance: float
    trace: np.ndarray  # values by iteration, of the best start
    evaluations: int  # gradients of the objective, over all starts; a Hessian counts as `size`
    compile_seconds: float

    @property
    def result(self) -> Result:
        """Converged within a hundredth of an sd, or not."""
        if not np.isfinite(self.value):
            return Result.nonfinite
        return Result.converged if self.distance < _CONVERGED else Result.not_converged


class _Point(NamedTuple):
    """A location, minus the objective there, and its gradient."""

    z: Float[Array, " size"]
    value: Float[Array, ""]
    gradient: Float[Array, " size"]


class _State(NamedTuple):
    """What both loops carry. The memory is that of L-BFGS."""

    at: _Point
    memory: Any
    stalls: Int[Array, ""]  # iterations in a row that found nothing better
    squared_distance: Float[Array, ""]
    done: Bool[Array, ""]
    trace: Float[Array, " iterations"]
    iterations: Int[Array, ""]
    evaluations: Int[Array, ""]


def maximise(
    objective: Any,
    starts: Float[Array, "starts size"],
    steps: int = _LBFGS_STEPS,
    polish: bool = True,
) -> Optimum:
    """The highest of the local maxima of a callable tree that the starts lead to.

    L-BFGS takes so many steps at most; without `polish` Newton's method does not follow.

    A start where it is not finite is halved until it is; so are steps. Nothing compiles for a
    second objective of the same structure and shapes.
    """
    begun = time.perf_counter()
    structure, arrays = split(objective)
    climbs, end = _maximise(structure, steps, polish, arrays, starts)
    compile_seconds = time.perf_counter() - begun
    best = int(np.argmin(climbs.at.value))
    climb = np.asarray(climbs.trace)[best, : int(np.asarray(climbs.iterations)[best])]
    return Optimum(
        point=end.at.z,
        value=-float(end.at.value),
        values=-np.asarray(climbs.at.value),
        gradient_norm=float(np.linalg.norm(np.asarray(end.at.gradient, np.float64))),
        distance=float(np.sqrt(end.squared_distance)),
        trace=-np.concatenate([climb, np.asarray(end.trace)[: int(end.iterations)]]),
        evaluations=int(np.sum(climbs.evaluations) + end.evaluations),
        compile_seconds=compile_seconds,
    )


@functools.partial(jax.jit, static_argnames=("structure", "steps", "polish"))
def _maximise(
    structure: Structure, steps: int, polish: bool, arrays: list[Array], starts: Array
) -> tuple[_State, _State]:
    """L-BFGS from each start, and what the best of them leads to."""
    objective = structure.join(arrays)

    def loss(z: Array) -> Array:
        value = -objective(z)
        return jnp.where(jnp.isnan(value), jnp.inf, value)

    climbs = jax.lax.map(lambda z: _lbfgs(loss, _finite(loss, z), steps), starts)
    best = jax.tree.map(lambda leaf: leaf[jnp.argmin(climbs.at.value)], climbs)
    if polish and starts.shape[1] <= NEWTON_SIZE:
        end = _newton(loss, best.at)
    else:
        end = best._replace(iterations=jnp.zeros_like(best.iterations), evaluations=0)
    return climbs._replace(memory=()), end._replace(memory=())


def _finite(loss: Loss, start: Array) -> _Point:
    """The start, halved until loss and gradient are finite."""
    nowhere = _Point(2.0 * start, jnp.full((), jnp.inf, start.dtype), start)

    def lost(carry: tuple[_Point, Array]) -> Array:
        return (carry[1] < _HALVINGS) & ~_is_finite(carry[0])

    def halve(carry: tuple[_Point, Array]) -> tuple[_Point, Array]:
        return _point(loss, 0.5 * carry[0].z), carry[1] + 1

    return jax.lax.while_loop(lost, halve, (nowhere, jnp.asarray(0)))[0]


def _lbfgs(loss: Loss, start: _Point, steps: int) -> _State:
    """Quasi-Newton steps of 10 memories with a zoom line search (Nocedal & Wright, 2006, ch. 7)."""

    def step(state: _State) -> _State:
        at = state.at
        with jax.numpy_dtype_promotion("standard"):  # optax mixes integers of 32 and 64 bits
            direction, memory = _descent(at, state.memory)
            update, search = _SEARCH.update(
                -direction, _SEARCH.init(at.z), at.z,
                value=at.value, grad=at.gradient, value_fn=loss,
            )  # fmt: skip
        slope = jnp.vdot(direction, at.gradient)
        new = _Point(at.z + update, search.value, search.grad)
        return _advance(state, new, memory, slope, search.info.num_linesearch_steps)

    return _loop(step, _initial(start, steps))


def _descent(at: _Point, memory: Any) -> tuple[Array, Any]:
    """A direction to subtract. Memories that give none (of negative curvature) are forgotten."""
    remembered = _LBFGS.update(at.gradient, memory, at.z)
    forgotten = _LBFGS.update(at.gradient, _LBFGS.init(at.z), at.z)
    good = jnp.vdot(remembered[0], at.gradient) > 0
    return jax.tree.map(lambda one, other: jnp.where(good, one, other), remembered, forgotten)


def _newton(loss: Loss, start: _Point) -> _State:
    """Newton's method with |H| (Dauphin et al., 2014), damped by halving.

    Near the optimum, where the loss only shows rounding error, a smaller gradient is better too.
    """

    def step(state: _State) -> _State:
        at = state.at
        solve = _absolute_solver(hessian_of(loss, at.z))
        direction = solve(at.gradient)
        decrement = jnp.vdot(at.gradient, direction)
        noise = 10 * jnp.finfo(at.z.dtype).eps * jnp.abs(at.value)

        def better(new: _Point) -> Array:
            lower = new.value < at.value - 1e-4 * decrement
            flatter = jnp.vdot(new.gradient, solve(new.gradient)) < 0.9 * decrement
            return _is_finite(new) & (lower | (flatter & (new.value <= at.value + noise)))

        def halve(carry: tuple) -> tuple:
            length, _, halvings = carry
            return 0.5 * length, _point(loss, at.z - length * direction), halvings + 1

        def go_on(carry: tuple) -> Array:
            return ~better(carry[1]) & (carry[2] < _HALVINGS)

        one = jnp.ones((), at.z.dtype)
        _, new, halvings = jax.lax.while_loop(go_on, halve, (one, at, jnp.asarray(0)))
        good = better(new)
        moved = state._replace(stalls=jnp.where(good, 0, _STALLS))
        return _moved(moved, new, good, (), decrement, halvings + at.z.size)

    return _loop(step, _initial(start, _NEWTON_STEPS)._replace(memory=()))


def _absolute_solver(hessian: Array) -> Callable[[Array], Array]:
    """`|H|^-1 g`, with H brought to a unit diagonal first."""
    info = jnp.finfo(hessian.dtype)
    scale = jax.lax.rsqrt(jnp.maximum(jnp.abs(jnp.diagonal(hessian)), info.tiny))
    values, vectors = jnp.linalg.eigh(scale[:, None] * hessian * scale[None, :])
    values = jnp.maximum(jnp.abs(values), info.eps * len(values))
    return lambda gradient: scale * (vectors @ ((vectors.T @ (scale * gradient)) / values))


def _advance(state: _State, new: _Point, memory: Any, slope: Array, evaluations: Array) -> _State:
    """After a step of L-BFGS: one that found nothing better empties the memory."""
    better = new.value < state.at.value
    memory = jax.tree.map(lambda a, b: jnp.where(better, a, b), memory, _LBFGS.init(state.at.z))
    known = jnp.isfinite(state.squared_distance) & ~better  # an empty memory knows no curvature
    decrement = jnp.where(known, state.squared_distance, slope)
    counted = state._replace(stalls=jnp.where(better, 0, state.stalls + 1))
    return _moved(counted, new, better & _is_finite(new), memory, decrement, evaluations)


def _moved(
    state: _State, new: _Point, good: Array, memory: Any, decrement: Array, evaluations: Array
) -> _State:
    at = jax.tree.map(lambda a, b: jnp.where(good, a, b), new, state.at)
    tolerance = jnp.finfo(at.z.dtype).eps
    limit = state.trace.size
    return _State(
        at=at,
        memory=memory,
        stalls=state.stalls,
        squared_distance=decrement,
        done=(decrement < tolerance) | (state.stalls >= _STALLS) | (state.iterations + 1 >= limit),
        trace=state.trace.at[state.iterations].set(at.value),
        iterations=state.iterations + 1,
        evaluations=state.evaluations + evaluations,
    )


def _initial(at: _Point, limit: int) -> _State:
    none = jnp.asarray(0)
    far = jnp.full((), jnp.inf, at.z.dtype)
    trace = jnp.zeros((limit,), at.z.dtype)
    return _State(at, _LBFGS.init(at.z), none, far, ~_is_finite(at), trace, none, none + 1)


def _loop(step: Callable[[_State], _State], state: _State) -> _State:
    return jax.lax.while_loop(lambda state: ~state.done, step, state)


def _point(loss: Loss, z: Array) -> _Point:
    return _Point(z, *jax.value_and_grad(loss)(z))


def _is_finite(at: _Point) -> Array:
    return jnp.isfinite(at.value) & jnp.isfinite(at.gradient).all()
