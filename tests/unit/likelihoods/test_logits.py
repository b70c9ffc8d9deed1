"""The softplus of the innermost loop against SciPy, with its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from moonfield.likelihoods.logits import softplus

X = np.array([-1e4, -800.0, -90.0, -17.0, -1.0, -1e-8, 0.0, 1e-8, 0.3, 17.0, 90.0, 800.0, 1e4])


def test_values_and_derivatives_in_64_bits(x64: None) -> None:
    x = jnp.asarray(X)
    slope, curvature = jax.grad(softplus), jax.grad(jax.grad(softplus))
    with np.errstate(under="ignore"):
        np.testing.assert_allclose(softplus(x), np.logaddexp(0.0, X), rtol=1e-14)
        np.testing.assert_allclose(jax.vmap(slope)(x), expit(X), rtol=1e-14)
        np.testing.assert_allclose(jax.vmap(curvature)(x), expit(X) * expit(-X), rtol=1e-13)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_finite_and_near_in_32_bits(order: int) -> None:
    ours, jaxs = softplus, jax.nn.softplus
    for _ in range(order):
        ours, jaxs = jax.grad(ours), jax.grad(jaxs)
    x = jnp.asarray(X, jnp.float32)
    found = np.asarray(jax.vmap(ours)(x))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, jax.vmap(jaxs)(x), rtol=2e-6, atol=2e-7)
