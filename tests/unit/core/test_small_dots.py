"""Small matrix products become sums; nothing else changes."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from moonfield._core.small_dots import fuse_small_dots

RNG = np.random.default_rng(3)

# left shape, right shape, ((contracted left, right), (batch left, right))
CASES: list[tuple[tuple, tuple, Any]] = [
    ((3, 4), (4, 5), (((1,), (0,)), ((), ()))),
    ((4, 3), (4, 5), (((0,), (0,)), ((), ()))),
    ((3, 4), (5, 4), (((1,), (1,)), ((), ()))),
    ((3, 4), (4,), (((1,), (0,)), ((), ()))),
    ((4,), (4, 3), (((0,), (0,)), ((), ()))),
    ((4,), (4,), (((0,), (0,)), ((), ()))),
    ((3,), (4,), (((), ()), ((), ()))),
    ((2, 3, 4), (2, 4, 5), (((2,), (1,)), ((0,), (0,)))),
    ((3, 2, 4), (4, 5, 2), (((2,), (0,)), ((1,), (2,)))),
    ((2, 3, 4), (5, 3, 2), (((1, 0), (1, 2)), ((), ()))),
    ((2, 6, 3, 4), (3, 4, 6, 2), (((3,), (1,)), ((0, 2), (3, 0)))),
    ((2, 5), (2, 5), (((), ()), ((0, 1), (0, 1)))),
    ((2, 3), (2, 4), (((), ()), ((0,), (0,)))),
    ((3, 0), (0, 4), (((1,), (0,)), ((), ()))),
]
each_case = pytest.mark.parametrize(("left", "right", "numbers"), CASES)


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(RNG.normal(size=shape), float)


def count_dots(fn: Callable, *args: Any) -> int:
    def walk(jaxpr: Any) -> Iterator[str]:
        for eqn in jaxpr.eqns:
            yield eqn.primitive.name
            for value in eqn.params.values():
                for sub in value if isinstance(value, tuple | list) else [value]:
                    inner = getattr(sub, "jaxpr", sub)
                    if hasattr(inner, "eqns"):
                        yield from walk(inner)

    return list(walk(jax.make_jaxpr(fn)(*args).jaxpr)).count("dot_general")


@each_case
def test_agrees_for_every_kind_of_product(
    left: tuple, right: tuple, numbers: Any, x64: None
) -> None:
    def product(a: jax.Array, b: jax.Array) -> jax.Array:
        return jax.lax.dot_general(a, b, numbers)

    a, b = normal(*left), normal(*right)
    got, want = fuse_small_dots(product)(a, b), product(a, b)
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    if want.ndim:
        assert count_dots(fuse_small_dots(product), a, b) == 0


@each_case
def test_agrees_under_grad(left: tuple, right: tuple, numbers: Any, x64: None) -> None:
    def loss(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(jax.lax.dot_general(a, b, numbers)))

    a, b = normal(*left), normal(*right)
    want = jax.jit(jax.grad(loss, (0, 1)))(a, b)
    got = jax.jit(fuse_small_dots(jax.grad(loss, (0, 1))))(a, b)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)


@each_case
@pytest.mark.parametrize("axes", [(0, None), (0, 0)])
def test_agrees_under_vmap(left: tuple, right: tuple, numbers: Any, axes: tuple, x64: None) -> None:
    def product(a: jax.Array, b: jax.Array) -> jax.Array:
        return jax.lax.dot_general(a, b, numbers)

    a = normal(3, *left) if axes[0] == 0 else normal(*left)
    b = normal(3, *right) if axes[1] == 0 else normal(*right)
    want = jax.vmap(product, axes)(a, b)
    for fused in (
        fuse_small_dots(jax.vmap(product, axes)),
        jax.vmap(fuse_small_dots(product), axes),
    ):
        np.testing.assert_allclose(jax.jit(fused)(a, b), want, rtol=1e-12, atol=1e-14)


def test_large_products_are_left_alone() -> None:
    a, b = normal(50, 50), normal(50, 50)
    assert count_dots(fuse_small_dots(jnp.matmul), a, b) == 1
    assert count_dots(fuse_small_dots(jnp.matmul), a[:5], b[:, :5]) == 0
    np.testing.assert_array_equal(
        jax.jit(fuse_small_dots(jnp.matmul))(a, b), jax.jit(jnp.matmul)(a, b)
    )


def test_the_size_that_counts_is_that_of_all_rows() -> None:
    """A tiny product for each of many rows is a large product."""
    weights, rows = normal(5, 5), normal(10_000, 5)
    assert count_dots(fuse_small_dots(jax.vmap(jnp.matmul, (None, 0))), weights, rows) == 1


@pytest.mark.parametrize(
    "fn",
    [
        lambda w, x: jax.nn.relu(w @ x),
        lambda w, x: jax.nn.log_softmax(w @ x),
        lambda w, x: jax.scipy.special.gammaln(jax.nn.softplus(w @ x)),
        jax.jit(jnp.matmul),
        lambda w, x: jax.checkpoint(lambda v: jnp.tanh(w @ v))(x),
        lambda w, x: jax.lax.scan(lambda c, _: (jnp.tanh(w @ c), c), x, None, length=3),
        lambda w, x: jax.lax.cond(x[0] > 0, lambda v: w @ v, lambda v: -v, x),
        lambda w, x: jax.lax.fori_loop(0, 3, lambda _, c: w @ c, x),
        lambda w, x: {"a": (w @ x, x), "b": [w.sum()]},
        lambda w, x: (w @ x).astype(int),
        lambda w, x: w @ x + jnp.arange(4.0),
        lambda w, x: jax.random.normal(jax.random.key(0), (4,)) + w @ x,
    ],
)
def test_whatever_stands_around_a_product(fn: Callable) -> None:
    w, x = normal(4, 4), normal(4)
    want, got = fn(w, x), fuse_small_dots(fn)(w, x)
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_rules_of_one_s_own_for_derivatives_survive() -> None:
    @jax.custom_vjp
    def doubled(x: jax.Array) -> jax.Array:
        return 2.0 * x

    doubled.defvjp(lambda x: (2.0 * x, None), lambda _, g: (100.0 * g,))
    w, x = normal(4, 4), normal(4)

    def loss(w: jax.Array) -> jax.Array:
        return jnp.sum(doubled(w @ x))

    got = fuse_small_dots(jax.value_and_grad(loss))(w)
    want = jax.value_and_grad(loss)(w)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-5)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-5)
    np.testing.assert_allclose(got[1][0], 100.0 * x, rtol=1e-5)


@pytest.mark.parametrize(("dtype", "want"), [("bfloat16", "float32"), ("int8", "int32")])
def test_the_type_that_was_asked_for_is_kept(dtype: str, want: str) -> None:
    def product(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.matmul(a, b, preferred_element_type=want)

    a, b = jnp.full((3, 4), 100, dtype), jnp.full((4, 2), 100, dtype)
    assert fuse_small_dots(product)(a, b).dtype == product(a, b).dtype
    np.testing.assert_array_equal(fuse_small_dots(product)(a, b), product(a, b))
