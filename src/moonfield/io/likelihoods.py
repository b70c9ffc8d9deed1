"""Likelihoods as parts, and back."""

import dataclasses
from typing import Any

import numpy as np
import numpyro.distributions as dist

from ..likelihoods import AbstractLikelihood, Head
from ..likelihoods.scale import Scale
from .part import Part, gather
from .priors import build_distribution, describe_distribution
from .registry import LIKELIHOODS, find, holds


def describe_likelihood(likelihood: AbstractLikelihood) -> Part | None:
    """The arguments of a likelihood; None where no table lists it or the prior of its scale."""
    if not holds(LIKELIHOODS, likelihood):
        return None
    names = [field.name for field in dataclasses.fields(likelihood)]
    arguments = {name: _describe_argument(getattr(likelihood, name)) for name in names}
    if None in arguments.values():
        return None
    return gather(arguments, type=type(likelihood).__name__)


def build_likelihood(part: Part) -> AbstractLikelihood:
    """The likelihood of a part."""
    cls = find(LIKELIHOODS, part.facts["type"], "likelihood")
    names = [field.name for field in dataclasses.fields(cls)]
    return cls(**{name: _build_argument(part.known_child(name)) for name in names})


def _describe_argument(value: Any) -> Part | None:
    """A count, a number, a known scale (a number too), a learned one (its prior) or a head."""
    if isinstance(value, int):
        return Part({"is": "count", "count": value}, {})
    if not isinstance(value, Scale):
        return Part({"is": "number"}, {"value": np.asarray(value)})
    if value.prior is None:
        return Part({"is": "number"}, {"value": np.asarray(value.known)})
    prior = describe_distribution(value.prior)
    kind = "head" if value.head else "learned"
    return None if prior is None else gather({"prior": prior}, **{"is": kind})


def _build_argument(part: Part) -> int | float | Head | dist.Distribution:
    kind = part.facts["is"]
    if kind == "count":
        return int(part.facts["count"])
    if kind == "number":
        return float(part.number("value").item())
    if kind in ("head", "learned"):
        prior = build_distribution(part.known_child("prior"))
        return Head(prior) if kind == "head" else prior
    raise ValueError(f"a likelihood's argument is {kind!r}")
