"""PyMC models as programs: what `mf.fit` binds to data."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..._core.trees import default_float
from ...data import Dataset
from ...model import AbstractProgram, Binding, checked_weights
from .graph import Graph
from .inputs import checked
from .pymc_model import PyMCModel
from .rows import number_of_rows, why_not_in_batches


class PyMCProgram(AbstractProgram):
    """What `mf.interop.pymc.program` returns."""

    def __init__(self, graph: Graph):
        self.graph = graph

    def __repr__(self) -> str:
        observed = ", ".join(o.name for o in self.graph.observed)
        return f"PyMCProgram({', '.join(self.graph.names)}; observes {observed})"

    def bind(self, data: Any = None, weights: Any = None) -> tuple[PyMCModel, Dataset]:
        """The model under its own data, or under data of which some are replaced.

        Raises:
            TypeError, ValueError: there are no such data, or they are not finite or of another
                kind or number of axes; the message names them.
        """
        arrays = self._arrays(data)
        rows = number_of_rows(self.graph, arrays)
        reason = why_not_in_batches(self.graph, arrays, rows)
        by_row = {n: a for n, a in arrays.items() if reason is None and _is_by_row(a, rows)}
        whole = {n: a for n, a in arrays.items() if n not in by_row}
        kinds = tuple((n, a.shape[1:], str(a.dtype)) for n, a in by_row.items())
        model = self._bound(Binding(whole, {}, kinds, rows), reason)
        count = rows if reason is None and rows is not None else model.entries
        given = checked_weights(weights, count, reason)
        return model, Dataset(by_row, (), given, None, count, reason is None)

    def rebuild(self, binding: Binding) -> PyMCModel:
        names = {*binding.whole, *(name for name, *_ in binding.by_row)}
        if names != {*self.graph.inputs}:
            raise ValueError(f"its data are {sorted(names)}, the model's {[*self.graph.inputs]}")
        whole = {n: checked(n, a, self.graph.inputs[n].value) for n, a in binding.whole.items()}
        kept, reason = binding._replace(whole=whole), None
        if not binding.by_row:
            reason = why_not_in_batches(self.graph, whole, binding.rows)
        return self._bound(kept, reason)

    def _bound(self, binding: Binding, refusal: str | None) -> PyMCModel:
        return PyMCModel(
            graph=self.graph,
            centre={n: np.asarray(v, default_float()) for n, v in self.graph.start().items()},
            whole=jax.device_put(dict(binding.whole)),
            by_row=tuple(binding.by_row),
            rows=binding.rows,
            refusal=refusal,
        )

    def _arrays(self, data: Any) -> dict[str, np.ndarray]:
        """All data, checked: those given, else the model's own."""
        given = {} if data is None else data
        if not isinstance(given, Mapping):
            raise TypeError(f"data must map names to values, got {type(data).__name__}.")
        inputs = self.graph.inputs
        for name in given:
            if name not in inputs:
                raise ValueError(f"The model has no data {name!r}. It has {', '.join(inputs)}.")
        values = {n: given.get(n, own.value) for n, own in inputs.items()}
        return {n: checked(n, v, inputs[n].value) for n, v in values.items()}


def _is_by_row(array: np.ndarray, rows: int | None) -> bool:
    return array.ndim > 0 and array.shape[0] == rows
