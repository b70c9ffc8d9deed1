"""`log(1 + exp(x))` for the innermost loop: value and slope share one exponential."""

import jax
import jax.numpy as jnp
from jaxtyping import Array


@jax.custom_jvp
def softplus(x: Array) -> Array:
    """`log(1 + exp(x))`, elementwise, for any finite x."""
    return _softplus(x, _tail(x))


@softplus.defjvp
def _softplus_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    return _softplus(x, _tail(x)), _sigmoid(x) * dx


@jax.custom_jvp
def _sigmoid(x: Array) -> Array:
    u = _tail(x)
    return jnp.where(x >= 0, 1.0, u) / (1.0 + u)


@_sigmoid.defjvp
def _sigmoid_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    s = _sigmoid(x)
    return s, s * _sigmoid(-x) * dx


def _softplus(x: Array, u: Array) -> Array:
    return jnp.maximum(x, 0.0) + jnp.log1p(u)


def _tail(x: Array) -> Array:
    return jnp.exp(-jnp.abs(x))
