"""A PyMC model under given data: a model like any other."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, PyTree

from ..._core.trees import default_float
from ...data import Batch, Dataset
from ...model import AbstractBoundProgram, Binding, Coordinates
from .distributions import Kind, can_predict, distribution, kind_of
from .graph import Graph
from .inputs import inputs_by_row, inputs_instead
from .reading import Observed, operation
from .rows import by_single_rows


class PyMCModel(AbstractBoundProgram):
    """What a PyMC program becomes when it is fitted.

    Parameters are a dict of PyMC's value variables, unconstrained, by the names of the free
    variables; the Jacobians of their transforms are part of `log_prior`, as in PyMC.
    """

    graph: Graph = eqx.field(static=True)
    centre: dict[str, Any]  # PyMC's initial point
    whole: dict[str, Array]  # data that are not rows
    by_row: tuple[tuple[str, tuple[int, ...], str], ...] = eqx.field(static=True)
    rows: int | None = eqx.field(static=True)
    refusal: str | None = eqx.field(static=True)  # why it cannot take batches
    measured_in: Coordinates | None = None

    @property
    def binding(self) -> Binding:
        return Binding(self.whole, {}, self.by_row, self.rows)

    @property
    def entries(self) -> int:
        """How many log-likelihoods there are without batches: rows, or 1 if they do not align."""
        return jax.eval_shape(lambda: self._entries(self.centre, self.whole)).shape[0]

    def init(self, key: Array) -> PyTree:
        """PyMC's initial point, moved by uniform numbers on (-1, 1)."""
        keys = jax.random.split(key, max(1, len(self.centre)))
        return {
            name: value + jax.random.uniform(k, value.shape, value.dtype, -1.0, 1.0)
            for k, (name, value) in zip(keys, self.centre.items(), strict=False)
        }

    def sample_prior(self, key: Array) -> PyTree:
        draws = self.graph.draw_prior(key, self.whole)
        return self.from_start(draws)

    def supports(self) -> PyTree:
        return dict.fromkeys(self.centre, dist.constraints.real)

    def log_prior(self, params: PyTree) -> Float[Array, ""]:
        terms = self.graph("log_prior", params, self.whole)
        return sum((jnp.sum(term) for term in terms), start=jnp.zeros((), default_float()))

    def log_likelihood(self, params: PyTree, batch: Batch) -> Float[Array, " rows"]:
        if not self.minibatchable:
            return self._entries(params, self.whole)
        return by_single_rows(self.graph, params, self.whole, batch.inputs)

    def _entries(self, params: PyTree, data: Mapping[str, Any]) -> Float[Array, " entries"]:
        """Of each row where all observed variables have an entry for each, else their sum."""
        parts = self.graph("log_likelihood", params, data)
        lengths = {part.shape[0] if part.ndim else None for part in parts}
        aligned = len(lengths) == 1 and None not in lengths
        sums = [jnp.sum(part, axis=range(1 if aligned else 0, part.ndim)) for part in parts]
        total = sum(sums[1:], start=sums[0]) if sums else jnp.zeros((), default_float())
        return total if aligned else total[None]

    def predictive(self, params: PyTree, inputs: PyTree) -> dist.Distribution:
        kind = self._predicts
        parameters = self.graph("parameters", params, {**self.whole, **inputs})
        shape = self.graph.inputs[self.target.data].value.shape
        if self.minibatchable:
            shape = (self.count(inputs), *shape[1:])
        return distribution(kind, parameters, shape)

    def moments(self, params: PyTree, inputs: PyTree) -> tuple[Array, Array]:
        fn: Any = self.predictive(params, inputs)
        if self._predicts.classes and not self._predicts.binary:
            return fn.probs, fn.probs * (1.0 - fn.probs)
        return fn.mean, jnp.broadcast_to(fn.variance, fn.mean.shape)

    @property
    def _predicts(self) -> Kind:
        return kind_of(self.graph.observed)

    @property
    def kind(self) -> str:
        return "classes" if self._predicts.classes else "numbers"

    @property
    def binary(self) -> bool:
        return self._predicts.binary

    @property
    def discrete(self) -> bool:
        return self._predicts.discrete

    @property
    def target(self) -> Observed:
        """The observed variable that predictions are about."""
        kind_of(self.graph.observed)
        return self.graph.observed[0]

    @property
    def needed(self) -> tuple[str, ...]:
        """The rows that the predicted distribution depends on."""
        used = self.graph.depends("parameters")
        return tuple(name for name, *_ in self.by_row if name in used)

    def check_inputs(self, X: Any) -> PyTree:
        """Data by name, or an array where only one has rows; without any, None stands for 1 row."""
        if self.minibatchable:
            return inputs_by_row(X, self.target.data, self.needed, self.by_row)
        return inputs_instead(X, self.graph.inputs)

    @property
    def site_names(self) -> tuple[str, ...]:
        drawn = [o.name for o in self.graph.observed if can_predict(self.graph.observed)]
        return (*self.graph.deterministic, *drawn)

    def check_site_inputs(self, X: Any) -> PyTree:
        if not self.minibatchable:
            return inputs_instead(X, self.graph.inputs)
        used = self.graph.depends("deterministics")
        if can_predict(self.graph.observed):
            used = used | self.graph.depends("parameters")
        needed = tuple(name for name, *_ in self.by_row if name in used)
        return inputs_by_row(X, self.graph.observed[0].data, needed, self.by_row)

    def sites(
        self, params: PyTree, inputs: PyTree, names: tuple[str, ...], key: Array
    ) -> dict[str, Array]:
        found, given = {}, {**self.whole, **inputs}
        if any(name in self.graph.deterministic for name in names):
            values = self.graph("deterministics", params, given)
            found = dict(zip(self.graph.deterministic, values, strict=True))
        for observed in self.graph.observed:
            if observed.name in names:
                found[observed.name] = jnp.asarray(self.predictive(params, inputs).sample(key))
        return {name: found[name] for name in names}

    def count(self, inputs: PyTree) -> int:
        if self.minibatchable:
            return super().count(inputs)
        shape = jax.eval_shape(lambda p: self.moments(p, inputs)[0], self.centre).shape
        return shape[0] if shape else 1

    def row_log_prob(self, params: PyTree, inputs: PyTree, y: Array) -> Float[Array, " rows"]:
        own = self.graph.inputs[self.target.data].value
        given = y if own.dtype.kind == "f" else y.astype(jnp.result_type(int))
        rows = {**inputs, self.target.data: given}
        if self.minibatchable:
            return by_single_rows(self.graph, params, self.whole, rows)
        return self._entries(params, {**self.whole, **rows})

    def observed(self, data: Dataset) -> dict[str, np.ndarray]:
        arrays = self.arguments(data)
        return {o.name: np.asarray(arrays[o.data]) for o in self.graph.observed}

    def training_inputs(self, data: Dataset) -> PyTree:
        if not self.minibatchable:
            return {}
        return {name: data.inputs[name] for name in self.needed or (self.target.data,)}

    def as_start(self, params: PyTree) -> PyTree:
        return self.weights(params)

    def from_start(self, start: PyTree) -> PyTree:
        return dict(
            zip(self.graph.names, self.graph("unconstrained", start, self.whole), strict=True)
        )

    def weights(self, params: PyTree) -> PyTree:
        return dict(
            zip(self.graph.names, self.graph("constrained", params, self.whole), strict=True)
        )

    @property
    def is_plain(self) -> bool:
        return not self.graph.transformed and self.coordinates is None

    def dims(self, name: str, axes: int) -> list[str]:
        return self.graph.dims(name, axes)

    def observed_dims(self, name: str, axes: int) -> list[str]:
        return self.graph.dims(name, axes)

    @property
    def coords(self) -> dict[str, list[Any]]:
        return self.graph.coords()

    def target_shape(self, inputs: Any) -> tuple[int, ...]:
        shape = self.graph.inputs[self.target.data].value.shape
        return shape[1:] if self.minibatchable else ()

    def check_targets(self, inputs: Any, y: Any) -> None:
        """PyMC's log-density is -inf for targets outside the support."""

    def describe(self) -> dict[str, Any]:
        shapes = jax.eval_shape(self.weights, self.centre)
        free = {rv.name: rv for rv in self.graph.model.free_RVs}
        sites = [(n, shapes[n].shape, operation(free[n])) for n in self.graph.names]
        likelihood = ", ".join(f"{o.name} ~ {operation(o.rv)}" for o in self.graph.observed)
        size = sum(leaf.size for leaf in jax.tree.leaves(self.centre))
        return {"weights": sites, "likelihood": likelihood, "size": size}

    def __str__(self) -> str:
        facts = self.describe()
        lines = [f"  {name}  {shape}" for name, shape, _ in facts["weights"]]
        return "\n".join(["PyMC model", *lines, f"  observes {facts['likelihood']}"])
