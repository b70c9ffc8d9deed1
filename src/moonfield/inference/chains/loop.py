"""The compiled loop of adapted Hamiltonian chains: warmup and draws are the same program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...model import Coordinates
from .adaptation import (
    Plan,
    StepSize,
    Window,
    adapted,
    empty_window,
    first_step_size,
    gathered,
    rewhitened,
)

Density = Callable[[Array], Array]
Kernel = Callable[..., tuple[Any, Any]]  # (key, state, density, step size, inverse masses)


class Chains(NamedTuple):
    """What goes from iteration to iteration."""

    states: Any  # position, logdensity and its gradient, chains first, in the space of `gaussian`
    gaussian: Coordinates
    step_size: StepSize
    window: Window


class Record(NamedTuple):
    """What iterations leave: draws, and sums over iterations and chains."""

    draws: Float[Array, "iterations chains size"]
    divergences: Int[Array, ""]
    acceptance: Float[Array, ""]
    gradients: Int[Array, ""]


def begin(
    density: Density, init: Callable, gaussian: Coordinates, u: Float[Array, "chains size"]
) -> Chains:
    """Chains at given places in the space of a Gaussian."""
    states = jax.vmap(lambda u: init(u, _within(density, gaussian)))(u)
    log = jnp.log(jnp.asarray(1.0 / u.shape[1] ** 0.25, u.dtype))
    return Chains(states, gaussian, first_step_size(log), empty_window(gaussian))


def empty_record(chains: Chains, length: int) -> Record:
    """Places for so many iterations."""
    position, zero = chains.states.position, jnp.zeros((), jnp.int32)
    draws = jnp.zeros((length, *position.shape), position.dtype)
    return Record(draws, zero, jnp.zeros((), position.dtype), zero)


def advance(
    density: Density,
    kernel: Kernel,
    acceptance: Float[Array, ""],
    chains: Chains,
    record: Record,
    plan: Plan,
    first: Int[Array, ""],
    last: Int[Array, ""],
    key: Array,
) -> tuple[Chains, Record]:
    """Iterations `first` to `last` of the plan of every chain, added to the record."""
    number, size = chains.states.position.shape
    dtype = chains.states.position.dtype
    ones = jnp.ones(size, dtype)

    def iterate(i: Array, carry: tuple[Chains, Record]) -> tuple[Chains, Record]:
        chains, record = carry
        keys = jax.random.split(jax.random.fold_in(key, i), number)
        known = chains.step_size
        step_size = jnp.exp(jnp.where(plan.adapt[i], known.log, known.log_mean))
        inside = _within(density, chains.gaussian)
        move = jax.vmap(lambda key, state: kernel(key, state, inside, step_size, ones))
        states, info = move(keys, chains.states)
        rates = jnp.nan_to_num(info.acceptance_rate)
        record = Record(
            record.draws.at[i].set(jax.vmap(chains.gaussian.at)(states.position)),
            record.divergences + jnp.sum(info.is_divergent, dtype=jnp.int32),
            record.acceptance + jnp.sum(rates),
            record.gradients + jnp.sum(info.num_integration_steps, dtype=jnp.int32),
        )
        moved = adapted(chains.step_size, jnp.mean(rates), acceptance)
        chains = Chains(
            states,
            chains.gaussian,
            _where(plan.adapt[i], moved, chains.step_size),
            _where(plan.gather[i], gathered(chains.window, states.position), chains.window),
        )
        return jax.lax.cond(plan.close[i], _close_window, lambda same: same, chains), record

    return jax.lax.fori_loop(first, last, iterate, (chains, record))


def _close_window(chains: Chains) -> Chains:
    """Whiten by the window's covariance; the step size is learned anew from its mean."""
    states = chains.states
    gaussian, u, slopes = rewhitened(
        chains.gaussian, chains.window, states.position, states.logdensity_grad
    )
    states = states._replace(position=u, logdensity_grad=slopes)
    return Chains(
        states, gaussian, first_step_size(chains.step_size.log_mean), empty_window(gaussian)
    )


def _within(density: Density, gaussian: Coordinates) -> Density:
    """The density as a function of u."""
    return lambda u: density(gaussian.at(u))


def _where(flag: Array, new: Any, old: Any) -> Any:
    return jax.tree.map(lambda new, old: jnp.where(flag, new, old), new, old)
