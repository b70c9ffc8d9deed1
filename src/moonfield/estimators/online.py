"""Online Bayes: the posterior of the rows so far as the prior of the rows to come."""

import dataclasses
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpyro.distributions as dist

from ..families import AbstractApproximation, MeanField, Members, Variational
from ..model import space
from ..posterior import Posterior, replaced
from ..priors import Independent, Normal


class Knowledge(NamedTuple):
    """A mean-field posterior as priors: of the weights, and of the noise sd where it is learned."""

    weights: Independent
    noise: dist.Distribution | None


def members_of(posterior: Posterior) -> list[Posterior]:
    """The mean-field posteriors that a posterior consists of.

    Raises:
        ValueError: it is of another kind.
    """
    found = posterior.approximation
    parts = [found.member(i) for i in range(found.count)] if isinstance(found, Members) else [found]
    if not all(_is_mean_field(part) for part in parts):
        raise ValueError(
            "partial_fit needs a posterior of one normal per weight, to be the next prior; this "
            f"one is from method {posterior.diagnostics.method!r}. Use method 'auto', 'advi' or "
            "'ivon'."
        )
    return [_with(posterior, part) for part in parts]


def joined(members: list[Posterior]) -> Posterior:
    """The equally weighted mixture of posteriors of models that differ in their priors alone."""
    first = members[0]
    if len(members) == 1:
        return first
    return _with(first, Members([member.approximation for member in members]))


def knowledge(posterior: Posterior) -> Knowledge:
    """What a mean-field posterior knows.

    Weights are normal, and the noise sd, which was fitted on the log scale, is log-normal: as
    priors they are the posterior itself, without any approximation.
    """
    moments = posterior.approximation.moments()
    assert moments is not None
    where, begin, table, noise = space(posterior.model), 0, {}, None
    for path, shape in zip(where.paths, where.shapes, strict=True):
        end = begin + math.prod(shape)
        mean, sd = (jnp.asarray(numbers[begin:end]).reshape(shape) for numbers in moments)
        if path.startswith("likelihood."):
            noise = dist.LogNormal(mean, sd)
        else:
            table[path] = Normal(mean, sd)
        begin = end
    return Knowledge(Independent(table), noise)


def _is_mean_field(approximation: AbstractApproximation) -> bool:
    return isinstance(approximation, Variational) and isinstance(approximation.family, MeanField)


def _with(posterior: Posterior, approximation: AbstractApproximation) -> Posterior:
    own = dataclasses.replace(posterior.diagnostics)
    return replaced(posterior, approximation=approximation, diagnostics=own)
