"""PyMC models as programs: what `mf.fit` binds to data."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..._core.trees import default_float
from ...data import Dataset, as_weights
from ...model import AbstractProgram
from .graph import Graph
from .inputs import checked
from .model import PyMCModel
from .rows import number_of_rows, why_not_in_batches


def program(model: Any) -> "PyMCProgram":
    """A PyMC model for `mf.fit(program)`: its own log-density, transforms, dims and coordinates.

    Fit it as it stands, or to other data: `mf.fit(program, data={"X": ...})`. Data go by the names
    of `pm.Data` containers; observed values that were given as an array go by the name of their
    variable. Those with one entry for each entry of the observed variable are rows: they can be
    taken in batches, and predicted for in any number, `posterior.predict({"X": X_new})`.

    Keep the program: a second fit of the same one compiles nothing.

    Raises:
        ImportError: PyMC is not installed.
        TypeError: model is not a `pymc.Model`.
        ValueError: a free variable is discrete, nothing is observed, or rows are scaled by hand
            (`total_size`); the message names the variable.

    Example:
        >>> import moonfield as mf, pymc as pm
        >>> with pm.Model() as regression:
        ...     x = pm.Data("x", [0.0, 1.0, 2.0])
        ...     slope = pm.Normal("slope", 0.0, 1.0)
        ...     y = pm.Normal("y", slope * x, 0.5, observed=[0.1, 0.9, 2.2])
        >>> mf.interop.pymc.program(regression)
        PyMCProgram(slope; observes y)
    """
    return PyMCProgram(Graph(model))


class PyMCProgram(AbstractProgram):
    """What `program` returns."""

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
        model = PyMCModel(
            self.graph,
            {n: np.asarray(v, default_float()) for n, v in self.graph.start().items()},
            jax.device_put(whole),
            tuple((n, a.shape[1:], str(a.dtype)) for n, a in by_row.items()),
            rows,
            reason,
        )
        count = rows if reason is None and rows is not None else model.entries
        if weights is not None and reason is not None:
            raise ValueError(f"weights need rows, but {reason}.")
        checked = None if weights is None else as_weights(weights, count)
        return model, Dataset(by_row, (), checked, None, count, reason is None)

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
