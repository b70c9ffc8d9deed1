"""Whether a program's rows can be looked at one by one: tried, not believed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._core.compiling import RUNS_ONCE
from .._core.trees import Structure, default_float, split
from ..data import Batch
from .bound_program import BoundProgram

_ROWS = 64
_TOLERANCE = 1e-3


def why_not_alone(model: BoundProgram, rows: dict[str, np.ndarray]) -> str | None:
    """Why a row's log-likelihood depends on other rows (a mean over rows, say); None if not.

    Up to 64 rows are evaluated together and one by one at a random point, and the prior with them
    and without: batches and padded rows must change neither.
    """
    structure, arrays = split(model)
    few = {name: array[:_ROWS] for name, array in rows.items()}
    try:
        together, alone, prior, with_rows = _densities(structure, arrays, few)
    except (TypeError, ValueError, IndexError) as error:
        return f"it does not run on single rows ({error})"
    if not _same(prior, with_rows):
        return "the prior of its parameters depends on the rows"
    return None if _same(together, alone) else "a row's density depends on other rows"


@functools.partial(jax.jit, static_argnames="structure", compiler_options=RUNS_ONCE)
def _densities(
    structure: Structure, arrays: list[Array], few: dict[str, Array]
) -> tuple[Array, Array, Array, Array]:
    model = structure.join(arrays)
    params = model.init(jax.random.key(0))
    count = next(iter(few.values())).shape[0]
    local = jax.random.normal(jax.random.key(1), (count, model.local_size), default_float())

    def rows(inputs: dict[str, Array], local: Array) -> Array:
        likelihood, prior = model.log_local(params, local, Batch(inputs, (), jnp.ones(len(local))))
        return likelihood + prior

    def alone(row: dict[str, Array], local: Array) -> Array:
        return rows(jax.tree.map(lambda leaf: leaf[None], row), local[None])[0]

    prior = model.log_prior(params), model.log_prior_given(params, few)
    return rows(few, local), jax.vmap(alone)(few, local), *prior


def _same(a: Array, b: Array) -> bool:
    one, other = (np.asarray(values, np.float64) for values in (a, b))
    return bool(np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True))
