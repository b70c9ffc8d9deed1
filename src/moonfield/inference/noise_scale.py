"""The learned noise sd of a normal likelihood, given what the weights leave unexplained."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .._core.trees import Structure, split
from ..data import rows_first
from ..likelihoods import AbstractLikelihood, Normal
from ..model import BayesianNetwork, space
from .target import Target

_PATH = "likelihood.sd"
_STEP = 0.01
_GRID = _STEP * np.arange(-1_800, 1_801)  # log sds that are considered


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


class NoisePrior(NamedTuple):
    """The prior log density of log sds on a grid, by target; empty where none is learned."""

    places: np.ndarray  # where they stand in z
    log_density: Float[np.ndarray, "grid targets"]


def noise_prior_of(target: Target) -> NoisePrior:
    """Tabulate the prior of the noise sds of a network's likelihood."""
    model: Any = target.model
    places = _places(model)
    if not places.size:
        return NoisePrior(places, np.zeros((_GRID.size, 0)))
    prior = model.likelihood.priors()["sd"]
    sds = np.exp(_GRID).reshape(-1, *[1] * len(prior.shape()))
    density = prior.log_prob(jnp.broadcast_to(jnp.asarray(sds), (_GRID.size, *prior.shape())))
    by_target = np.asarray(density, float).reshape(_GRID.size, -1) + _GRID[:, None]
    return NoisePrior(places, np.broadcast_to(by_target, (_GRID.size, places.size)))


def noise_at(
    target: Target, prior: NoisePrior, z: Float[Array, " size"], used: float
) -> Noise:
    """The mode of each log sd: `prior + log sd - (N - used) log sd - squares / (2 sd^2)`.

    `used` is how many of the N rows' numbers (the sum of their weights) the weights have used up:
    the effective number of parameters, shared by the targets (MacKay, 1992, eq. 2.22).
    """
    if not prior.places.size:
        return Noise(prior.places, np.zeros(0), np.zeros(0), 0.0)
    squares, count = (np.asarray(part, float) for part in _squares(*split(target), z))
    free = max(1.0, float(count) - used / prior.places.size)
    fit = -free * _GRID[:, None] - 0.5 * squares * np.exp(-2.0 * _GRID[:, None])
    density = fit + prior.log_density
    best = np.clip(np.argmax(density, axis=0), 1, _GRID.size - 2)
    # The parabola through the highest point and its neighbours.
    below, at, above = (density[best + i, np.arange(best.size)] for i in (-1, 0, 1))
    curvature = np.maximum((2.0 * at - below - above) / _STEP**2, 0.5)
    mode = _GRID[best] + np.clip(0.5 * (above - below) / (_STEP * curvature), -_STEP, _STEP)
    priors = [
        np.interp(x, _GRID, column) for x, column in zip(mode, prior.log_density.T, strict=True)
    ]
    return Noise(prior.places, mode, curvature**-0.5, float(np.sum(priors)))


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
