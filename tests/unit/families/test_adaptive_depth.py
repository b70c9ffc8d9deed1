"""The family over depths: exact where the posterior is known, and a weighted sum of ELBOs."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import logsumexp
from scipy import stats

import moonfield as mf
from moonfield.families import AdaptiveDepthState
from moonfield.model import space
from moonfield.objectives import log_joint_of
from moonfield.posterior.cutting import at_depth
from tests.helpers import all_rows, posterior_at, regression_rows

ROWS, BLOCKS, SD, PRIOR_SD = 12, 3, 0.5, 0.7


class Series(eqx.Module):
    """A network linear in its weights: block l adds `weight_l x_l`."""

    blocks: list[mf.nets.Linear]

    def __init__(self) -> None:
        self.blocks = [mf.nets.Linear(1, 1, bias=False) for _ in range(BLOCKS)]

    def depths(self, x: Any) -> Any:
        terms = [block(x[i : i + 1]) for i, block in enumerate(self.blocks)]
        return jnp.cumsum(jnp.stack([jnp.zeros_like(x[:1]), *terms]), axis=0)

    def __call__(self, x: Any) -> Any:
        return self.depths(x)[-1]


def series() -> tuple[mf.BayesianNetwork, np.ndarray, np.ndarray]:
    """Orthogonal inputs, so that weights are independent under the posterior of every depth."""
    rng = np.random.default_rng(0)
    X = 3.0 * np.linalg.qr(rng.normal(size=(ROWS, BLOCKS)))[0]
    y = X @ [0.4, 0.25, 0.0] + SD * rng.normal(size=ROWS)
    prior = mf.priors.AdaptiveDepth(mf.priors.Normal(0.0, PRIOR_SD), [4.0, 3.0, 2.0, 1.0])
    return mf.BayesianNetwork(Series(), prior, mf.likelihoods.Normal(sd=SD)), X, y


def log_evidences(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each depth, with its prior probability."""
    found = []
    for depth in range(BLOCKS + 1):
        inputs = X[:, :depth]
        covariance = SD**2 * np.eye(ROWS) + PRIOR_SD**2 * inputs @ inputs.T
        found.append(stats.multivariate_normal(np.zeros(ROWS), covariance).logpdf(y))
    return np.asarray(found) + np.log([0.4, 0.3, 0.2, 0.1])


def exact_state(X: np.ndarray, y: np.ndarray) -> AdaptiveDepthState:
    precision = 1.0 / PRIOR_SD**2 + (X**2).sum(axis=0) / SD**2
    mean = np.concatenate([X.T @ y / SD**2 / precision, np.zeros(BLOCKS + 1)])
    log_sd = np.concatenate([-0.5 * np.log(precision), np.zeros(BLOCKS + 1)])
    return AdaptiveDepthState(*map(jnp.asarray, (mean, log_sd, 10.0 * log_evidences(X, y))))


def test_with_the_exact_posterior_every_draw_finds_the_evidence(x64: None) -> None:
    """`log p(y, d, w) - log q(d, w) = log p(y)` for every depth, q(d) by Bayes' rule."""
    model, X, y = series()
    family, state = mf.families.AdaptiveDepth().bind(space(model)), exact_state(X, y)
    density = log_joint_of(model, space(model), all_rows(model, X, y), 1.0)
    evidence = logsumexp(log_evidences(X, y))
    noise = jax.random.normal(jax.random.key(0), (40, space(model).size), float)

    def drawn(noise: jax.Array) -> tuple[jax.Array, jax.Array]:
        z = family.sample(state, noise)
        return z, density(z) - family.log_prob(state, z)

    z, ratios = jax.jit(jax.vmap(drawn))(noise)
    np.testing.assert_allclose(ratios, evidence, rtol=1e-10)
    assert len(np.unique(z[:, BLOCKS:].argmax(axis=1))) >= 3
    estimate = mf.objectives.StickingTheLanding().estimate

    def bound(state: AdaptiveDepthState) -> jax.Array:
        return estimate(family, state, density, noise[:1])

    value, gradient = jax.jit(jax.value_and_grad(bound))(state)
    np.testing.assert_allclose(value, evidence, rtol=1e-10)
    assert all(np.abs(leaf).max() < 1e-10 for leaf in jax.tree.leaves(gradient))


