"""Approximations as parts, and back."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.trees import named_leaves
from ..families import (
    FAMILIES,
    AbstractApproximation,
    AbstractFamily,
    Members,
    Particles,
    Sampler,
    Variational,
)
from .part import Part, gather
from .point_sets import (
    build_members,
    build_particles,
    build_sampler,
    describe_members,
    describe_particles,
    describe_sampler,
)
from .registry import APPROXIMATIONS, find, holds


def describe_approximation(approximation: AbstractApproximation) -> Part:
    """The approximation's kind and its arrays.

    Raises:
        TypeError: no table lists the approximation or its family.
    """
    if not holds(APPROXIMATIONS, approximation):
        known = ", ".join(APPROXIMATIONS)
        name = type(approximation).__name__
        raise TypeError(f"A posterior held as {name} cannot be saved; files keep {known}.")
    match approximation:
        case Particles():
            return describe_particles(approximation)
        case Sampler():
            return describe_sampler(approximation)
        case Members():
            return describe_members(approximation, describe_approximation)
        case _:
            return _describe_variational(approximation)


def build_approximation(part: Part, size: int, dtype: Any) -> AbstractApproximation:
    """The approximation of a part, for a model with `size` unconstrained numbers of this type."""
    kind = find(APPROXIMATIONS, part.facts["type"], "approximation")
    if kind is Members:
        return build_members(part, lambda child: build_approximation(child, size, dtype))
    build = {Particles: build_particles, Sampler: build_sampler, Variational: _build_variational}
    return build[kind](part, size, dtype)


def _describe_variational(approximation: Any) -> Part:
    state = {name: np.asarray(leaf) for name, leaf in named_leaves(approximation.state).items()}
    children = {"family": _describe_family(approximation.family), "state": Part({}, state)}
    return gather(children, type="Variational", size=approximation.size)


def _build_variational(part: Part, size: int, dtype: Any) -> Variational:
    if type(part.facts["size"]) is not int or part.facts["size"] != size:
        raise ValueError(f"its posterior has {part.facts['size']!r} numbers, its model has {size}")
    family = _build_family(part.known_child("family"))
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
    settings = {field.name: getattr(family, field.name) for field in dataclasses.fields(family)}
    for setting, value in settings.items():
        if not isinstance(value, bool | int | float | str | None):
            raise TypeError(
                f"{name}.{setting} is a {type(value).__name__}: files keep plain values."
            )
    return Part({"type": name, "settings": settings}, {})


def _build_family(part: Part) -> AbstractFamily:
    cls = find(FAMILIES, part.facts["type"], "family")
    return cls(**part.facts["settings"])
