"""Particles, ensembles and samplers as parts, and back."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..families import AbstractApproximation, Members, Particles, Sampler, SamplerState
from .part import Part, gather


def build_particles(part: Part, size: int, dtype: Any) -> Particles:
    """The points of a part, for a model with `size` unconstrained numbers of this type."""
    points = part.number("points")
    if points.ndim != 2 or points.shape[0] < 1 or points.shape[1] != size:
        raise ValueError(f"its points have shape {points.shape}, its model has {size} numbers")
    return Particles(jnp.asarray(points.astype(dtype)))


def describe_sampler(sampler: Sampler) -> dict[str, np.ndarray]:
    """The weights."""
    return {name: np.asarray(leaf) for name, leaf in sampler.state._asdict().items()}


def build_sampler(part: Part, size: int, dtype: Any) -> Sampler:
    """The sampler of a part, for a model with `size` unconstrained numbers of this type."""
    weights = {name: part.number(name) for name in SamplerState._fields}
    hidden, latent = weights["inner"].shape
    shapes = {"mean": (size,), "log_sd": (size,), "inner": (hidden, latent), "bias": (hidden,)}
    for name, shape in {**shapes, "outer": (size, hidden)}.items():
        if weights[name].shape != shape:
            raise ValueError(f"{name} has shape {weights[name].shape} instead of {shape}")
    return Sampler(SamplerState(**{k: jnp.asarray(v.astype(dtype)) for k, v in weights.items()}))


def describe_members(members: Members, describe: Callable[[AbstractApproximation], Part]) -> Part:
    """Each member as a part of its own."""
    parts = {str(index): describe(members.member(index)) for index in range(members.count)}
    return gather(parts, type="Members", count=members.count)


def build_members(part: Part, build: Callable[[Part], AbstractApproximation]) -> Members:
    """The mixture of a part's members, which must be of one kind."""
    count = part.facts["count"]
    if type(count) is not int or not 0 < count < len(part.facts):
        raise ValueError(f"it has {count!r} members")
    members = [build(part.known_child(str(index))) for index in range(count)]
    if len({jax.tree.structure(member) for member in members}) > 1:
        raise ValueError("its members are of different kinds")
    return Members(members)
