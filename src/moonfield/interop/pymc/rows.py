"""Whether a PyMC model is a sum over rows that can be taken in batches."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

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


def _why_not_fewer(
    graph: Graph, arrays: Mapping[str, np.ndarray], by_row: set[str], rows: int
) -> str | None:
    """Tries some rows and half of them: each row's log-density must not depend on the others."""
    many = np.linspace(0, rows - 1, min(rows, _TRIED)).astype(int)
    some = many[: max(1, len(many) // 2)]
    wraps = "does not run on fewer rows (give arrays of rows as pm.Data)"
    try:
        found = [_elementwise(graph, _cut(arrays, by_row, part)) for part in (many, some)]
    except (TypeError, ValueError, IndexError) as error:
        return f"it {wraps}: {str(error).splitlines()[0]}"
    for observed, one, other in zip(graph.observed, *found, strict=True):
        if one.shape[:1] != (len(many),) or other.shape[:1] != (len(some),):
            return f"the log-density of {observed.name!r} has no entry for each row, or it {wraps}"
        tolerance = 1e3 * np.finfo(one.dtype).eps
        if not np.allclose(one[: len(some)], other, tolerance, tolerance, equal_nan=True):
            return f"the log-density of a row of {observed.name!r} depends on other rows"
    return None


def _cut(
    arrays: Mapping[str, np.ndarray], by_row: set[str], part: np.ndarray
) -> dict[str, np.ndarray]:
    return {n: a[part] if n in by_row else a for n, a in arrays.items()}


def _elementwise(graph: Graph, data: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The log-densities of observed values at a point off the initial one."""
    rng = np.random.default_rng(0)
    point = {
        name: np.asarray(value + rng.uniform(-1.0, 1.0, value.shape), default_float())
        for name, value in graph.start().items()
    }
    return [np.asarray(out) for out in _log_likelihood(graph, point, dict(data))]


@jax.jit(static_argnames=("graph",))
def _log_likelihood(
    graph: Graph, values: dict[str, Array], data: dict[str, Array]
) -> list[Array]:
    return [jnp.asarray(out) for out in graph("log_likelihood", values, data)]
