"""The ELBO with another weight on its Kullback-Leibler divergence."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Int, PyTree

from .._core.trees import numbers_to_arrays
from ..families import AbstractFamily
from .base import AbstractObjective
from .expectations import entropy, expectation
from .log_joint import LogJoint


class Tempered(AbstractObjective):
    """`E_q[log p(data | z)] - beta KL(q || p(z))`.

    With beta 1 the ELBO; below 1 a "cold" posterior, proportional to prior times likelihood to the
    power 1 / beta (Higgins et al., 2017, "beta-VAE", eq. 4; Wenzel et al., 2020, "How good is the
    Bayes posterior in deep neural networks really?", section 2.3).

    Args:
        beta: a number of 0 or more, or an optax schedule of the step, as
            `optax.linear_schedule(0.0, 1.0, 2_000)`, by which the divergence is annealed in. A fit
            that continues another begins the schedule anew. One that stops by itself knows nothing
            of schedules: give `steps` where this one goes on for more than 2,500 of them.

    Raises:
        ValueError: `beta` is a negative number.

    Example:
        Warm-up: the divergence counts for nothing at first, and fully from step 2,000 on.

        >>> import jax.numpy as jnp
        >>> import optax
        >>> import moonfield as mf
        >>> warm_up = mf.objectives.Tempered(optax.linear_schedule(0.0, 1.0, 2_000))
        >>> [float(warm_up.at(step).beta) for step in jnp.asarray([0, 1_000, 5_000])]
        [0.0, 0.5, 1.0]
        >>> method = mf.ADVI(objective=warm_up)
    """

    beta: Any
    draws: int = eqx.field(static=True)

    def __init__(self, beta: float | Callable[[Any], Any] = 1.0):
        if not callable(beta) and not beta >= 0.0:
            raise ValueError(f"beta must be a number of 0 or more, or a schedule, got {beta}.")
        self.beta = beta if callable(beta) else numbers_to_arrays(beta)
        self.draws = 1

    @property
    def quantity(self) -> str:
        return "tempered ELBO"

    def at(self, step: Int[Array, ""]) -> "Tempered":
        if not callable(self.beta):
            return self
        return eqx.tree_at(lambda it: it.beta, self, self.beta(step))

    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, "draws noise"],
    ) -> Float[Array, ""]:
        if callable(self.beta):
            raise ValueError("beta is a schedule: ask the objective for its form `at` a step.")
        beta = self.beta.astype(noise.dtype)

        def weighted(z: Array) -> Array:
            prior, likelihood = log_joint.parts(z)
            return likelihood + beta * prior

        spread = beta * entropy(family, state, noise[0])
        return expectation(family, state, weighted, noise[0]) + spread
