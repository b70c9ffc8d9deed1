"""Hessians, and inverses of matrices that may not be positive definite."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from moonfield.inference.curvature import (
    check_size,
    diagonal_precision_at,
    hessian_of,
    invert,
    precision_at,
)


class Waves(eqx.Module):
    """A function whose Hessian has no zeros."""

    phase: jax.Array

    def __call__(self, z: jax.Array) -> jax.Array:
        return jnp.sin(jnp.sum(z) + self.phase) * jnp.sum(z**3)


def test_second_derivatives_are_those_of_jax(x64: None) -> None:
    waves, z = Waves(jnp.asarray(0.3)), jnp.linspace(-1.0, 2.0, 19)  # more than one batch of rows
    want = np.asarray(jax.hessian(waves)(z))
    free = np.asarray([17, 2, 9])
    np.testing.assert_allclose(hessian_of(waves, z), want, rtol=1e-12)
    np.testing.assert_allclose(precision_at(waves, z), -want, rtol=1e-12)
    np.testing.assert_allclose(precision_at(waves, z, free), -want[np.ix_(free, free)], rtol=1e-12)
    np.testing.assert_allclose(diagonal_precision_at(waves, z), -want.diagonal(), rtol=1e-12)


def test_inverse_of_a_badly_scaled_precision() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 8))
    scale = np.geomspace(1e-6, 1e6, 5)
    precision = scale[:, None] * (root @ root.T) * scale
    inverse = invert(precision)
    assert inverse.replaced == 0
    assert np.array_equal(inverse.root, np.tril(inverse.root))
    assert (inverse.root.diagonal() > 0).all()
    unscaled = scale[:, None] * (inverse.root @ inverse.root.T) * scale
    np.testing.assert_allclose(unscaled, np.linalg.inv(root @ root.T), rtol=1e-9)
    np.testing.assert_allclose(inverse.log_det, -np.linalg.slogdet(precision)[1], rtol=1e-12)


def test_negative_curvature_counts_by_its_size() -> None:
    inverse = invert(np.diag([4.0, -9.0, 1.0]))
    assert inverse.replaced == 1
    np.testing.assert_allclose(inverse.root, np.diag([1 / 2, 1 / 3, 1.0]), rtol=1e-12)


def test_a_flat_direction_gets_a_finite_sd() -> None:
    inverse = invert(np.diag([1.0, 0.0]))
    assert inverse.replaced == 1
    assert np.isfinite(inverse.root).all()
    assert inverse.root[1, 1] > 1e3


def test_what_would_not_fit_is_refused() -> None:
    check_size(10_000, "No matter.")
    with pytest.raises(ValueError, match=r"10,001 numbers is too large.*Do something else\."):
        check_size(10_001, "Do something else.")
