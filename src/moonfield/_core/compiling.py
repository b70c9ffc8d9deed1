"""Programs that compile longer than they run, on the CPU.

XLA compiles such a program in about half the time without fused kernels; its loops over many rows
would then take three to six times as long, so only programs of few numbers are compiled so.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

QUICK_TO_COMPILE = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}
RUNS_ONCE = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
_AS_QUICK = {"xla_backend_optimization_level": 1}  # as quick as the default to run many numbers
_FEW = 20_000


def quick_jit(
    function: Callable, static_argnames: tuple[str, ...], options: dict[str, Any]
) -> Callable:
    """`jax.jit(function)` with these options where its arguments hold few numbers."""
    compiled = functools.partial(jax.jit, function, static_argnames=static_argnames)
    few, many = compiled(compiler_options=options), compiled(compiler_options=_AS_QUICK)

    @functools.wraps(function)
    def chosen(*args: Any) -> Any:
        return (few if are_few(args) else many)(*args)

    return chosen


def are_few(args: Any) -> bool:
    """Whether the arrays of a tree hold few numbers in all."""
    leaves = jax.tree.leaves(args)
    return sum(leaf.size for leaf in leaves if isinstance(leaf, jax.Array | np.ndarray)) <= _FEW
