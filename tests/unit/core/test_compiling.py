"""Options for quick compiling are for few numbers; answers are the same."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from moonfield._core import compiling
from moonfield._core.compiling import QUICK_TO_COMPILE, RUNS_ONCE, are_few, quick_jit


def test_numbers_are_counted_over_the_whole_tree() -> None:
    assert are_few(("static", 3, {"a": np.zeros((100, 100)), "b": jnp.zeros(10_000)}))
    assert not are_few(({"a": np.zeros((100, 100))}, jnp.zeros(10_001)))


@pytest.mark.parametrize("options", [QUICK_TO_COMPILE, RUNS_ONCE])
def test_answers_are_those_of_jit(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """On both sides of the limit, with other options on either side."""
    used = []

    def watched(function: Callable, *, compiler_options: dict, **rest: object) -> Callable:
        compiled = jax_jit(function, compiler_options=compiler_options, **rest)

        def call(*args: object) -> jax.Array:
            used.append(compiler_options)
            return compiled(*args)

        return call

    jax_jit = jax.jit
    monkeypatch.setattr(compiling.jax, "jit", watched)

    @functools.partial(quick_jit, static_argnames=("power",), options=options)
    def powers(power: int, x: jax.Array) -> jax.Array:
        return jnp.cumsum(x**power)

    for size in (20_000, 20_001):
        x = np.linspace(0.0, 1.0, size, dtype=np.float32)
        np.testing.assert_allclose(powers(2, x), np.cumsum(x**2), rtol=1e-3)
    assert used[0] == options
    assert used[1] != options
