"""Distributions and priors of weights as parts, and back."""

import dataclasses
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array

from ..priors import AbstractPrior, AdaptiveDepth, Entry, Hierarchy, Independent, Pruned
from .part import Part, gather
from .registry import DISTRIBUTIONS, ENTRIES, TRUNCATED, find, holds


def describe_distribution(value: dist.Distribution) -> Part | None:
    """The parameters of a distribution; None where no table lists it."""
    base = None
    if holds(TRUNCATED, value):
        base = describe_distribution(cast(Any, value).base_dist)
    if not holds(DISTRIBUTIONS, value) and base is None:
        return None
    children = {} if base is None else {"base": base}
    part = gather(children, type=type(value).__name__)
    numbers = {name: np.asarray(getattr(value, name)) for name in value.arg_constraints}
    return Part(part.facts, {**part.tensors, **numbers})


def build_distribution(part: Part) -> dist.Distribution:
    """The distribution of a part."""
    cls = find({**DISTRIBUTIONS, **TRUNCATED}, part.facts["type"], "distribution")
    numbers = {name: jnp.asarray(part.number(name)) for name in cls.arg_constraints}
    if cls in TRUNCATED.values():
        return cls(build_distribution(part.known_child("base")), **numbers)
    return cls(**numbers)


def describe_prior(prior: AbstractPrior) -> Part | None:
    """Independent priors, or one of those made of another prior; None for what is in no table."""
    if type(prior) is Hierarchy:
        return _describe_hierarchy(prior)
    if type(prior) is Pruned:
        return _describe_pruned(prior)
    if type(prior) is AdaptiveDepth:
        return _describe_adaptive_depth(prior)
    if type(prior) is not Independent:
        return None
    entries = {str(i): _describe_entry(entry) for i, entry in enumerate(prior.entries)}
    if None in entries.values():
        return None
    return gather({"entries": gather(entries)}, type="Independent", patterns=list(prior.patterns))


def build_prior(part: Part) -> AbstractPrior:
    """The prior of a part."""
    if part.facts["type"] == "Hierarchy":
        return _build_hierarchy(part)
    if part.facts["type"] == "Pruned":
        return _build_pruned(part)
    if part.facts["type"] == "AdaptiveDepth":
        return _build_adaptive_depth(part)
    patterns, entries = part.facts["patterns"], part.known_child("entries")
    if part.facts["type"] != "Independent" or len(patterns) != len(entries.facts):
        raise ValueError("its prior is not a table of independent priors")
    table = {
        pattern: _build_entry(entries.known_child(str(i))) for i, pattern in enumerate(patterns)
    }
    return Independent(table)


def _describe_adaptive_depth(prior: AdaptiveDepth) -> Part | None:
    inner = describe_prior(prior.prior)
    if inner is None:
        return None
    part = gather({"prior": inner}, type="AdaptiveDepth")
    own = {} if prior.probabilities is None else {"depths": np.asarray(prior.probabilities)}
    return Part(part.facts, {**part.tensors, **own})


def _build_adaptive_depth(part: Part) -> AdaptiveDepth:
    inner = build_prior(part.known_child("prior"))
    if not isinstance(inner, Independent):
        raise ValueError("the prior of its weights is not a table of independent priors")
    return AdaptiveDepth(inner, part.number("depths") if "depths" in part.tensors else None)


def _describe_pruned(prior: Pruned) -> Part | None:
    inner = describe_prior(prior.prior)
    if inner is None:
        return None
    part = gather({"prior": inner}, type="Pruned")
    kept = {f"kept.{path}": np.asarray(mask) for path, mask in prior.kept.items()}
    return Part(part.facts, {**part.tensors, **kept})


def _build_pruned(part: Part) -> Pruned:
    names = [name for name in part.tensors if name.startswith("kept.")]
    if any(part.tensors[name].dtype != bool for name in names):
        raise ValueError("what it keeps of its weights is no array of truth values")
    kept = {name.removeprefix("kept."): part.tensors[name] for name in names}
    return Pruned(build_prior(part.known_child("prior")), kept)


def _describe_hierarchy(prior: Hierarchy) -> Part | None:
    children = {"base": describe_prior(prior.base), "spread": describe_distribution(prior.spread)}
    if None in children.values():
        return None
    levels = [list(level) for level in prior.levels]
    part = gather(children, type="Hierarchy", levels=levels, per=prior.per)
    parents = {f"parents.{i}": np.asarray(index) for i, index in enumerate(prior.parents)}
    return Part(part.facts, {**part.tensors, **parents})


def _build_hierarchy(part: Part) -> Hierarchy:
    count = sum(name.startswith("parents.") for name in part.tensors)
    parents = [part.number(f"parents.{i}") for i in range(count)]
    return Hierarchy(
        build_prior(part.known_child("base")),
        dict(part.facts["levels"]),
        parents,
        build_distribution(part.known_child("spread")),
        part.facts["per"],
    )


def _describe_entry(entry: Entry) -> Part | None:
    """A distribution, or the arguments of an entry that a table lists."""
    if isinstance(entry, dist.Distribution):
        return describe_distribution(entry)
    if not holds(ENTRIES, entry):
        return None
    arguments = {
        field.name: _describe_argument(getattr(entry, field.name))
        for field in dataclasses.fields(entry)
    }
    if None in arguments.values():
        return None
    return gather({"arguments": gather(arguments)}, type=type(entry).__name__)


def _build_entry(part: Part) -> Entry:
    if part.facts["type"] not in ENTRIES:
        return build_distribution(part)
    cls = find(ENTRIES, part.facts["type"], "prior")
    arguments = part.known_child("arguments")
    names = [field.name for field in dataclasses.fields(cls)]
    return cls(**{name: _build_argument(arguments.known_child(name)) for name in names})


def _describe_argument(value: Any) -> Part | None:
    if isinstance(value, dist.Distribution):
        return describe_distribution(value)
    if value is None:
        return Part({"type": "nothing"}, {})
    if isinstance(value, str):
        return Part({"type": "word", "word": value}, {})
    return Part({"type": "number"}, {"value": np.asarray(value)})


def _build_argument(part: Part) -> dist.Distribution | str | float | Array | None:
    if part.facts["type"] == "nothing":
        return None
    if part.facts["type"] == "word":
        return part.facts["word"]
    if part.facts["type"] == "number":
        number = part.number("value")
        return jnp.asarray(number) if number.ndim else number.item()
    return build_distribution(part)
