"""A PyMC model as functions of JAX: of its value variables and of its data."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from pymc.logprob.basic import transformed_conditional_logp
from pymc.logprob.utils import replace_rvs_by_values
from pytensor.graph.replace import clone_replace, graph_replace
from pytensor.graph.traversal import graph_inputs
from pytensor.tensor.random.type import RandomType

from ..._core.trees import default_float
from .linker import function_of
from .loading import pytensor_rules
from .reading import Input, Observed, check, inputs_of, observed_of

Graphs = tuple[Sequence[Any], Sequence[Any]]  # variables that are given, variables to compute

_UNUSED = np.zeros((), np.float32)  # stands for data that a function does not depend on


class Function(NamedTuple):
    """A graph under JAX's linker, and the names of the data that it depends on."""

    call: Callable[..., Any]
    takes: int  # how many variables before the data
    data: frozenset[str]


class Graph:
    """The functions of a PyMC model that a fit needs. Hashed by identity: it keys compilations.

    A function takes values by the names of the free random variables, on the unconstrained scale
    of PyMC's value variables, and data by name, and returns a list of arrays:

    - `log_prior`: of each free variable, with the Jacobian of its transform, and each potential;
    - `log_likelihood`: of each observed variable, elementwise;
    - `constrained`: the free variables on their own scale;
    - `unconstrained`: the inverse of `constrained`;
    - `deterministics`: in PyMC's order;
    - `parameters`: of the distribution of the only observed variable.
    """

    def __init__(self, model: Any):
        check(model)
        self.model = model
        self.names: tuple[str, ...] = tuple(rv.name for rv in model.free_RVs)
        self.deterministic: tuple[str, ...] = tuple(d.name for d in model.deterministics)
        self.observed: tuple[Observed, ...] = observed_of(model)
        self.inputs: dict[str, Input] = inputs_of(model, self.observed)
        self._values = {
            **model.rvs_to_values,
            **{o.rv: self.inputs[o.data].variable for o in self.observed if o.constant},
        }
        self._functions: dict[tuple[str, bool], Function] = {}

    def function(self, name: str) -> Function:
        """One of the functions, built once for each precision that JAX may compute in."""
        key = name, default_float() == jnp.float64
        if key not in self._functions:
            self._functions[key] = self._built(*getattr(self, f"_{name}")())
        return self._functions[key]

    def __call__(
        self, name: str, values: Mapping[str, Any], data: Mapping[str, Any]
    ) -> list[Array]:
        """A function's outputs. Data that it does not depend on may be left out."""
        function = self.function(name)
        given = [data[n] if n in function.data else _UNUSED for n in self.inputs]
        with pytensor_rules():
            outputs = function.call(*(values[n] for n in self.names), *given)
            return [jnp.asarray(output) for output in outputs]

    def depends(self, name: str) -> frozenset[str]:
        """The data that a function depends on."""
        return self.function(name).data

    def draw_prior(self, key: Array, data: Mapping[str, Any]) -> dict[str, Array]:
        """A draw of the free variables from the prior, on their own scale.

        Raises:
            ValueError: PyTensor cannot draw from one of the distributions with JAX.
        """
        try:
            function = self.function("prior")
        except NotImplementedError as error:
            raise ValueError(f"The prior cannot be drawn from with JAX: {error}") from error
        states = [{"jax_state": k} for k in jax.random.split(key, max(1, function.takes))]
        given = [data.get(n, _UNUSED) for n in self.inputs]
        with pytensor_rules():
            drawn = function.call(*states[: function.takes], *given)
        return dict(zip(self.names, map(jnp.asarray, drawn), strict=True))

    def start(self) -> dict[str, np.ndarray]:
        """PyMC's initial point, by the names of the free variables, unconstrained."""
        point = self.model.initial_point(0)
        values = [self.model.rvs_to_values[rv].name for rv in self.model.free_RVs]
        return {name: np.asarray(point[v]) for name, v in zip(self.names, values, strict=True)}

    @property
    def transformed(self) -> bool:
        """Whether any free variable has a transform."""
        return any(self.model.rvs_to_transforms[rv] is not None for rv in self.model.free_RVs)

    def dims(self, name: str, axes: int) -> list[str]:
        """Names of the axes of a variable: PyMC's dims, else its name and the axis' number."""
        known = self.model.named_vars_to_dims.get(name) or (None,) * axes
        return [dim or f"{name}_dim_{axis}" for axis, dim in enumerate(known)]

    def coords(self) -> dict[str, list[Any]]:
        """The labels of the dims that have any."""
        labels = self.model.coords.items()
        return {dim: list(values) for dim, values in labels if values is not None}

    def _log_prior(self) -> Graphs:
        return self._value_variables, [
            *(self._log_density(self.model.free_RVs) if self.names else []),
            *self._by_values(self.model.potentials),
        ]

    def _log_likelihood(self) -> Graphs:
        return self._value_variables, self._log_density([o.rv for o in self.observed])

    def _constrained(self) -> Graphs:
        return self._value_variables, self._by_values(self.model.free_RVs)

    def _unconstrained(self) -> Graphs:
        free = self.model.free_RVs
        transforms = [self.model.rvs_to_transforms[rv] for rv in free]
        given = {rv: rv.type() for rv in free}
        found = [
            rv if transform is None else transform.forward(rv, *rv.owner.inputs)
            for rv, transform in zip(free, transforms, strict=True)
        ]
        return list(given.values()), clone_replace(found, given)

    def _deterministics(self) -> Graphs:
        return self._value_variables, self._by_values(self.model.deterministics)

    def _parameters(self) -> Graphs:
        node = self.observed[0].rv.owner
        return self._value_variables, self._by_values(node.op.dist_params(node))

    def _prior(self) -> Graphs:
        there = graph_inputs(self.model.free_RVs)
        random = [v for v in there if isinstance(v.type, RandomType)]
        fresh = {generator: generator.type() for generator in random}
        found = graph_replace(self.model.free_RVs, fresh, strict=False)
        return list(fresh.values()), found

    @property
    def _value_variables(self) -> list[Any]:
        return [self.model.rvs_to_values[rv] for rv in self.model.free_RVs]

    def _log_density(self, variables: Sequence[Any]) -> list[Any]:
        return transformed_conditional_logp(
            variables,
            rvs_to_values=self._values,
            rvs_to_transforms=self.model.rvs_to_transforms,
        )

    def _by_values(self, variables: Sequence[Any]) -> list[Any]:
        """The variables as functions of the value variables."""
        return replace_rvs_by_values(
            list(variables),
            rvs_to_values=self._values,
            rvs_to_transforms=self.model.rvs_to_transforms,
        )

    def _built(self, values: Sequence[Any], outputs: Sequence[Any]) -> Function:
        """The function of JAX, in which every data input can be replaced, in any length."""
        there = {*graph_inputs(outputs)}
        data = frozenset(n for n, given in self.inputs.items() if given.variable in there)
        fresh = {given.variable: given.any_length() for given in self.inputs.values()}
        new = graph_replace(list(outputs), fresh, strict=False)
        call = function_of([*values, *fresh.values()], new, [*fresh.values()])
        return Function(call, len(values), data)
