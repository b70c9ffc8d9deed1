"""Approximations as parts, and back."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._core.trees import named_leaves
from ..families import (
    FAMILIES,
    AbstractApproximation,
    AbstractFamily,
    Amortised,
    Conditional,
    Gaussian,
    KroneckerBlock,
    KroneckerGaussian,
    Members,
    Sampler,
    Variational,
)
from ..model import Space
from .part import Part, gather
from .point_sets import (
    build_members,
    build_particles,
    build_sampler,
    describe_members,
    describe_sampler,
)
from .registry import APPROXIMATIONS, find, holds


def describe_approximation(approximation: AbstractApproximation) -> Part:
    """The family and the variational parameters, or the arrays of what has no family.

    Raises:
        TypeError: no table lists the approximation or its family.
    """
    name = type(approximation).__name__
    if not holds(APPROXIMATIONS, approximation):
        known = ", ".join(APPROXIMATIONS)
        raise TypeError(f"A posterior held as {name} cannot be saved; files keep {known}.")
    if isinstance(approximation, Members):
        return describe_members(approximation, describe_approximation)
    if isinstance(approximation, Variational):
        state = Part({}, _tensors(approximation.state))
        children = {"family": _describe_family(approximation.family), "state": state}
        return gather(children, type=name, size=approximation.size)
    drawn = jax.eval_shape(approximation.draw, jax.random.key(0), 0)
    sampler = isinstance(approximation, Sampler)
    tensors = describe_sampler(approximation) if sampler else _tensors(approximation)
    return Part({"type": name, "size": drawn.size}, tensors)


def saved_encoder(part: Part) -> dict[str, tuple[int, ...]] | None:
    """Paths and shapes of the weights of the encoder of a part; None where it has none.

    Of an encoder files keep the weights, not the structure.
    """
    facts = part.facts
    if facts["type"] != "Variational" or facts["family"]["type"] != Amortised.__name__:
        return None
    tensors = part.known_child("state").tensors
    prefix = "encoder."
    named = {name: array.shape for name, array in tensors.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): shape for name, shape in named.items()}


def build_approximation(
    part: Part, space: Space, dtype: Any, encoder: eqx.Module | None = None
) -> AbstractApproximation:
    """The approximation of a part, for a model with this unconstrained space and type.

    `encoder` is that of an `Amortised` family, as `saved_encoder` says.
    """
    kind = find(APPROXIMATIONS, part.facts["type"], "approximation")
    if kind is Members:
        return build_members(part, lambda child: build_approximation(child, space, dtype))
    if type(part.facts["size"]) is not int or part.facts["size"] != space.size:
        raise ValueError(
            f"its posterior has {part.facts['size']!r} numbers, its model has {space.size}"
        )
    if kind is Variational:
        return _build_variational(part, space, dtype, encoder)
    return _BUILDERS[part.facts["type"]](part, space, dtype)


def _build_variational(
    part: Part, space: Space, dtype: Any, encoder: eqx.Module | None
) -> Variational:
    size = space.size
    given = {} if encoder is None else {"encoder": encoder}
    described = part.known_child("family")
    _check_settings(described.facts, sum(array.size for array in part.tensors.values()))
    family = _build_family(described, **given).bind(space)
    location = jax.ShapeDtypeStruct((size,), dtype)
    expected = jax.eval_shape(functools.partial(family.init, sd=1.0), location)
    shapes = {name: leaf.shape for name, leaf in named_leaves(expected).items()}
    leaves = list(_arrays(part.known_child("state"), dtype, shapes).values())
    return Variational(family, jax.tree.unflatten(jax.tree.structure(expected), leaves), size)


def _build_gaussian(part: Part, space: Space, dtype: Any) -> Gaussian:
    size = space.size
    return Gaussian(**_arrays(part, dtype, {"mean": (size,), "scale_tril": (size, size)}))


def _build_conditional(part: Part, space: Space, dtype: Any) -> Conditional:
    size = space.size
    free = part.number("free")
    if free.dtype.kind != "i" or free.size == 0 or free.min() < 0 or free.max() >= size:
        raise ValueError("its free coordinates are out of range")
    k = free.size
    shapes = {
        "point": (size,),
        "free": (k,),
        "gaussian.mean": (k,),
        "gaussian.scale_tril": (k, k),
    }
    arrays = _arrays(part, dtype, shapes)
    gaussian = Gaussian(arrays["gaussian.mean"], arrays["gaussian.scale_tril"])
    return Conditional(arrays["point"], jnp.asarray(free, jnp.int32), gaussian)


def _build_kronecker_gaussian(part: Part, space: Space, dtype: Any) -> KroneckerGaussian:
    shapes: dict[str, tuple[int, ...]] = {"mean": (space.size,), "sd": (space.size,)}
    indices, free = [], np.ones(space.size, bool)
    while (name := f"blocks.{len(indices)}.places") in part.tensors:
        index = _block_index(part.number(name), free)
        rows, columns = index.shape
        own = (rows, columns), (rows, rows), (columns, columns), (rows, columns)
        names = (f"blocks.{len(indices)}.{field}" for field in KroneckerBlock._fields)
        shapes |= zip(names, own, strict=True)
        indices.append(jnp.asarray(index, jnp.int32))
    mean, sd, *others = _arrays(part, dtype, shapes).values()
    blocks = (
        KroneckerBlock(index, *others[4 * i + 1 : 4 * i + 4]) for i, index in enumerate(indices)
    )
    return KroneckerGaussian(mean, sd, tuple(blocks))


def _block_index(index: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The coordinates of a block, which must be in no other; marks them as taken."""
    inside = index.dtype.kind == "i" and index.ndim == 2 and index.size > 0
    distinct = inside and len(np.unique(index)) == index.size
    if not distinct or index.min() < 0 or index.max() >= free.size or not free[index].all():
        raise ValueError("the coordinates of its blocks are out of range or not distinct")
    free[index] = False
    return index


