"""Loops compiled as one kernel give what they give compiled as usual."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np
import pytest
from jax.extend.core import jaxpr_as_fun

from moonfield._core import one_kernel
from moonfield._core.one_kernel import jit_as_one_kernel

X = np.linspace(0.1, 0.9, 12, dtype=np.float32).reshape(3, 4)
Y = np.linspace(-0.7, 2.0, 12, dtype=np.float32).reshape(4, 3)
N = np.arange(12, dtype=np.uint32).reshape(3, 4)

HELD: dict[str, Callable] = {
    "arithmetic": lambda x, y, n: x + y.T * x - y.T / x + abs(-x) ** 3 + jnp.sign(x),
    "powers": lambda x, y, n: jnp.sqrt(x) + jnp.cbrt(x) + x**1.7 + jax.lax.rsqrt(x) + x**-2,
    "exponentials": lambda x, y, n: jnp.exp(x) + jnp.expm1(x) + jnp.exp2(x),
    "logarithms": lambda x, y, n: jnp.log(x) + jnp.log1p(x) + jnp.log2(x),
    "circular": lambda x, y, n: jnp.sin(x) + jnp.cos(x) + jnp.tan(x),
    "inverse circular": lambda x, y, n: (
        jnp.arcsin(x) + jnp.arccos(x) + jnp.arctan(x) + jnp.arctan2(x, y.T)
    ),
    "hyperbolic": lambda x, y, n: jnp.sinh(x) + jnp.cosh(x) + jnp.tanh(x),
    "inverse hyperbolic": lambda x, y, n: jnp.arcsinh(x) + jnp.arccosh(1 + x) + jnp.arctanh(x),
    "special": lambda x, y, n: special.erf(x) + special.erfc(x) + special.erfinv(x),
    "gamma": lambda x, y, n: special.gammaln(x) + special.digamma(x),
    "activations": lambda x, y, n: (
        jax.nn.gelu(x) + jax.nn.silu(x) + jax.nn.elu(-x) + jax.nn.softplus(x) + jax.nn.relu(y.T)
    ),
    "rounding": lambda x, y, n: jnp.floor(3 * x) + jnp.ceil(3 * x) + jnp.round(3 * x),
    "extremes": lambda x, y, n: jnp.maximum(x, y.T) + jnp.minimum(x, y.T) + jnp.clip(x, 0.2, 0.4),
    "comparisons": lambda x, y, n: jnp.where((x > y.T) & (x <= 0.8) | (x == 0.1), x, y.T),
    "finite": lambda x, y, n: jnp.where(jnp.isfinite(x) ^ (x != x), x, -x),
    "remainder": lambda x, y, n: jnp.remainder(5 * x, 2.0) + jnp.nextafter(x, y.T),
    "bits": lambda x, y, n: ((n << 3) ^ (n >> 1) | ~n & jnp.uint32(7)).astype(jnp.float32),
    "product": lambda x, y, n: x @ y @ x,
    "sums": lambda x, y, n: x + jnp.sum(x) + jnp.max(x, 1, keepdims=True) + jnp.min(x) + x.prod(),
    "any and all": lambda x, y, n: jnp.where(jnp.any(x > 0.5, 1, keepdims=True), x, 2 * x),
    "shapes": lambda x, y, n: jnp.concatenate([x[:, 2:], x[:, :2]], 1)[::-1] + y.reshape(3, 4),
    "stack": lambda x, y, n: jnp.stack([x[:, i] for i in range(4)], 1) + jnp.pad(x, 1)[1:4, 1:5],
    "split": lambda x, y, n: jnp.concatenate(jnp.split(x, 2, 1)[::-1], 1),
    "scan": lambda x, y, n: jax.lax.scan(lambda c, row: (c + row, c * row), x[0], x)[1],
    "softmax": lambda x, y, n: jax.nn.softmax(x) + jax.nn.logsumexp(x, 1, keepdims=True),
    "gradient": lambda x, y, n: jax.grad(lambda x: jnp.sum(jnp.tanh(x @ y) ** 2))(x),
    "gather": lambda x, y, n: jnp.take_along_axis(x, (n % 4).astype(jnp.int32), 1),
    "running sums": lambda x, y, n: jnp.cumsum(x, 1) * jnp.cumprod(x, 1),
    "counter": lambda x, y, n: x + jnp.arange(4, dtype=jnp.float32)[None],
}
NOT_HELD: dict[str, Callable] = {
    "gradient of gather": lambda x, y, n: jax.grad(
        lambda x: jnp.sum(x[n[0, :3].astype(int) % 3] ** 2)
    )(x),
    "sort": lambda x, y, n: jnp.sort(x, 1),
    "cholesky": lambda x, y, n: jnp.linalg.cholesky(x @ x.T + jnp.eye(3)) @ x,
    "convolution": lambda x, y, n: jnp.stack([jnp.convolve(row, y[:, 0], "same") for row in x]),
    "callback": lambda x, y, n: jax.pure_callback(np.cos, jax.ShapeDtypeStruct((3, 4), "f4"), x),
}


def loop(fn: Callable, steps: jax.Array, x: jax.Array, y: jax.Array, n: jax.Array) -> jax.Array:
    def body(i: jax.Array, total: jax.Array) -> jax.Array:
        return total + jnp.float32(0.9) ** i * fn(x, y, n)

    return jax.lax.fori_loop(0, steps, body, jnp.zeros((3, 4), jnp.float32))


def both(fn: Callable) -> tuple[jax.Array, jax.Array]:
    arguments = (fn, np.int32(5), X, Y, N)
    plain = jax.jit(loop, static_argnames="fn")
    return jit_as_one_kernel(loop, ("fn",))(*arguments), plain(*arguments)


@pytest.mark.parametrize("name", HELD)
def test_a_held_loop_gives_the_same_and_is_one_kernel(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = []
    mark = one_kernel.set_xla_metadata
    monkeypatch.setattr(
        one_kernel, "set_xla_metadata", lambda **marked: marks.append(marked) or mark(**marked)
    )
    got, want = both(HELD[name])
    assert marks, f"{name} was not marked: an operation is not in the list"
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", NOT_HELD)
def test_any_other_loop_is_compiled_as_usual(name: str) -> None:
    got, want = both(NOT_HELD[name])
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_the_mark_reaches_the_compiled_program() -> None:
    closed = jax.make_jaxpr(functools.partial(loop, HELD["product"]))(np.int32(5), X, Y, N)

    def marked(*arrays: jax.Array) -> list:
        with one_kernel.set_xla_metadata(**one_kernel._MARK):
            return jax.jit(jaxpr_as_fun(closed))(*arrays)

    lowered = jax.jit(marked, compiler_options=one_kernel._OPTIONS).lower(np.int32(5), X, Y, N)
    text = lowered.compile().as_text()
    calls = [line for line in text.splitlines() if " call(" in line and "ENTRY" not in line]
    assert any("xla_cpu_small_call" in line for line in calls)
    assert not any("xla_cpu_small_call" in line for line in text.splitlines() if " dot(" in line)


def test_a_backend_that_does_not_know_the_option_compiles_as_usual(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(one_kernel, "_OPTIONS", {"xla_no_such_option": ""})
    one_kernel._available.cache_clear()
    try:
        assert not one_kernel._available()
        got, want = both(HELD["arithmetic"])
    finally:
        one_kernel._available.cache_clear()
    np.testing.assert_array_equal(got, want)
