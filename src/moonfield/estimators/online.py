"""Online Bayes: the posterior of the rows so far as the prior of the rows to come.

A Gaussian posterior becomes the mean-field one that is nearest in KL(q || p): its mean, and as
precisions the diagonal of its precision (Bishop, 2006, "Pattern recognition and machine learning",
section 10.1.2).
"""

import math
from typing import Any, NamedTuple, cast

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from .. import likelihoods
from ..families import (
    AbstractApproximation,
    Gaussian,
    MeanField,
    MeanFieldState,
    Members,
    Variational,
)
from ..likelihoods import AbstractLikelihood, Head, StudentT
from ..model import BayesianNetwork, space
from ..posterior import Posterior, replaced
from ..priors import Independent, Normal


class Knowledge(NamedTuple):
    """A mean-field posterior as priors: of the weights, and of the noise where it is learned."""

    weights: Independent
    likelihood: AbstractLikelihood


def members_of(posterior: Posterior) -> list[Posterior]:
    """The mean-field posteriors that a posterior consists of, or is nearest to.

    Raises:
        ValueError: it is of another kind.
    """
    found = posterior.approximation
    parts = [found.member(i) for i in range(found.count)] if isinstance(found, Members) else [found]
    if isinstance(posterior.model, BayesianNetwork) and isinstance(parts[0], Gaussian):
        return [_independent(posterior, posterior.model, cast(Gaussian, part)) for part in parts]
    if not all(_is_mean_field(part) for part in parts):
        raise ValueError(
            "partial_fit needs a posterior of one normal per weight, to be the next prior; this "
            f"one is from method {posterior.diagnostics.method!r}. Use method 'auto', 'advi', "
            "'ivon' or 'laplace'."
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
    return Knowledge(Independent(table), _told(posterior.model, noise))


def _told(model: Any, noise: dist.Distribution | None) -> AbstractLikelihood:
    """The model's likelihood with this prior of its scale."""
    likelihood = model.likelihood
    if noise is None:
        return likelihood
    scale = Head(noise) if likelihood.head else noise
    if isinstance(likelihood, StudentT):
        return StudentT(float(likelihood.df), scale)
    return likelihoods.Normal(scale)


def _independent(posterior: Posterior, model: BayesianNetwork, found: Gaussian) -> Posterior:
    """Of the network itself, not its expansion."""
    root = np.asarray(found.scale_tril, np.float64)
    precisions = (np.linalg.inv(root) ** 2).sum(axis=0)
    log_sd = jnp.asarray(-0.5 * np.log(precisions), found.mean.dtype)
    part = Variational(MeanField(), MeanFieldState(found.mean, log_sd), found.mean.size)
    itself = BayesianNetwork(model.network, model.prior, model.likelihood)
    return replaced(_with(posterior, part), model=itself)


def _is_mean_field(approximation: AbstractApproximation) -> bool:
    return isinstance(approximation, Variational) and isinstance(approximation.family, MeanField)


def _with(posterior: Posterior, approximation: AbstractApproximation) -> Posterior:
    return replaced(posterior, approximation=approximation)
