"""The learned noise sd of a normal likelihood, given what the weights leave unexplained."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float
from scipy.optimize import minimize_scalar

from .._core.trees import Structure, split
from ..data import rows_first
from ..likelihoods import AbstractLikelihood, Normal
from ..model import BayesianNetwork, space
from .target import Target

_PATH = "likelihood.sd"
_NARROW, _WIDE = -18.0, 18.0  # log sds that are considered
_STEP = 1e-3  # of a second difference


class Noise(NamedTuple):
    """Where log sds stand in z, their mode and the sds about it; empty where none is learned."""

    places: np.ndarray
    mode: np.ndarray
    sd: np.ndarray
    log_prior: float  # of the log sds at the mode, nats


def check_noise(likelihood: AbstractLikelihood) -> None:
    """Raise `ValueError` for a likelihood whose own numbers are not learned here."""
    priors = likelihood.priors()
    positive = all(_is_positive(prior) for prior in priors.values())
    if priors and not (isinstance(likelihood, Normal) and positive):
        raise ValueError(
            f"empirical_bayes learns the noise sd of mf.likelihoods.Normal, with a prior on all "
            f"positive numbers; {likelihood} has others. Leave empirical_bayes out."
        )


def noise_at(target: Target, z: Float[Array, " size"], used: float) -> Noise:
    """The mode of each log sd: `prior + log sd - (N - used) log sd - squares / (2 sd^2)`.

    `used` is how many of the N rows' numbers (the sum of their weights) the weights have used up:
    the effective number of parameters, shared by the targets (MacKay, 1992, eq. 2.22).
    """
    model: Any = target.model
    places = _places(model)
    if not places.size:
        return Noise(places, np.zeros(0), np.zeros(0), 0.0)
    structure, arrays = split(target)
    squares, count = _squares(structure, arrays, z)
    free = max(1.0, float(count) - used / places.size)
    prior = model.likelihood.priors()["sd"]
    found = [_mode(prior, i, free, float(s)) for i, s in enumerate(np.asarray(squares, float))]
    modes, sds, log_priors = (np.asarray(part) for part in zip(*found, strict=True))
    return Noise(places, modes, sds, float(log_priors.sum()))


def _mode(prior: dist.Distribution, index: int, free: float, squares: float) -> tuple:
    def log_prior(log_sd: float) -> float:
        density = np.ravel(np.asarray(prior.log_prob(jnp.exp(jnp.asarray(log_sd)))))
        return float(density[index if density.size > 1 else 0]) + log_sd

    def loss(log_sd: float) -> float:
        return free * log_sd + 0.5 * squares * math.exp(-2.0 * log_sd) - log_prior(log_sd)

    best = float(minimize_scalar(loss, bounds=(_NARROW, _WIDE), method="bounded").x)  # pyright: ignore
    curvature = 2.0 * squares * math.exp(-2.0 * best)
    curvature -= sum(w * log_prior(best + d * _STEP) for w, d in _SECOND) / _STEP**2
    return best, max(curvature, 0.5) ** -0.5, log_prior(best)


_SECOND = ((1.0, -1.0), (-2.0, 0.0), (1.0, 1.0))


def _places(model: BayesianNetwork) -> np.ndarray:
    where, begin = space(model), 0
    for path, shape in zip(where.paths, where.shapes, strict=True):
        if path == _PATH:
            return np.arange(begin, begin + math.prod(shape))
        begin += math.prod(shape)
    return np.zeros(0, int)


@functools.partial(jax.jit, static_argnames="structure")
def _squares(structure: Structure, arrays: list[Array], z: Array) -> tuple[Array, Array]:
    """The sum of squared residuals of each target, and the sum of weights."""
    target = structure.join(arrays)
    batch = rows_first(target.batch)
    params, _ = space(target.model).constrain(z)
    mean, _ = target.model.moments(params, batch.inputs)
    residuals = (batch.targets - mean).reshape(len(batch.weights), -1)
    return batch.weights @ residuals**2, jnp.sum(batch.weights)


def _is_positive(prior: dist.Distribution) -> bool:
    return type(prior.support) is type(dist.constraints.positive)
