"""What is in a PyMC model: its data, its observed variables, and what cannot be fitted."""

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
from pytensor.scalar.basic import Cast


class Input(NamedTuple):
    """Data that can be replaced."""

    variable: Any  # where it stands in the graph
    value: np.ndarray  # of the model as it was given

    def any_length(self) -> Any:
        """A new variable of the same type whose axes may have any length."""
        kind = self.variable.type
        return kind.clone(shape=(None,) * kind.ndim)()


class Observed(NamedTuple):
    """An observed random variable."""

    name: str
    rv: Any
    data: str  # the input that holds its values
    constant: bool  # whether these were given as an array, not as `pm.Data`


def check(model: Any) -> None:
    """Refuse what is not a model of continuous parameters and observed values.

    Raises:
        TypeError, ValueError: the message names the variable and a way out.
    """
    if not isinstance(model, pm.Model):
        raise TypeError(f"model must be a pymc.Model, got {type(model).__name__}.")
    if not model.observed_RVs and not model.potentials:
        raise ValueError("The PyMC model observes nothing: give a variable observed=...")
    for rv in model.free_RVs:
        if np.dtype(rv.dtype).kind != "f":
            raise ValueError(
                f"The free variable {rv.name!r} is discrete. Sum it out, for example with "
                "pm.Mixture or pymc_extras.marginalize."
            )
    for rv in model.observed_RVs:
        if type(rv.owner.op).__name__ == "MinibatchRandomVariable":
            raise ValueError(
                f"{rv.name!r} has a total_size. Leave it out, and pm.Minibatch with it: give all "
                "rows as pm.Data and say batch_size=... to fit."
            )


def observed_of(model: Any) -> tuple[Observed, ...]:
    """The observed variables. Their values are a `pm.Data` or go by the variable's own name."""
    containers = {variable: name for name, variable in _containers(model).items()}
    found = []
    for rv in model.observed_RVs:
        source = _without_casts(model.rvs_to_values[rv])
        own = str(rv.name)
        name = containers.get(source, own)
        found.append(Observed(own, rv, name, source not in containers))
    return tuple(found)


def inputs_of(model: Any, observed: tuple[Observed, ...]) -> dict[str, Input]:
    """All data by name: containers first, then observed values that were given as arrays."""
    found = {n: Input(v, np.array(v.get_value())) for n, v in _containers(model).items()}
    for o in observed:
        if o.constant:
            value = model.rvs_to_values[o.rv]
            placeholder = value.type.clone(shape=(None,) * value.type.ndim)()
            found[o.data] = Input(placeholder, np.asarray(value.eval()))
    return found


def _containers(model: Any) -> dict[str, Any]:
    return {v.name: v for v in model.data_vars if hasattr(v, "get_value")}


def _without_casts(variable: Any) -> Any:
    while isinstance(getattr(getattr(variable.owner, "op", None), "scalar_op", None), Cast):
        variable = variable.owner.inputs[0]
    return variable


def operation(rv: Any) -> str:
    """The name of a random variable's distribution: `Normal`."""
    return type(rv.owner.op).__name__.removesuffix("RV")
