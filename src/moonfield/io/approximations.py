"""Approximations as parts, and back."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.trees import named_leaves
from ..families import FAMILIES, AbstractApproximation, AbstractFamily, Variational
from ..model import Space
from .part import Part, gather
from .registry import APPROXIMATIONS, find, holds


def describe_approximation(approximation: AbstractApproximation) -> Part:
    """The family and the variational parameters.

    Raises:
        TypeError: no table lists the approximation or its family.
    """
    if not isinstance(approximation, Variational) or not holds(APPROXIMATIONS, approximation):
        known = ", ".join(APPROXIMATIONS)
        name = type(approximation).__name__
        raise TypeError(f"A posterior held as {name} cannot be saved; files keep {known}.")
    state = {name: np.asarray(leaf) for name, leaf in named_leaves(approximation.state).items()}
    children = {"family": _describe_family(approximation.family), "state": Part({}, state)}
    return gather(children, type="Variational", size=approximation.size)


def build_approximation(part: Part, space: Space, dtype: Any) -> Variational:
    """The approximation of a part, for a model with this unconstrained space and type."""
    size = space.size
    find(APPROXIMATIONS, part.facts["type"], "approximation")
    if type(part.facts["size"]) is not int or part.facts["size"] != size:
        raise ValueError(f"its posterior has {part.facts['size']!r} numbers, its model has {size}")
    family = _build_family(part.known_child("family")).bind(space)
    location = jax.ShapeDtypeStruct((size,), dtype)
    expected = jax.eval_shape(functools.partial(family.init, sd=1.0), location)
    state = part.known_child("state")
    shapes = {name: leaf.shape for name, leaf in named_leaves(expected).items()}
    found = {name: array.shape for name, array in state.tensors.items()}
    if shapes != found:
        raise ValueError(f"its variational parameters have shapes {found} instead of {shapes}")
    leaves = [jnp.asarray(state.number(name).astype(dtype)) for name in shapes]
    return Variational(family, jax.tree.unflatten(jax.tree.structure(expected), leaves), size)


def _describe_family(family: AbstractFamily) -> Part:
    name = type(family).__name__
    if not holds(FAMILIES, family):
        raise TypeError(f"The family {name} cannot be saved; files keep {', '.join(FAMILIES)}.")
    settings, children = {}, {}
    for field in dataclasses.fields(family):
        value = getattr(family, field.name)
        if isinstance(value, AbstractFamily):
            children[field.name] = _describe_family(value)
        elif isinstance(value, bool | int | float | str | None):
            settings[field.name] = value
        elif not field.metadata.get("bound"):  # what the model's space sets again
            raise TypeError(
                f"{name}.{field.name} is a {type(value).__name__}: files keep plain values."
            )
    return gather({"families": gather(children)}, type=name, settings=settings)


def _build_family(part: Part) -> AbstractFamily:
    cls = find(FAMILIES, part.facts["type"], "family")
    inner = part.known_child("families")
    families = {name: _build_family(inner.known_child(name)) for name in inner.facts}
    return cls(**part.facts["settings"], **families)
