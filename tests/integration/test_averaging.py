"""The final parameters are an average over the last part of the fit."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import moonfield as mf
from tests.helpers import Split, posterior_at, state_of

RATE = 1e-3


def walk(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
    """The same step for every parameter at all times."""
    return jax.tree.map(lambda leaf: jnp.full_like(leaf, RATE), updates), state


@pytest.mark.parametrize("steps", [1_000, 3_000])
def test_parameters_are_averaged_over_the_last_fifth(
    model: mf.BayesianNetwork, moons: Split, steps: int
) -> None:
    method = mf.ADVI(optimizer=optax.GradientTransformation(lambda params: (), walk))
    start = posterior_at(model, 0.0, np.exp(-5.0))
    fit = mf.fit(model, moons.X, moons.y, method=method, steps=steps, start=start)
    state = state_of(fit)
    share = state.mean / (RATE * steps)  # 1 for the last parameters, 0.9 for the last fifth's mean
    assert (share > 0.85).all()
    assert (share < 0.95).all()
    np.testing.assert_allclose(state.log_sd + 5.0, state.mean, rtol=1e-3)


def test_an_average_is_better_than_the_last_step_of_a_noisy_optimiser(
    model: mf.BayesianNetwork, moons: Split
) -> None:
    """At a constant step size the iterates scatter; what is reported does not."""
    method = mf.ADVI(optimizer=optax.chain(optax.scale_by_adam(), optax.scale(-0.05)))
    fit = mf.fit(model, moons.X, moons.y, method=method, steps=3_000)
    assert fit.diagnostics.elbo > fit.elbo[-500:].mean() + 1.0
