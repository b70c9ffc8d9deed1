"""Coordinates of programs: an affine map, and what it does to a model's unconstrained space."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import moonfield as mf
from moonfield.data import full_batch, rows_first, rows_last
from moonfield.inference.placing import conditional_sds
from moonfield.model import Coordinates, space
from moonfield.objectives import log_joint

TRIANGLE = np.array([[2.0, 0.0, 0.0], [0.5, -0.1, 0.0], [30.0, 1.0, 4.0]])


def program(y: np.ndarray) -> None:
    level = numpyro.sample("level", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
    sd = numpyro.sample("sd", dist.HalfNormal(1.0))
    with numpyro.plate("rows", y.shape[0]):
        numpyro.sample("y", dist.Normal(level.sum(), sd), obs=y)


@pytest.mark.parametrize("factor", [TRIANGLE, np.array([0.1, 3.0, -2.0])])
def test_an_affine_map_its_inverse_and_its_determinant(factor: np.ndarray, x64: None) -> None:
    coordinates = Coordinates(jnp.asarray([1.0, -2.0, 1e3]), jnp.asarray(factor))
    u = jnp.asarray([0.3, -1.2, 0.8])
    np.testing.assert_allclose(coordinates.back(coordinates.at(u)), u, rtol=1e-10)
    jacobian = jax.jacobian(coordinates.at)(u)
    np.testing.assert_allclose(
        coordinates.log_det, np.linalg.slogdet(jacobian).logabsdet, rtol=1e-12
    )


def test_a_density_in_coordinates_is_the_same_density(x64: None) -> None:
    model, rows = mf.Program(program).bind({"y": np.array([0.5, 1.5, 0.7])})
    moved = model.within(Coordinates(jnp.asarray([1.0, -0.5, 0.2]), jnp.asarray(TRIANGLE)))
    u = jnp.asarray([0.1, 0.4, -0.3])
    z = moved.coordinates.at(u)
    batch = rows_first(rows_last(full_batch(rows)))
    plain = log_joint(model, space(model), z, batch, 1.0)
    there = log_joint(moved, space(moved), u, batch, 1.0)
    np.testing.assert_allclose(there, plain + moved.coordinates.log_det, rtol=1e-10)
    params, _ = space(moved).constrain(u)
    np.testing.assert_allclose(space(moved).unconstrain(params), u, rtol=1e-8)


def test_conditional_sds_are_those_of_the_precision() -> None:
    precision = np.linalg.inv(TRIANGLE @ TRIANGLE.T)
    np.testing.assert_allclose(conditional_sds(TRIANGLE), np.diag(precision) ** -0.5, rtol=1e-8)
