"""The contract of an ELBO estimator, on a Gaussian target whose ELBO is known in closed form."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.families import MeanField, MeanFieldState
from moonfield.objectives import LogJoint
from tests.helpers import in_units_of_error, same_bytes

from .registry import OBJECTIVES

each_objective = pytest.mark.parametrize("name", list(OBJECTIVES))
each_elbo = pytest.mark.parametrize(
    "name",
    [
        *("AnalyticKL", "Flipout", "LocalReparameterisation"),
        *("Reparameterised", "StickingTheLanding", "Tempered"),
    ],
)
SIZE = 3
LOCATION = np.asarray([0.5, -1.0, 2.0])
PRECISION = np.asarray([[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 4.0]])
CONSTANT = -7.5


def parts(z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """An unnormalised correlated Gaussian, in two parts."""
    delta = z - jnp.asarray(LOCATION, z.dtype)
    total = CONSTANT - 0.5 * delta @ jnp.asarray(PRECISION, z.dtype) @ delta
    prior = -0.5 * jnp.sum(z**2)
    return prior, total - prior


def by_row(mean: jax.Array, sd: jax.Array, key: jax.Array, propagate: bool) -> tuple:
    """What draws of each row's own come to where there are no rows."""
    return parts(mean + sd * jax.random.normal(key, mean.shape, mean.dtype))


log_joint = LogJoint(parts, by_row=by_row)


def state() -> MeanFieldState:
    return MeanFieldState(
        jnp.asarray([0.1, 0.2, 0.3], float), jnp.asarray([-0.5, 0.2, -1.0], float)
    )


class Truth(NamedTuple):
    """ELBO and its gradient in closed form."""

    elbo: float
    mean: np.ndarray
    log_sd: np.ndarray


def truth() -> Truth:
    mean, log_sd = (np.asarray(leaf, np.float64) for leaf in state())
    delta, variance = mean - LOCATION, np.exp(2 * log_sd)
    expected = CONSTANT - 0.5 * delta @ PRECISION @ delta - 0.5 * PRECISION.diagonal() @ variance
    entropy = log_sd.sum() + 0.5 * SIZE * (1 + np.log(2 * np.pi))
    return Truth(expected + entropy, -PRECISION @ delta, 1.0 - PRECISION.diagonal() * variance)


def estimator(name: str) -> Callable:
    objective = OBJECTIVES[name]()

    def estimate(s: MeanFieldState, noise: jax.Array) -> jax.Array:
        return objective.estimate(MeanField(), s, log_joint, noise)

    return estimate


def noise(name: str, estimates: int) -> jax.Array:
    objective = OBJECTIVES[name]()
    shape = (estimates, objective.draws, objective.noise_size(MeanField(), SIZE))
    return jax.random.normal(jax.random.key(3), shape, float)


@each_elbo
def test_is_unbiased(name: str, x64: None) -> None:
    values = jax.vmap(estimator(name), (None, 0))(state(), noise(name, 20_000))
    assert abs(in_units_of_error(np.asarray(values), truth().elbo)) < 4.5


@each_elbo
def test_its_gradient_is_unbiased(name: str, x64: None) -> None:
    gradients = jax.vmap(jax.grad(estimator(name)), (None, 0))(state(), noise(name, 20_000))
    assert (np.abs(in_units_of_error(gradients.mean, truth().mean)) < 4.5).all()
    assert (np.abs(in_units_of_error(gradients.log_sd, truth().log_sd)) < 4.5).all()


@each_objective
def test_same_under_jit_and_vmap(name: str, x64: None) -> None:
    estimate, rows = estimator(name), noise(name, 4)
    want = [estimate(state(), row) for row in rows]
    np.testing.assert_allclose(jax.vmap(estimate, (None, 0))(state(), rows), want, rtol=1e-12)
    np.testing.assert_allclose([jax.jit(estimate)(state(), row) for row in rows], want, rtol=1e-12)


@each_objective
@pytest.mark.parametrize("double", [False, True])
def test_keeps_the_precision(name: str, double: bool) -> None:
    with jax.enable_x64(double):
        value, gradient = jax.value_and_grad(estimator(name))(state(), noise(name, 1)[0])
        dtypes = {leaf.dtype for leaf in jax.tree.leaves((value, gradient))}
        assert dtypes == {jnp.dtype("f8" if double else "f4")}
        assert value.shape == ()


@each_objective
def test_is_a_tree(name: str) -> None:
    objective = OBJECTIVES[name]()
    leaves, treedef = jax.tree.flatten(objective)
    assert eqx.tree_equal(jax.tree.unflatten(treedef, leaves), objective)
    assert hash(treedef) == hash(jax.tree.structure(OBJECTIVES[name]()))


@each_objective
def test_the_same_noise_is_the_same_estimate(name: str) -> None:
    estimate = jax.jit(jax.value_and_grad(estimator(name)))
    assert same_bytes(estimate(state(), noise(name, 1)[0]), estimate(state(), noise(name, 1)[0]))


@each_objective
def test_makes_a_method(name: str) -> None:
    objective = OBJECTIVES[name]()
    method = mf.ADVI(objective=objective, draws=3)
    assert method.noise_shape(SIZE) == (
        3 * objective.draws,
        objective.noise_size(MeanField(), SIZE),
    )
    assert method.quantity == objective.quantity


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"family": "mean_field"}, "family must be one of mf.families, got 'mean_field'"),
        ({"objective": "elbo"}, "objective must be one of mf.objectives, got 'elbo'"),
        ({"optimizer": "adam"}, "optimizer must be an optax transformation, got 'adam'"),
    ],
)
def test_a_method_names_the_part_that_is_none(
    argument: dict, message: str, wrong_types: None
) -> None:
    with pytest.raises(TypeError, match=message):
        mf.ADVI(**argument)


@pytest.mark.parametrize("draws", [0, -3])
def test_a_method_needs_draws(draws: int) -> None:
    with pytest.raises(ValueError, match=f"draws must be 1 or more, got {draws}"):
        mf.ADVI(draws=draws)
