"""Turns of weights and sds: to modes of a network's posterior under sds that are learned there.

Weights are optimised for given sds, then sds for given weights, in turns: MacKay's updates (1992,
"A practical Bayesian framework for backpropagation networks", eqs 2.21 and 2.22), with the Gauss-
Newton matrix as the curvature and one prior sd for every array of weights (Immer et al., 2021,
"Scalable marginal likelihood estimation for model selection in deep learning", section 3).
"""

import functools
import math
from operator import attrgetter
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.linalg import get_lapack_funcs

from .._core.progress import Progress
from .._core.results import Result
from .._core.trees import Structure, split
from ..data import Batch, in_slices, rows_first
from ..model import AbstractModel, BayesianNetwork, space
from ..objectives import log_joint_of
from .gauss_newton import gauss_newton
from .host_lbfgs import LATELY, climb
from .map import not_finite
from .noise_scale import Noise, NoisePrior, noise_at, residuals_at
from .optimise import Optimum
from .target import Target
from .weight_priors import Arrays

_WHITENED, _PLAIN = 200, 100  # steps of L-BFGS between two updates of the sds
_OTHER_ROUNDS = 4, 10  # to another mode, at least and at most
_OTHER_WORK = 1e7  # rows times weights, in all of these
_STEPS_OF_NOTHING = 2 * (LATELY + 1)  # of a turn whose two climbs gain nothing: no other follows
_ROUNDS = 20
_STARTING_NOISE = 1.0, 0.5, 0.25  # of what the start leaves: the next where nothing was learned
_CENTRED = 2  # rounds, never the last, whose learned scale takes what the rows' noise has in common
_SLICE = 1_024  # rows at a time
_UPDATES = 5  # of the sds for the same weights
_SMALLEST, _LARGEST = 0.01, 100.0  # factors of a prior sd
_ENOUGH, _ENOUGH_ROW = 0.5, 5e-4  # nats of evidence that another round must be worth, also a row


class Problem(NamedTuple):
    """What is learned from which rows, and where from."""

    target: Target
    arrays: Arrays
    noise: NoisePrior
    varies: bool  # the noise, from row to row
    starts: Float[np.ndarray, "starts size"]  # of the first mode
    others: Float[np.ndarray, "others size"]  # starts of one mode each

    @property
    def observations(self) -> float:
        """Numbers in y, by their weights."""
        return float(np.sum(self.target.batch.weights)) * max(self.noise.places.size, 1)


class Scales(NamedTuple):
    """What is learned for given weights."""

    factors: np.ndarray  # of the prior sds of each array
    noise: Noise
    used: float  # the effective number of parameters
    log_det: float  # of the covariance of the weights
    root: np.ndarray | None = None  # R of that covariance, R' R


class FirstMode(NamedTuple):
    """Where the rounds ended."""

    target: Target  # with the degrees of freedom that were learned
    z: Array
    factor: float  # of the noise, at its start
    scales: Scales
    evidence: float
    rounds: list[Optimum]
    result: Result


