"""Where q equals the posterior: every single draw of the ELBO is the log evidence, without noise.

Linear models with known noise and normal priors; columns of X are orthogonal, so that the exact
posterior is a member of the mean-field family.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.families import MeanField, MeanFieldState
from moonfield.model import space
from moonfield.objectives import log_joint_of
from tests.helpers import all_rows, linear_model

PRIOR_SD, NOISE_SD = 1.5, 0.6


class Conjugate(NamedTuple):
    """A linear model whose posterior is known, and an ELBO estimate (state, noise) -> nats."""

    exact: MeanFieldState
    log_evidence: float
    model: mf.BayesianNetwork
    X: np.ndarray
    y: np.ndarray

    def estimate(self, objective, state: MeanFieldState, noise: jax.Array) -> jax.Array:
        batch, it = all_rows(self.model, self.X, self.y), space(self.model)

        density = log_joint_of(self.model, it, batch, 1.0)
        return objective.estimate(MeanField(), state, density, noise[None])


def conjugate(inputs: int, rows: int = 13) -> Conjugate:
    rng = np.random.default_rng(inputs)
    X = np.linalg.qr(rng.normal(size=(rows, inputs)))[0] * np.linspace(1.0, 3.0, inputs)
    y = X @ rng.normal(size=inputs) + NOISE_SD * rng.normal(size=rows)
    precision = PRIOR_SD**-2 + (X**2).sum(axis=0) / NOISE_SD**2
    mean = (X.T @ y / NOISE_SD**2) / precision
    exact = MeanFieldState(jnp.asarray(mean), jnp.asarray(-0.5 * np.log(precision)))
    covariance = NOISE_SD**2 * np.eye(rows) + PRIOR_SD**2 * X @ X.T
    evidence = float(stats.multivariate_normal.logpdf(y, np.zeros(rows), covariance))
    likelihood = mf.likelihoods.Normal(sd=NOISE_SD)
    return Conjugate(exact, evidence, linear_model(inputs, likelihood, prior_sd=PRIOR_SD), X, y)


def noise(inputs: int) -> jax.Array:
    return jax.random.normal(jax.random.key(0), (200, inputs))


@pytest.mark.parametrize("inputs", [1, 4])
def test_every_draw_is_the_log_evidence(inputs: int, x64: None) -> None:
    case, objective = conjugate(inputs), mf.objectives.StickingTheLanding()
    values = jax.vmap(lambda row: case.estimate(objective, case.exact, row))(noise(inputs))
    np.testing.assert_allclose(values, case.log_evidence, rtol=1e-11)


def test_every_draw_is_the_log_evidence_in_single_precision() -> None:
    case, objective = conjugate(4), mf.objectives.StickingTheLanding()
    values = jax.vmap(lambda row: case.estimate(objective, case.exact, row))(noise(4))
    assert values.dtype == jnp.float32
    np.testing.assert_allclose(values, case.log_evidence, rtol=2e-5)


@pytest.mark.parametrize("inputs", [1, 4])
def test_the_gradient_is_zero_for_every_noise(inputs: int, x64: None) -> None:
    case, objective = conjugate(inputs), mf.objectives.StickingTheLanding()
    gradient = jax.grad(lambda s, row: case.estimate(objective, s, row))
    at = jax.vmap(gradient, (None, 0))(case.exact, noise(inputs))
    assert max(np.abs(leaf).max() for leaf in at) < 1e-9
    other = jax.vmap(gradient, (None, 0))(
        case.exact._replace(mean=case.exact.mean + 0.1), noise(inputs)
    )
    assert min(np.abs(leaf).max() for leaf in other) > 1e-3


def test_with_the_entropy_in_closed_form_only_the_mean_is_the_log_evidence(x64: None) -> None:
    case, objective = conjugate(4), mf.objectives.Reparameterised()
    values = np.asarray(jax.vmap(lambda row: case.estimate(objective, case.exact, row))(noise(4)))
    assert abs(values.mean() - case.log_evidence) < 4.5 * values.std() / np.sqrt(len(values))
    assert values.std() > 0.1


def test_any_other_q_is_below_the_log_evidence(x64: None) -> None:
    case, objective = conjugate(4), mf.objectives.StickingTheLanding()
    for change in ({"mean": case.exact.mean + 0.05}, {"log_sd": case.exact.log_sd + 0.3}):
        state = case.exact._replace(**change)
        values = jax.vmap(lambda row, s=state: case.estimate(objective, s, row))(noise(4))
        assert values.mean() < case.log_evidence


def test_a_fit_reaches_it(x64: None) -> None:
    """The ELBO of a fit with this objective is the log evidence, with no error left."""
    case = conjugate(4)
    method = mf.ADVI(objective=mf.objectives.StickingTheLanding())
    posterior = mf.fit(case.model, case.X, case.y, method=method, steps=3_000, seed=0)
    mean, sd = posterior.approximation.moments()
    np.testing.assert_allclose(mean, case.exact.mean, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(sd, np.exp(case.exact.log_sd), rtol=1e-3)
    assert abs(posterior.diagnostics.elbo - case.log_evidence) < 1e-3
    assert posterior.diagnostics.elbo_se < 1e-3
