"""The maximiser on objectives whose maximum is known."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import moonfield as mf
from moonfield.inference.optimise import NEWTON_SIZE, maximise
from tests.integration.fits import CountsCompilations


class Function(eqx.Module):
    """A callable tree: a function of its arrays and of z."""

    function: Callable = eqx.field(static=True)
    arrays: tuple = ()

    def __call__(self, z: jax.Array) -> jax.Array:
        return self.function(z, *self.arrays)


def starts(count: int, size: int, far: float = 1.0) -> jax.Array:
    return jnp.asarray(far * np.random.default_rng(1).normal(size=(count, size)), float)


def quadratic(z: jax.Array, precision: jax.Array, mean: jax.Array, top: jax.Array) -> jax.Array:
    return top - 0.5 * (z - mean) @ precision @ (z - mean)


def correlated(size: int, condition: float, top: float = 0.0) -> Function:
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(size, size)))[0]
    precision = axes * np.geomspace(1.0, condition, size) @ axes.T
    numbers = (precision, rng.normal(size=size), top)
    return Function(quadratic, tuple(jnp.asarray(number, float) for number in numbers))


def rosenbrock(z: jax.Array) -> jax.Array:
    return -jnp.sum(100.0 * (z[1:] - z[:-1] ** 2) ** 2 + (1.0 - z[:-1]) ** 2)


def funnel(z: jax.Array) -> jax.Array:
    """Neal's: z[0] is the log variance of all others."""
    return -(z[0] ** 2) / 18.0 - 0.5 * jnp.sum(z[1:] ** 2 * jnp.exp(-z[0]) + z[0])


def inside(z: jax.Array) -> jax.Array:
    """Not a number outside of the positive numbers; the mode is at 3."""
    return jnp.sum(3.0 * jnp.log(z) - z)


def bounded(z: jax.Array) -> jax.Array:
    """Not finite further out than 2."""
    return jnp.sum(jnp.log(4.0 - z**2)) + jnp.sum(z)


def error_in_sds(objective: Function, point: jax.Array) -> float:
    precision, mean, _ = (np.asarray(array, np.float64) for array in objective.arrays)
    error = np.asarray(point, np.float64) - mean
    return float(np.sqrt(error @ precision @ error))


@pytest.mark.parametrize("top", [0.0, -1e5])
@pytest.mark.parametrize("double", [False, True])
def test_correlated_quadratic(double: bool, top: float) -> None:
    """At -10^5 a value has two digits behind the point in 32 bits; the gradient has more."""
    with jax.enable_x64(double):
        objective = correlated(10, 1e4, top)
        optimum = maximise(objective, starts(1, 10))
        assert optimum.point.dtype == objective.arrays[1].dtype
        assert optimum.result is mf.Result.converged
        assert error_in_sds(objective, optimum.point) < 1e-3


def test_large_quadratic_without_a_hessian() -> None:
    objective = correlated(NEWTON_SIZE + 100, 1e3)
    optimum = maximise(objective, starts(1, NEWTON_SIZE + 100))
    assert optimum.result is mf.Result.converged
    assert error_in_sds(objective, optimum.point) < 0.01


def test_curved_valley() -> None:
    optimum = maximise(Function(rosenbrock), starts(4, 12))
    np.testing.assert_allclose(optimum.point, np.ones(12), rtol=1e-4)
    assert optimum.result is mf.Result.converged
    assert optimum.value == max(*optimum.values, optimum.value)
    assert len(optimum.values) == 4


def test_funnel_to_its_mode() -> None:
    """The mode is at log variance -81 (curvature e^81 in all others)."""
    optimum = maximise(Function(funnel), starts(4, 19))
    np.testing.assert_allclose(optimum.point[0], -81.0, rtol=1e-3)
    np.testing.assert_allclose(optimum.value, 364.5, rtol=1e-5)


def test_steps_out_of_the_finite_region_are_halved() -> None:
    optimum = maximise(Function(inside), jnp.asarray([[1e-3, 1e3], [40.0, 0.1]]))
    np.testing.assert_allclose(optimum.point, [3.0, 3.0], rtol=1e-4)


def test_a_start_that_is_not_finite_is_halved() -> None:
    optimum = maximise(Function(bounded), starts(1, 4, far=1e6))
    np.testing.assert_allclose(optimum.point, np.full(4, np.sqrt(5.0) - 1.0), rtol=1e-4)


def test_starts_that_stay_lost_do_not_spoil_the_others() -> None:
    both = jnp.asarray([[-1.0, -1.0], [1.0, 2.0]])
    optimum = maximise(Function(inside), both)
    np.testing.assert_allclose(optimum.point, [3.0, 3.0], rtol=1e-4)
    assert optimum.values[0] == -np.inf


def test_nowhere_finite_is_data() -> None:
    optimum = maximise(Function(inside), jnp.asarray([[-1.0, -1.0], [-2.0, 1.0]]))
    assert optimum.result is mf.Result.nonfinite


def test_trace_rises_to_the_optimum_and_gradients_are_counted() -> None:
    optimum = maximise(correlated(10, 100.0), starts(1, 10))
    assert (np.diff(optimum.trace) >= 0.0).all()
    assert optimum.trace[-1] == optimum.value
    assert optimum.evaluations > len(optimum.trace)


def test_another_objective_of_the_same_structure_compiles_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, other, z = correlated(10, 10.0), correlated(10, 77.0, 3.0), starts(1, 10)
    maximise(first, z)
    with CountsCompilations(caplog) as count:
        maximise(other, 2.0 + z)
    assert [name for name in count.names if "_maximise" in name] == []
