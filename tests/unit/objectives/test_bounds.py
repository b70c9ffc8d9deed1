"""Objectives beyond the ELBO, against identities that hold for every noise."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from moonfield.families import (
    FullRank,
    MeanField,
    MeanFieldState,
    Mixture,
    Partial,
    full_rank_state,
)
from moonfield.families.partial import Stretch
from moonfield.objectives import (
    ImportanceWeighted,
    KernelStein,
    LogJoint,
    Renyi,
    Reparameterised,
    StickingTheLanding,
    Tempered,
)
from tests.helpers import in_units_of_error

LOCATION = np.asarray([0.5, -1.0])
PRECISION = np.asarray([[2.0, 0.6], [0.6, 1.0]])
LOG_EVIDENCE = -7.5 + np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(PRECISION)[1]


@LogJoint
def log_joint(z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """An unnormalised correlated Gaussian, in two parts."""
    delta = z - LOCATION
    prior = -0.5 * jnp.sum(z**2)
    return prior, -7.5 - 0.5 * delta @ PRECISION @ delta - prior


def apart() -> MeanFieldState:
    """Some q that is not the posterior."""
    return MeanFieldState(jnp.asarray([0.1, -0.4]), jnp.asarray([-0.3, 0.4]))


def noise(*shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(1), (*shape, 2))


def values_and_gradients(objective, estimates: int, family=MeanField(), state=None):
    state = apart() if state is None else state

    def one(state, noise):
        return objective.estimate(family, state, log_joint, noise)

    each = jax.jit(jax.vmap(jax.value_and_grad(one), (None, 0)))
    return each(state, noise(estimates, objective.draws))


@pytest.mark.parametrize("objective", [ImportanceWeighted(5), Renyi(0.0, 5), Renyi(2.5, 5)])
def test_every_estimate_at_the_posterior_is_the_log_evidence(objective, x64: None) -> None:
    state = full_rank_state(jnp.asarray(LOCATION), jnp.linalg.inv(jnp.asarray(PRECISION)))
    values, gradients = values_and_gradients(objective, 20, FullRank(), state)
    np.testing.assert_allclose(values, LOG_EVIDENCE, rtol=1e-12)
    if isinstance(objective, ImportanceWeighted):
        assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(gradients)) < 1e-12


def test_one_importance_weighted_draw_is_sticking_the_landing(x64: None) -> None:
    pairs = zip(
        jax.tree.leaves(values_and_gradients(ImportanceWeighted(1), 5)),
        jax.tree.leaves(values_and_gradients(StickingTheLanding(), 5)),
        strict=True,
    )
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_doubly_reparameterised_gradient_has_the_mean_of_the_plain_one(x64: None) -> None:
    doubly, g = values_and_gradients(ImportanceWeighted(4), 20_000)
    plain, h = values_and_gradients(Renyi(0.0, 4), 20_000)
    np.testing.assert_allclose(doubly, plain, rtol=1e-12)
    for one, other in zip(g, h, strict=True):
        assert (np.abs(in_units_of_error(one - other, 0.0)) < 4.5).all()
        assert (np.std(one, axis=0) < np.std(other, axis=0)).all()


def test_weights_at_a_point_have_the_gradient_of_the_bound(x64: None) -> None:
    """Draws of the first number and a point of the second, against finite differences."""
    family = Partial(MeanField(), (Stretch(0, 1, point=False), Stretch(1, 2, point=True)))
    start = family.init(jnp.asarray([0.1, -0.4]), 0.7)
    rows = noise(500, 4)[..., :1]

    def mean(point: jax.Array) -> jax.Array:
        state = start._replace(point=point)
        estimate = functools.partial(ImportanceWeighted(4).estimate, family, state, log_joint)
        return jnp.mean(jax.vmap(estimate)(rows))

    step = 1e-5
    want = (mean(start.point + step) - mean(start.point - step)) / (2.0 * step)
    np.testing.assert_allclose(jax.grad(mean)(start.point), want, rtol=1e-7)


def test_near_order_one_the_renyi_bound_is_the_mean_log_ratio(x64: None) -> None:
    values, _ = values_and_gradients(Renyi(1.0 - 1e-7, 3), 6)
    draws = noise(6, 3)
    z = jax.vmap(jax.vmap(lambda n: MeanField().sample(apart(), n)))(draws)
    logs = jax.vmap(jax.vmap(lambda z: log_joint(z) - MeanField().log_prob(apart(), z)))(z)
    np.testing.assert_allclose(values, logs.mean(axis=1), atol=1e-5)


def test_renyi_bounds_fall_with_their_order(x64: None) -> None:
    means = [values_and_gradients(Renyi(order, 4), 50)[0] for order in (0.0, 0.5, 2.0, 5.0)]
    assert (np.diff(np.asarray(means), axis=0) < 0).all()


@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
def test_the_optimum_is_the_tempered_posterior(beta: float, x64: None) -> None:
    """One observation y ~ N(z, 0.5), z ~ N(0, 1). The noise +-1 integrates squares exactly."""
    y, sd = 1.3, 0.5

    @LogJoint
    def joint(z: jax.Array) -> tuple[jax.Array, jax.Array]:
        return -0.5 * jnp.sum(z**2), -0.5 * jnp.sum((y - z) ** 2) / sd**2

    precision = 1.0 + 1.0 / (beta * sd**2)
    mean = y / (beta * sd**2) / precision
    state = MeanFieldState(jnp.asarray([mean]), jnp.asarray([-0.5 * np.log(precision)]))

    def expected(state: MeanFieldState) -> jax.Array:
        objective = Tempered(beta)
        both = [
            objective.estimate(MeanField(), state, joint, jnp.full((1, 1), e)) for e in (-1.0, 1.0)
        ]
        return 0.5 * (both[0] + both[1])

    gradient = jax.jit(jax.grad(expected))(state)
    assert max(np.abs(leaf).max() for leaf in gradient) < 1e-12


def test_a_schedule_gives_beta_at_a_step() -> None:
    objective = Tempered(optax.linear_schedule(0.0, 1.0, 10))
    assert float(objective.at(jnp.asarray(4)).beta) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="beta is a schedule"):
        objective.estimate(MeanField(), apart(), log_joint, noise(1))


@pytest.mark.slow
def test_two_draws_are_minus_the_stein_kernel(x64: None) -> None:
    """Against the definition, the kernel differentiated by machine."""
    draws = noise(2)
    x, y = (MeanField().sample(apart(), row) for row in draws)
    width = jnp.sum((x - y) ** 2)

    def kernel(x: jax.Array, y: jax.Array) -> jax.Array:
        return 1.0 / jnp.sqrt(1.0 + jnp.sum((x - y) ** 2) / width)

    score = jax.grad(log_joint)
    left, right = jax.grad(kernel, 0)(x, y), jax.grad(kernel, 1)(x, y)
    trace = jnp.trace(jax.jacfwd(jax.grad(kernel, 0), 1)(x, y))
    want = score(x) @ score(y) * kernel(x, y) + score(x) @ right + score(y) @ left + trace
    got = KernelStein(2).estimate(MeanField(), apart(), log_joint, draws)
    np.testing.assert_allclose(got, -want, rtol=1e-12)


def test_the_stein_discrepancy_vanishes_at_the_posterior_alone(x64: None) -> None:
    state = full_rank_state(jnp.asarray(LOCATION), jnp.linalg.inv(jnp.asarray(PRECISION)))
    at, _ = values_and_gradients(KernelStein(8), 4_000, FullRank(), state)
    away, _ = values_and_gradients(KernelStein(8), 4_000)
    assert abs(in_units_of_error(at, 0.0)) < 4.5
    assert in_units_of_error(away, 0.0) < -10.0


MIXTURE_LOGITS = [0.3, -0.5]


@pytest.mark.parametrize("objective", [Reparameterised(), StickingTheLanding(), Tempered(1.0)])
def test_gradients_of_a_mixture_are_those_of_its_elbo(objective, x64: None) -> None:
    """Two normals in one dimension and a target of two modes, by quadrature."""

    @LogJoint
    def joint(z: jax.Array) -> tuple[jax.Array, jax.Array]:
        x = z[0]
        return -0.125 * x**2, jnp.logaddexp(-2.0 * (x - 1.0) ** 2, 0.4 - 3.0 * (x + 1.5) ** 2)

    family = Mixture(2)
    state = family.init(jnp.zeros(1), 0.9)._replace(logits=jnp.asarray(MIXTURE_LOGITS))
    components = MeanFieldState(jnp.asarray([[0.7], [-1.0]]), jnp.log(jnp.asarray([[0.6], [0.8]])))
    state = state._replace(components=components)
    nodes = np.linspace(-9.0, 9.0, 6_001)
    weights = np.exp(-0.5 * nodes**2) / np.sum(np.exp(-0.5 * nodes**2))
    grid = jnp.linspace(-12.0, 12.0, 12_001)[:, None]

    def elbo(state) -> jax.Array:
        logq = jax.vmap(family.log_prob, (None, 0))(state, grid)
        return jnp.sum(jnp.exp(logq) * (jax.vmap(joint)(grid) - logq)) * (grid[1, 0] - grid[0, 0])

    def estimate(state, node: jax.Array) -> jax.Array:
        return objective.estimate(family, state, joint, jnp.stack([node, jnp.zeros(())])[None])

    each = jax.jit(jax.vmap(jax.value_and_grad(estimate), (None, 0)))(state, jnp.asarray(nodes))
    got = jax.tree.map(lambda leaf: np.tensordot(weights, leaf, 1), each)
    want = jax.jit(jax.value_and_grad(elbo))(state)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("objective", [ImportanceWeighted(3), Renyi(0.5, 3)])
def test_equal_components_are_one(objective, x64: None) -> None:
    """A mixture of copies is its component: the strata's draws coincide."""
    family = Mixture(2)
    copies = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), apart())
    state = family.init(jnp.zeros(2), 1.0)._replace(
        components=copies, logits=jnp.asarray(MIXTURE_LOGITS)
    )
    draws = noise(3)
    padded = jnp.concatenate([draws, jnp.ones((3, 1))], axis=1)
    one = objective.estimate(family, state, log_joint, padded)
    other = objective.estimate(MeanField(), apart(), log_joint, draws)
    np.testing.assert_allclose(one, other, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Renyi(1.0), "alpha = 1 is the ELBO"),
        (lambda: Renyi(-0.5), "alpha must be a finite number of 0 or more, got -0.5"),
        (lambda: KernelStein(1), "draws must be a whole number of 2 or more, got 1"),
        (lambda: ImportanceWeighted(0), "draws must be a whole number of 1 or more, got 0"),
        (lambda: Tempered(-1.0), "beta must be a number of 0 or more"),
    ],
)
def test_settings_are_checked(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