class _WeightsDensity(eqx.Module):
    """`log p(data | z) + log N(weights; mean, sd)` of the weights but for a constant; its gradient.

    Both are added up from slices of rows, so that what a slice computes stays near the processor.
    """

    target: Target
    z: Float[Array, " size"]
    places: Int[Array | np.ndarray, " weights"]
    mean: Float[Array, " weights"]
    sd: Float[Array, " weights"]

    def __call__(
        self, weights: Float[Array, " weights"]
    ) -> tuple[Float[Array, ""], Float[Array, " weights"]]:
        def density(weights: Array, rows: Batch, share: float) -> Array:
            prior = -0.5 * jnp.sum(((weights - self.mean) / self.sd) ** 2)
            z = self.z.at[self.places].set(weights)
            return _log_likelihood(self.target.model, rows, z) + share * prior

        def add(total: tuple[Array, Array], rows: Batch) -> tuple[tuple[Array, Array], None]:
            found = jax.value_and_grad(density)(weights, rows, 1.0 / count)
            return jax.tree.map(jnp.add, total, found), None

        batch = rows_first(self.target.batch)
        count = -(-len(batch.weights) // _SLICE)
        if count <= 2:  # a loop would cost more than it saves
            return jax.value_and_grad(density)(weights, batch, 1.0)
        zeros = jnp.zeros((), weights.dtype), jnp.zeros_like(weights)
        return jax.lax.scan(add, zeros, in_slices(batch, _SLICE))[0]


def leading_mode(problem: Problem, bar: Progress) -> FirstMode:
    """The first mode.

    Under all the noise that a random start leaves, the best weights for few rows may be none; then
    those are looked for under less, and kept if their evidence is greater.
    """
    best = None
    for noise in _STARTING_NOISE if problem.noise.places.size else (1.0,):
        try:
            mode = _first_mode(problem, noise, bar)
        except KeyboardInterrupt:
            if best is None:
                raise
            return best._replace(result=Result.interrupted)
        if best is None or mode.evidence > best.evidence:
            best = mode
        if best.result is Result.interrupted or not _says_nothing(best):
            break
    return cast(FirstMode, best)


def _first_mode(
    problem: Problem, factor: float, bar: Progress, before: FirstMode | None = None
) -> FirstMode:
    """The greatest evidence of some rounds, until one gains too little.

    They begin at the best of the starts, whose noise is what they leave times a factor, or where
    others ended. Evidence may fall in a round: under noise that varies a head is soon too sure.
    """
    target, arrays, own, varies, starts, _ = problem
    centred = _CENTRED if varies and before is None else 0
    if before is None:
        z, begin = jnp.asarray(starts[0]), list(starts[:, arrays.places])
        noise = _times(noise_at(target, own, residuals_at(target, z), 0.0), factor)
        scales = Scales(np.ones(len(arrays.paths)), noise, used=0.0, log_det=0.0)
    else:
        z, scales, begin = before.z, before.scales, [np.asarray(before.z)[arrays.places]]
    target = _knowing(target, scales.noise)
    enough = max(_ENOUGH, _ENOUGH_ROW * float(np.sum(target.batch.weights)))
    z, rounds, lead = _put(z, scales.noise), [], None
    result = Result.not_converged
    try:
        while len(rounds) < _ROUNDS and result is Result.not_converged:
            prior, ahead = arrays.prior(scales.factors, z.dtype), z
            if 0 < len(rounds) <= centred:
                ahead = _put(z, noise_at(target, own, residuals_at(target, z, True), scales.used))
            density = _WeightsDensity(target, ahead, arrays.places, *prior)
            ends = [_ascend(density, point, scales.root) for point in begin]
            best = max(ends, key=attrgetter("value"))
            if best.result is Result.nonfinite:
                raise not_finite(target)
            z = _moved(z, arrays.places, best.point)
            scales = _learned_scales(target, problem, scales, z)
            z, target = _put(z, scales.noise), _knowing(target, scales.noise)
            evidence = _evidence(target, arrays, scales, z)
            begin, rounds = [best.point], [*rounds, best]
            if bar.due:
                bar.update(sum(len(it.trace) for it in rounds), evidence)
            gained = math.inf if lead is None else evidence - lead.evidence
            if gained > 0.0:
                lead = FirstMode(target, z, factor, scales, evidence, rounds, result)
            if gained < enough and len(rounds) > centred:
                result = Result.converged
    except KeyboardInterrupt:
        if lead is None:
            raise
        result = Result.interrupted
    return cast(FirstMode, lead)._replace(rounds=rounds, result=result)


def from_fewer_rows(problem: Problem, before: FirstMode, bar: Progress) -> FirstMode:
    """The first mode, from where that of fewer rows is; that, where the keyboard ended it."""
    try:
        if before.result is not Result.interrupted:
            return _first_mode(problem, before.factor, bar, before)
    except KeyboardInterrupt:
        pass
    target = _knowing(problem.target, before.scales.noise)
    return before._replace(target=target, result=Result.interrupted)


def _says_nothing(mode: FirstMode) -> bool:
    """Whether the weights have come to no more than a bias for each output."""
    model = cast(BayesianNetwork, mode.target.model)
    return mode.scales.used < 2.0 * model.output_size(rows_first(mode.target.batch).inputs)


def _times(noise: Noise, factor: float) -> Noise:
    return noise._replace(mode=noise.mode + math.log(factor))


def _ascend(density: Any, start: Array | np.ndarray, root: np.ndarray | None) -> Optimum:
    """With a root, steps in its coordinates first; then plain ones, where curvature changes.

    They end where 20 gain less than half a nat: beyond, the weights would only fit the noise that
    these sds leave them.
    """
    if root is None:
        return climb(density, start, _WHITENED + _PLAIN, None, _ENOUGH)
    ahead = climb(density, start, _WHITENED, root, _ENOUGH)
    end = climb(density, ahead.point, _PLAIN, None, _ENOUGH)
    return end._replace(
        trace=np.concatenate([ahead.trace, end.trace]),
        evaluations=ahead.evaluations + end.evaluations,
        compile_seconds=ahead.compile_seconds + end.compile_seconds,
    )


def mode_of_its_own(
    problem: Problem, lead: FirstMode, start: np.ndarray, bar: Progress
) -> tuple[Array, Scales]:
    """From another start, in rounds of its own.

    Raises:
        KeyboardInterrupt: in one of the rounds.
    """
    mode = _first_mode(problem._replace(starts=start[None]), lead.factor, bar)
    if mode.result is Result.interrupted:
        raise KeyboardInterrupt
    return mode.z, mode.scales


def other_mode(problem: Problem, lead: FirstMode, start: np.ndarray) -> tuple[Array, Scales]:
    """From another start, for the same sds of the prior, in turns with noise scales of its own.

    With those of the first mode from the beginning it would end in worse places. `used` is what it
    has used up before the last turn.
    """
    (_, arrays, own, *_), target, scales = problem, lead.target, lead.scales
    sd, prior = arrays.sds(scales.factors), arrays.prior(scales.factors, start.dtype)
    work = len(target.batch.weights) * arrays.places.size
    z, used, root = jnp.asarray(start), 0.0, None
    most = int(np.clip(_OTHER_WORK / work, *_OTHER_ROUNDS))
    for i in range(most):
        noise = noise_at(target, own, residuals_at(target, z, i <= _CENTRED), used)
        z = _put(z, noise if i else _times(noise, lead.factor))
        if i:
            root, _ = root_of(gauss_newton(target, z, arrays.places), sd)
            used = float(np.sum(1.0 - (root**2).sum(axis=0) / sd**2))
        density = _WeightsDensity(target, z, arrays.places, *prior)
        best = _ascend(density, np.asarray(z)[arrays.places], root)
        if best.result is Result.nonfinite:
            raise not_finite(target)
        z = _moved(z, arrays.places, best.point)
        if i >= min(_OTHER_ROUNDS) and len(best.trace) <= _STEPS_OF_NOTHING:
            break
    noise = noise_at(target, own, residuals_at(target, z), used)
    noise = noise._replace(likelihood=scales.noise.likelihood)
    return _put(z, noise), scales._replace(noise=noise, used=used)


def _knowing(target: Target, noise: Noise) -> Target:
    """The target with the degrees of freedom that were learned."""
    return eqx.tree_at(lambda it: it.model.likelihood, target, noise.likelihood)


def _put(z: Array, noise: Noise) -> Array:
    return _moved(z, noise.places, noise.mode) if noise.places.size else z


def _moved(z: Array, places: np.ndarray, values: Array | np.ndarray) -> Array:
    """With other numbers at some places, by the host: nothing compiles."""
    moved = np.array(z)
    moved[places] = values
    return jnp.asarray(moved)


def _learned_scales(target: Target, problem: Problem, scales: Scales, z: Array) -> Scales:
    """Some updates for the same weights.

    With the precision H of the weights, `H = matrix + 1 / (factor sd)^2`, an array of n weights has
    used up `n - trace(H^-1 / (factor sd)^2)` parameters; its new factor squared is the sum of its
    squared weights, in units of sd, over that number.
    """
    arrays, own = problem.arrays, problem.noise
    matrix, residuals = gauss_newton(target, z, arrays.places), residuals_at(target, z)
    weights = (np.asarray(z, np.float64)[arrays.places] - arrays.mean) / arrays.sd
    numbers, squares = arrays.counts, np.bincount(arrays.owner, weights**2)
    factors, first, noise, used = scales.factors, scales.noise, scales.noise, 0.0
    alike = first.places.size < 2 and not problem.varies  # the noise, in all outputs
    root, log_det = root_of(matrix, arrays.sds(factors))
    for _ in range(_UPDATES if alike else 1):
        variances = (root**2).sum(axis=0)
        left = np.bincount(arrays.owner, variances / arrays.sd**2) / factors**2
        used_up = np.clip(numbers - left, 1e-3 * numbers, numbers)
        learned = np.clip(np.sqrt(squares / used_up), _SMALLEST, _LARGEST)
        factors = np.where(arrays.learned, learned, factors)
        used = float(used_up.sum())
        noise = noise_at(target, own, residuals, used)
        shrunk = noise.information / first.information * matrix
        root, log_det = root_of(shrunk, arrays.sds(factors))
    return Scales(factors, noise, used, log_det, root)


def root_of(matrix: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, float]:
    """R of `R' R = (matrix + 1 / sd^2)^-1`, and the log-determinant of that."""
    factor = np.linalg.cholesky(sd[:, None] * matrix * sd + np.eye(len(sd)))
    inverse: Any = get_lapack_funcs("trtri", (factor,))
    root = inverse(factor.T)[0].T * sd  # of its transpose, whose order in memory LAPACK takes
    return root, 2.0 * float(np.log(sd).sum() - np.log(np.diag(factor)).sum())


def _evidence(target: Target, arrays: Arrays, scales: Scales, z: Array) -> float:
    """Laplace's estimate of the log marginal likelihood, nats: of the weights and the noise sds."""
    sd = arrays.sds(scales.factors)
    weights = (np.asarray(z, np.float64)[arrays.places] - arrays.mean) / sd
    structure, leaves = split(target)
    fit = float(_compiled_log_likelihood(structure, leaves, z))
    prior = -0.5 * float(weights @ weights) - float(np.log(sd).sum())
    noise = scales.noise.log_prior + float(np.log(scales.noise.sd * math.sqrt(2.0 * math.pi)).sum())
    return fit + prior + 0.5 * scales.log_det + noise


def _log_likelihood(model: AbstractModel, batch: Batch, z: Array) -> Array:
    return log_joint_of(model, space(model), batch, 1.0).parts(z)[1]


@functools.partial(jax.jit, static_argnames="structure")
def _compiled_log_likelihood(structure: Structure, leaves: list[Array], z: Array) -> Array:
    target = structure.join(leaves)
    return _log_likelihood(target.model, rows_first(target.batch), z)
