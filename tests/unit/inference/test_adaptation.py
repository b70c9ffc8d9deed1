"""The whitening of chains: the same places, and the same density's slopes, in new terms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from moonfield.inference.chains.adaptation import empty_window, gathered, rewhitened
from moonfield.model import Coordinates


@pytest.mark.parametrize("dense", [True, False])
def test_rewhitened_places_and_slopes_are_the_same_in_new_terms(dense: bool, x64: None) -> None:
    spread = np.tril(np.random.default_rng(1).normal(size=(3, 3))) + 3.0 * np.eye(3)
    factor = jnp.asarray(spread if dense else np.diag(spread))
    old = Coordinates(jnp.asarray([1.0, -2.0, 0.5]), factor)
    window = empty_window(old)
    scales = np.broadcast_to([3.0, 1.0, 0.2], (30, 4, 3))
    draws = scales * jax.random.normal(jax.random.key(0), (30, 4, 3), jnp.float64)
    for u in draws:
        window = gathered(window, u)

    def slopes(gaussian: Coordinates, u: jax.Array) -> jax.Array:
        density = lambda u: jnp.sum(norm.logpdf(gaussian.at(u), 0.3, 2.0) ** 3)  # noqa: E731
        return jax.vmap(jax.grad(density))(u)

    new, moved, turned = rewhitened(old, window, draws[-1], slopes(old, draws[-1]))
    assert not np.allclose(new.factor, old.factor)
    places = [jax.vmap(gaussian.at)(u) for gaussian, u in ((old, draws[-1]), (new, moved))]
    np.testing.assert_allclose(*places, rtol=1e-10)
    np.testing.assert_allclose(turned, slopes(new, moved), rtol=1e-9)


def test_a_window_that_is_not_finite_changes_nothing() -> None:
    old = Coordinates(jnp.zeros(2), jnp.eye(2))
    window = empty_window(old)._replace(total=jnp.asarray(4.0), products=jnp.full((2, 2), jnp.nan))
    u = jnp.asarray([[1.0, 2.0], [3.0, 4.0]])
    for new, same in zip(rewhitened(old, window, u, -u), (old, u, -u), strict=True):
        for one, other in zip(jax.tree.leaves(new), jax.tree.leaves(same), strict=True):
            np.testing.assert_array_equal(one, other)