@pytest.mark.slow
def test_draws_have_the_probabilities_of_the_state(x64: None) -> None:
    """Within four standard errors; and the entropy is minus the mean log density."""
    model, X, y = series()
    family, state = mf.families.AdaptiveDepth().bind(space(model)), exact_state(X, y)
    noise = jax.random.normal(jax.random.key(1), (20_000, space(model).size), float)
    z = jax.jit(jax.vmap(family.sample, (None, 0)))(state, noise)
    p = np.exp(family.log_probabilities(state))
    assert (np.abs(z[:, BLOCKS:].mean(axis=0) - p) < 4.0 * np.sqrt(p * (1 - p) / len(z))).all()
    log_q = np.asarray(jax.jit(jax.vmap(family.log_prob, (None, 0)))(state, z))
    error = log_q.std() / len(log_q) ** 0.5
    assert abs(log_q.mean() + family.entropy(state)) < 4.0 * error


@pytest.mark.slow
def test_a_fit_finds_the_exact_posterior() -> None:
    """Of depth and weights; the ELBO is then the evidence."""
    model, X, y = series()
    posterior = mf.fit(model, X, y, method="advi", steps=20_000, progress=False)
    assert posterior.diagnostics.method == "adaptivedepth_advi"
    facts, log_p = posterior.diagnostics, log_evidences(X, y)
    assert abs(facts.elbo - logsumexp(log_p)) < 4.5 * facts.elbo_se + 0.01
    exact = np.exp(log_p - logsumexp(log_p))
    np.testing.assert_allclose(posterior.architecture.depths, exact, atol=0.02)


def residual(logits: Any) -> tuple[mf.Posterior, np.ndarray, np.ndarray]:
    X, y = regression_rows(9, 2)
    table = {"blocks.1.*": mf.priors.Normal(0.0, 0.5), "*": mf.priors.Normal(0.0, 1.0)}
    prior = mf.priors.AdaptiveDepth(table, [1.0, 2.0, 3.0])
    network = mf.nets.ResidualMLP([2, 3, 3, 3, 1])
    model = mf.BayesianNetwork(network, prior, mf.likelihoods.Normal(sd=0.5))
    rng, size = np.random.default_rng(2), space(model).size
    found = posterior_at(model, rng.normal(size=size), rng.uniform(0.1, 0.5, size))
    family = mf.families.AdaptiveDepth().bind(space(model))
    state = AdaptiveDepthState(*found.approximation.state, 10.0 * jnp.asarray(logits, float))
    found.approximation = mf.families.Variational(family, state, size)
    return found, X, y


def elbo(posterior: mf.Posterior, X: Any, y: Any, noise: Any) -> float:
    model, approximation = posterior.model, posterior.approximation
    density = log_joint_of(model, space(model), all_rows(model, X, y), 1.0)
    objective = mf.objectives.Reparameterised()
    estimate = jax.jit(lambda s: objective.estimate(approximation.family, s, density, noise))
    return float(estimate(approximation.state))


def test_the_elbo_is_the_weighted_sum_of_those_of_the_depths(x64: None) -> None:
    """`sum_d q(d) ELBO_d - KL(q(d) || p(d))`, of plain networks, by the same noise."""
    logits = np.log([0.5, 0.2, 0.3])
    whole, X, y = residual(logits)
    found = space(whole.model)
    noise = jax.random.normal(jax.random.key(0), (1, found.size), float)
    each = []
    for depth in range(3):
        plain = at_depth(whole, depth)
        edges = np.cumsum([np.prod(shape, dtype=int) for shape in found.shapes])[:-1]
        by_path = dict(zip(found.paths, np.split(noise[0], edges), strict=True))
        own = [by_path[path] for path in space(plain.model).paths]
        each.append(elbo(plain, X, y, jnp.concatenate(own)[None]))
    q = np.exp(logits)
    want = q @ each - q @ (logits - np.log([1 / 6, 2 / 6, 3 / 6]))
    np.testing.assert_allclose(elbo(whole, X, y, noise), want, rtol=1e-10)


def test_it_must_know_the_space() -> None:
    model = mf.BayesianNetwork(
        mf.nets.MLP([2, 3, 1]), mf.priors.Normal(0.0, 1.0), mf.likelihoods.Normal()
    )
    with pytest.raises(ValueError, match=r"mf\.priors\.AdaptiveDepth"):
        mf.families.AdaptiveDepth().bind(space(model))
