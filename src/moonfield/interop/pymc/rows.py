"""Whether a PyMC model is a sum over rows that can be taken in batches."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..._core.trees import default_float
from .graph import Graph

_TRIED = 64  # rows that the graph is tried on


def number_of_rows(graph: Graph, arrays: Mapping[str, np.ndarray]) -> int | None:
    """The length of the observed variables' first axis; None where they have none or differ."""
    shapes = [arrays[o.data].shape for o in graph.observed]
    lengths = {shape[0] if shape else None for shape in shapes}
    return lengths.pop() if len(lengths) == 1 else None


def why_not_in_batches(
    graph: Graph, arrays: Mapping[str, np.ndarray], rows: int | None
) -> str | None:
    """The reason, in words; None where batches are unbiased."""
    if rows is None:
        return "its observed variables do not have the same number of rows"
    by_row = {n for n, a in arrays.items() if a.ndim and a.shape[0] == rows}
    for function in ("log_prior", "constrained"):
        for name in sorted(graph.depends(function) & by_row):
            return f"its prior or a potential depends on the rows of {name!r}"
    return _why_not_fewer(graph, arrays, by_row, rows)


def by_single_rows(
    graph: Graph, values: PyTree, whole: Mapping[str, Array], rows: Mapping[str, Array]
) -> Float[Array, " rows"]:
    """The log-likelihood of each row, computed from that row alone."""

    def one(row: dict[str, Array]) -> Array:
        single = {name: array[None] for name, array in row.items()}
        parts = graph("log_likelihood", values, {**whole, **single})
        return sum((jnp.sum(part) for part in parts), start=jnp.zeros((), default_float()))

    last = {name: jnp.moveaxis(array, 0, -1) for name, array in rows.items()}
    return jax.vmap(one, in_axes=-1)(last)


def _why_not_fewer(
    graph: Graph, arrays: Mapping[str, np.ndarray], by_row: set[str], rows: int
) -> str | None:
    """Tries rows together and alone: a row's log-density must not depend on the others."""
    part = np.linspace(0, rows - 1, min(rows, _TRIED)).astype(int)
    whole = {n: a for n, a in arrays.items() if n not in by_row}
    some = {n: a[part] for n, a in arrays.items() if n in by_row}
    wraps = "does not run on fewer rows (give arrays of rows as pm.Data)"
    try:
        together, alone = _both_ways(graph, _off_the_start(graph), whole, some)
    except (TypeError, ValueError, IndexError) as error:
        return f"it {wraps}: {str(error).splitlines()[0]}"
    for observed, logp in zip(graph.observed, together, strict=True):
        if logp.shape[:1] != part.shape:
            return f"the log-density of {observed.name!r} has no entry for each row, or it {wraps}"
    total = sum(np.asarray(logp).reshape(len(part), -1).sum(axis=1) for logp in together)
    tolerance = 1e3 * np.finfo(default_float()).eps
    if not np.allclose(total, alone, tolerance, tolerance, equal_nan=True):
        return "the log-density of a row depends on other rows"
    return None


def _off_the_start(graph: Graph) -> dict[str, np.ndarray]:
    """A point where no weight is 0, so that dependences show."""
    rng = np.random.default_rng(0)
    return {
        name: np.asarray(value + rng.uniform(-1.0, 1.0, value.shape), default_float())
        for name, value in graph.start().items()
    }


@functools.partial(jax.jit, static_argnames=("graph",))
def _both_ways(
    graph: Graph, values: PyTree, whole: dict[str, Array], rows: dict[str, Array]
) -> tuple[list[Array], Array]:
    together = graph("log_likelihood", values, {**whole, **rows})
    return together, by_single_rows(graph, values, whole, rows)