_BUILDERS: dict[str, Callable[[Part, Space, Any], AbstractApproximation]] = {
    "Conditional": _build_conditional,
    "Gaussian": _build_gaussian,
    "KroneckerGaussian": _build_kronecker_gaussian,
    "Particles": lambda part, space, dtype: build_particles(part, space.size, dtype),
    "Sampler": lambda part, space, dtype: build_sampler(part, space.size, dtype),
}


def _tensors(tree: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(leaf) for name, leaf in named_leaves(tree).items()}


def _arrays(part: Part, dtype: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """The arrays of a part, which must have these names and shapes."""
    found = {name: array.shape for name, array in part.tensors.items()}
    if dict(shapes) != found:
        raise ValueError(f"its variational parameters have shapes {found} instead of {shapes}")
    return {name: jnp.asarray(part.number(name).astype(dtype)) for name in shapes}


def _describe_family(family: AbstractFamily) -> Part:
    name = type(family).__name__
    if not holds(FAMILIES, family):
        raise TypeError(f"The family {name} cannot be saved; files keep {', '.join(FAMILIES)}.")
    settings, children = {}, {}
    for field in dataclasses.fields(family):
        value = getattr(family, field.name)
        if field.metadata.get("bound") or field.metadata.get("given"):
            continue  # what the model's space sets again, and what is given again at load
        if isinstance(value, AbstractFamily):
            children[field.name] = _describe_family(value)
        elif isinstance(value, bool | int | float | str | None):
            settings[field.name] = value
        else:
            raise TypeError(
                f"{name}.{field.name} is a {type(value).__name__}: files keep plain values."
            )
    return gather({"families": gather(children)}, type=name, settings=settings)


def _check_settings(facts: dict[str, Any], numbers: int) -> None:
    """No family has more layers, components or directions than numbers; seen before any is made."""
    for name, value in facts["settings"].items():
        if isinstance(value, int) and value > numbers:
            raise ValueError(f"its family has {name} {value!r}, but it holds {numbers:,} numbers")
    for inner in facts["families"].values():
        _check_settings(inner, numbers)


def _build_family(part: Part, **given: Any) -> AbstractFamily:
    cls = find(FAMILIES, part.facts["type"], "family")
    inner = part.known_child("families")
    families = {name: _build_family(inner.known_child(name)) for name in inner.facts}
    return cls(**part.facts["settings"], **families, **given)
