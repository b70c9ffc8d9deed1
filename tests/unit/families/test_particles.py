"""Draws of particles go through all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from moonfield.families.particles import evenly


@pytest.mark.parametrize("count", [1, 2, 7, 46_340, 46_341, 100_000])
def test_as_many_draws_as_points_visit_each_once(count: int) -> None:
    """From 46,341 on the product of two of their numbers is more than 32 bits hold."""
    places = jax.vmap(lambda index: evenly(jax.random.key(0), index, count))(jnp.arange(count))
    np.testing.assert_array_equal(np.sort(places), np.arange(count))
