"""Distributions and priors of weights as parts, and back."""

from typing import Any, cast

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from ..priors import AbstractPrior, Independent, Scaled
from .part import Part, gather
from .registry import DISTRIBUTIONS, TRUNCATED, find, holds


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
    """A table of independent priors; None for any other, or where one entry is in no table."""
    if type(prior) is not Independent:
        return None
    entries = {str(i): _describe_entry(entry) for i, entry in enumerate(prior.entries)}
    if None in entries.values():
        return None
    return gather({"entries": gather(entries)}, type="Independent", patterns=list(prior.patterns))


def build_prior(part: Part) -> AbstractPrior:
    """The prior of a part."""
    patterns, entries = part.facts["patterns"], part.known_child("entries")
    if part.facts["type"] != "Independent" or len(patterns) != len(entries.facts):
        raise ValueError("its prior is not a table of independent priors")
    table = {
        pattern: _build_entry(entries.known_child(str(i))) for i, pattern in enumerate(patterns)
    }
    return Independent(table)


def _describe_entry(entry: dist.Distribution | Scaled) -> Part | None:
    if type(entry) is Scaled:
        return Part({"type": "Scaled"}, {"sd": np.asarray(entry.sd)})
    return describe_distribution(entry) if isinstance(entry, dist.Distribution) else None


def _build_entry(part: Part) -> dist.Distribution | Scaled:
    if part.facts["type"] == "Scaled":
        return Scaled(jnp.asarray(part.number("sd")))
    return build_distribution(part)
