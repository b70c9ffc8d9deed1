"""The learned noise of a normal or Student-t likelihood, given what the weights leave unexplained.

Both have a log scale for each target; Student-t also degrees of freedom, shared by the targets.
"""

import functools
import math
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize
from scipy.special import gammaln

from .._core.trees import Structure, split
from ..data import rows_first
from ..likelihoods import AbstractLikelihood, Normal, StudentT
from ..model import BayesianNetwork, space
from .target import Target

_STEP = 0.01
_GRID = _STEP * np.arange(-1_800, 1_801)  # log scales that are considered
_FREEDOM = 4.0, 100.0  # degrees of freedom that are considered: with a fourth moment


class NoisePrior(NamedTuple):
    """The prior log density of each target's log scale; none where it is known."""

    places: np.ndarray  # where they stand in z
    log_density: list[CubicSpline]
    df: float | None = None  # degrees of freedom, where they are not to be learned


class Noise(NamedTuple):
    """The mode of each log scale and the sds about it; empty where none is learned."""

    places: np.ndarray  # in z
    mode: np.ndarray
    sd: np.ndarray
    log_prior: float  # of the log scales at the mode, nats
    likelihood: AbstractLikelihood  # with the degrees of freedom that were found

    @property
    def information(self) -> float:
        """A row's expected curvature in the first target's output, but for a constant."""
        if not self.mode.size:
            return 1.0
        about_location, _ = information(cast(Normal | StudentT, self.likelihood))
        return math.exp(-2.0 * self.mode[0]) * float(about_location)


class NamedScale(NamedTuple):
    """The scale of a likelihood, and what its learned number is called."""

    scale: Any  # a `Scale`
    name: str

    def split(self, own: dict[str, Array], outputs: Array) -> tuple[Array, Array]:
        return self.scale.split(own, self.name, outputs)


def scale_of(likelihood: Normal | StudentT) -> NamedScale:
    if isinstance(likelihood, Normal):
        return NamedScale(likelihood.sd, "sd")
    return NamedScale(likelihood.scale, "scale")


def information(likelihood: Normal | StudentT) -> tuple[Any, Any]:
    """Fisher's information of a row about its location, in squared scales, and its log scale.

    1 and 2 for normal noise, `(df + 1) / (df + 3)` and `2 df / (df + 3)` for Student-t (Lange,
    Little & Taylor, 1989, "Robust statistical modeling using the t distribution", appendix B).
    """
    if isinstance(likelihood, Normal):
        return 1.0, 2.0
    df = likelihood.df
    return (df + 1.0) / (df + 3.0), 2.0 * df / (df + 3.0)


def check_noise(likelihood: AbstractLikelihood) -> None:
    """Raise `ValueError` for a likelihood whose own numbers are not learned here."""
    priors = likelihood.priors()
    known = not priors and not isinstance(likelihood, StudentT)
    if not known and not _is_learned(likelihood):
        raise ValueError(
            "empirical_bayes learns the noise of mf.likelihoods.Normal and StudentT, with a prior "
            f"on all positive numbers; {likelihood} has others. Leave empirical_bayes out."
        )


def noise_prior_of(target: Target) -> NoisePrior:
    """Tabulate the prior of the noise scales of a network's likelihood."""
    model: Any = target.model
    places = _places(model)
    if not places.size:
        return NoisePrior(places, [])
    (prior,) = model.likelihood.priors().values()
    scales = np.exp(_GRID).reshape(-1, *[1] * len(prior.shape()))
    density = _tabulated(*split(prior), np.broadcast_to(scales, (_GRID.size, *prior.shape())))
    by_target = np.asarray(density, float).reshape(_GRID.size, -1) + _GRID[:, None]
    columns = np.broadcast_to(by_target, (_GRID.size, places.size)).T
    return NoisePrior(places, [CubicSpline(_GRID, column) for column in columns])


@functools.partial(jax.jit, static_argnames="structure")
def _tabulated(structure: Structure, arrays: list[Array], scales: Array) -> Array:
    return structure.join(arrays).log_prob(scales)


class Residuals(NamedTuple):
    """What each row's targets differ from their location by, and the weights of rows.

    Where the network says how the scale varies, in units of its factor.
    """

    values: Float[np.ndarray, "rows targets"]
    weights: Float[np.ndarray, " rows"]


def residuals_at(target: Target, z: Float[Array, " size"], centred: bool = False) -> Residuals:
    """Of a network whose likelihood has a location; in 64 bits.

    Centred, the factors of a head have the geometric mean 1.
    """
    values, weights, log_factor = (
        np.asarray(part, float) for part in _residuals(*split(target), z)
    )
    if centred:
        log_factor = log_factor - np.average(log_factor, axis=0, weights=weights)
    return Residuals(values / np.exp(log_factor), weights)


