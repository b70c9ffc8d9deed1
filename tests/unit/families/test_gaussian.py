"""A Gaussian and a Gaussian of some coordinates, against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from moonfield.families import Conditional, Gaussian
from tests.helpers import in_units_of_error

MEAN = np.asarray([1.0, -2.0, 0.5])
ROOT = np.asarray([[2.0, 0.0, 0.0], [1.5, 0.5, 0.0], [-0.3, 0.2, 0.1]])
KEY = jax.random.key(3)


def gaussian() -> Gaussian:
    return Gaussian(jnp.asarray(MEAN, float), jnp.asarray(ROOT, float))


def test_density_and_entropy(x64: None) -> None:
    want = stats.multivariate_normal(MEAN, ROOT @ ROOT.T)
    z = np.asarray([0.3, -1.0, 0.8])
    np.testing.assert_allclose(gaussian().log_prob(jnp.asarray(z)), want.logpdf(z), rtol=1e-12)
    np.testing.assert_allclose(gaussian().entropy(), want.entropy(), rtol=1e-12)


def test_draws_have_its_moments() -> None:
    draws = np.asarray(jax.vmap(gaussian().draw, (None, 0))(KEY, jnp.arange(20_000)))
    mean, sd = gaussian().moments()
    covariance = ROOT @ ROOT.T
    np.testing.assert_allclose(mean, MEAN)
    np.testing.assert_allclose(np.asarray(sd) ** 2, covariance.diagonal(), rtol=1e-6)
    centred = draws - MEAN
    assert (np.abs(in_units_of_error(draws, MEAN)) < 4.5).all()
    products = centred[:, :, None] * centred[:, None, :]
    assert (np.abs(in_units_of_error(products, covariance)) < 4.5).all()


def test_only_free_coordinates_are_distributed() -> None:
    point = jnp.asarray([9.0, 8.0, 7.0, 6.0, 5.0])
    free = np.asarray([4, 0, 2], np.int32)
    conditional = Conditional(point, jnp.asarray(free), gaussian())
    index = jnp.asarray(11)
    draw = np.asarray(conditional.draw(KEY, index))
    np.testing.assert_array_equal(draw[free], gaussian().draw(KEY, index))
    np.testing.assert_array_equal(draw[[1, 3]], [8.0, 6.0])
    mean, sd = (np.asarray(moment) for moment in conditional.moments())
    np.testing.assert_allclose(mean, [MEAN[1], 8.0, MEAN[2], 6.0, MEAN[0]])
    np.testing.assert_array_equal(sd[free], gaussian().moments()[1])
    np.testing.assert_array_equal(sd[[1, 3]], [0.0, 0.0])