def noise_at(target: Target, prior: NoisePrior, residuals: Residuals, used: float) -> Noise:
    """The mode of the log scales (and degrees of freedom) given the residuals.

    `used` is how many of the N rows' numbers (the sum of their weights) the weights have used up:
    the effective number of parameters, shared by the targets. Squared residuals are too small by
    `(N - used) / N`, and so many rows are left: for normal noise the mode of
    `prior - (N - used) log sd - squares / (2 sd^2)` (MacKay, 1992, eq. 2.22).
    """
    model: Any = target.model
    count = prior.places.size
    if not count:
        return Noise(prior.places, np.zeros(0), np.zeros(0), 0.0, model.likelihood)
    total = residuals.weights.sum()
    share = max(1.0 / total, 1.0 - used / count / total)
    squares, weights = residuals.values**2 / share, residuals.weights * share
    heavy = isinstance(model.likelihood, StudentT)

    def loss(at: np.ndarray) -> float:
        df = 2.0 + math.exp(at[count]) if heavy else math.inf
        fit = weights @ _log_density(squares * np.exp(-2.0 * at[:count]), df)
        own = sum(float(spline(x)) for spline, x in zip(prior.log_density, at, strict=False))
        return -float((fit - weights.sum() * at[:count]).sum()) - own

    tiny = np.exp(2.0 * (_GRID[0] + 1.0))
    begin = 0.5 * np.log(np.maximum(weights @ squares / weights.sum(), tiny))
    bounds = [(_GRID[0], _GRID[-1])] * count
    if heavy:
        lowest, most = _FREEDOM if prior.df is None else (prior.df, prior.df)
        bounds.append((math.log(lowest - 2.0), math.log(most - 2.0)))
        begin = np.append(begin, np.clip(math.log(3.0), *bounds[-1]))
    best = minimize(loss, begin, method="L-BFGS-B", bounds=bounds).x
    mode, sds = best[:count], np.zeros(count)
    for i in range(count):
        below, at, above = (loss(best + step * np.eye(best.size)[i]) for step in (-_STEP, 0, _STEP))
        sds[i] = max((below + above - 2.0 * at) / _STEP**2, 0.5) ** -0.5
    log_prior = sum(float(s(x)) for s, x in zip(prior.log_density, mode, strict=True))
    likelihood = model.likelihood
    if heavy:
        df = jnp.asarray(2.0 + math.exp(best[count]), likelihood.df.dtype)
        likelihood = eqx.tree_at(lambda it: it.df, likelihood, df)
    return Noise(prior.places, mode, sds, log_prior, likelihood)


def _log_density(squares: np.ndarray, df: float) -> np.ndarray:
    """Of noise of scale 1 by its square, but for a constant."""
    if math.isinf(df):
        return -0.5 * squares
    constant = gammaln(0.5 * (df + 1.0)) - gammaln(0.5 * df) - 0.5 * math.log(df)
    return constant - 0.5 * (df + 1.0) * np.log1p(squares / df)


def _places(model: BayesianNetwork) -> np.ndarray:
    where, begin = space(model), 0
    for path, shape in zip(where.paths, where.shapes, strict=True):
        if path.startswith("likelihood."):
            return np.arange(begin, begin + math.prod(shape))
        begin += math.prod(shape)
    return np.zeros(0, int)


@functools.partial(jax.jit, static_argnames="structure")
def _residuals(structure: Structure, arrays: list[Array], z: Array) -> tuple[Array, ...]:
    """Differences from the location, weights of rows, and the log factor of a head."""
    target = structure.join(arrays)
    batch = rows_first(target.batch)
    params, _ = space(target.model).constrain(z)
    likelihood = target.model.likelihood
    if likelihood.head:
        own = {name: jnp.ones_like(value) for name, value in params["likelihood"].items()}
        outputs = target.model.outputs(params, batch.inputs)
        location, factor = scale_of(likelihood).split(own, outputs)
        targets = batch.targets.reshape(location.shape)
        return targets - location, batch.weights, jnp.log(factor)
    mean, _ = target.model.moments(params, batch.inputs)
    found = (batch.targets - mean).reshape(len(batch.weights), -1)
    return found, batch.weights, jnp.zeros_like(found)


def _is_learned(likelihood: AbstractLikelihood) -> bool:
    if not isinstance(likelihood, Normal | StudentT):
        return False
    prior = scale_of(likelihood).scale.prior
    return prior is not None and type(prior.support) is type(dist.constraints.positive)
