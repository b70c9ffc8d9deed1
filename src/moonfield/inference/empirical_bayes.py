"""Prior sds and the noise sd by the marginal likelihood of a network's Laplace approximation.

Weights are optimised for given sds, then sds for given weights, in turns: MacKay's updates (1992,
"A practical Bayesian framework for backpropagation networks", eqs 2.21 and 2.22), with the Gauss-
Newton matrix as the curvature and one prior sd for every array of weights (Immer et al., 2021,
"Scalable marginal likelihood estimation for model selection in deep learning", section 3).
"""

import functools
import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.linalg import solve_triangular
from threadpoolctl import threadpool_limits

from .._core.progress import Progress
from .._core.results import Result
from .._core.trees import Structure, named_leaves, split
from ..data import Batch, in_slices, rows_first
from ..families import Gaussian, Members
from ..model import AbstractModel, BayesianNetwork, NormalPrior, normal_prior, space
from ..objectives import log_joint_of
from ..priors import Independent, Normal
from .curvature import invert
from .gauss_newton import gauss_newton, weight_places
from .host_lbfgs import climb
from .map import not_finite, starting_points
from .noise_scale import (
    Noise,
    NoisePrior,
    check_noise,
    noise_at,
    noise_prior_of,
    residuals_at,
)
from .optimise import Optimum
from .target import Target

_WHITENED, _PLAIN = 200, 100  # steps of L-BFGS between two updates of the sds
_OTHER_ROUNDS = 4, 10  # to another mode, at least and at most
_OTHER_WORK = 1e7  # rows times weights, in all of these
_MOST_USED = 0.75  # effective parameters of another mode, a target: beyond, it interpolates
_ROUNDS = 20
_STARTING_NOISE = 1.0, 0.5, 0.25  # of what the start leaves: the next where nothing was learned
_CENTRED = 2  # rounds that begin with the learned scale taking what all rows' noise has in common
_SLICE = 1_024  # rows at a time
_MANY_PRODUCTS = 1e10  # in one matrix, from which on threads help
_UPDATES = 5  # of the sds for the same weights
_FEWEST = 8  # numbers of an array whose prior sd is learned
_SMALLEST, _LARGEST = 0.01, 100.0  # factors of a prior sd
_ENOUGH, _ENOUGH_ROW = 0.5, 5e-4  # nats of evidence that another round must be worth, also a row


class Learned(NamedTuple):
    """What is found."""

    model: BayesianNetwork  # with the prior sds that were learned
    approximation: Gaussian | Members  # of all of z
    evidence: float  # of the first mode, nats
    rounds: list[Optimum]
    result: Result
    facts: dict[str, Any]


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


class _Arrays(NamedTuple):
    """The weights in the order of z, and of which array each is."""

    places: np.ndarray
    mean: np.ndarray
    sd: np.ndarray  # of the prior as it was given
    owner: np.ndarray
    paths: tuple[str, ...]


class _Scales(NamedTuple):
    """What is learned for given weights."""

    factors: np.ndarray  # of the prior sds of each array
    noise: Noise
    used: float  # the effective number of parameters
    log_det: float  # of the covariance of the weights
    root: np.ndarray | None = None  # R of that covariance, R' R


class _Problem(NamedTuple):
    """One model's."""

    target: Target
    arrays: _Arrays
    noise: NoisePrior
    starts: Array  # of the first mode
    others: Array  # starts of one mode each

    @property
    def observations(self) -> float:
        """Numbers in y, by their weights."""
        return float(np.sum(self.target.batch.weights)) * max(self.noise.places.size, 1)


class _FirstMode(NamedTuple):
    """Where the rounds ended."""

    target: Target  # with the degrees of freedom that were learned
    z: Array
    factor: float  # of the noise, at its start
    scales: _Scales
    evidence: float
    rounds: list[Optimum]
    result: Result


def check_model(model: AbstractModel) -> None:
    """Raise `ValueError` where sds cannot be learned: no network, or other priors than normals."""
    places = weight_places(model)
    if not isinstance(model, BayesianNetwork) or model.expansion is not None:
        raise ValueError(
            f"empirical_bayes is for an mf.BayesianNetwork, got {type(model).__name__}."
        )
    known = normal_prior(space(model))
    if known is None or len(np.intersect1d(known.indices, places)) < len(places):
        raise ValueError(
            "empirical_bayes learns the sds of normal priors; the weights have others. Use "
            "mf.priors.Normal or mf.priors.Scaled, or leave empirical_bayes out."
        )
    check_noise(model.likelihood)


def learn(
    targets: Sequence[Target],
    seed: int,
    start: Array | None,
    starts: int,
    modes: int,
    shown: bool = False,
) -> Learned:
    """Take turns until a round is worth too little, or the keyboard ends them; then other modes.

    Of several targets, the one whose first mode has the greatest evidence is what is learned. The
    sds are of the first mode, which the best of `starts` leads to; the others are of the posterior
    that these sds give.

    Raises:
        NonFiniteError: the density is not finite at any start.
    """
    most = max(len(it.batch.weights) * len(weight_places(it.model)) ** 2 for it in targets)
    # Several threads for small matrices wait for one another where the machine has other work.
    with threadpool_limits(1 if most < _MANY_PRODUCTS else None, "blas"):
        problems = [_problem(target, seed, start, starts, modes) for target in targets]
        return _learn(problems, Progress(None, shown))


def _problem(target: Target, seed: int, start: Array | None, starts: int, modes: int) -> _Problem:
    points = starting_points(target, seed, None, starts + modes - 1)
    return _Problem(
        target,
        _arrays_of(cast(BayesianNetwork, target.model)),
        noise_prior_of(target),
        points[:starts] if start is None else start[None],
        points[starts:],
    )


def _learn(problems: Sequence[_Problem], bar: Progress) -> Learned:
    found: list[_FirstMode] = []
    try:
        for problem in problems:
            found.append(_leading_mode(problem, bar))
            if found[-1].result is Result.interrupted:
                break
    except KeyboardInterrupt:
        if not found:
            raise
        found[-1] = found[-1]._replace(result=Result.interrupted)
    best = int(np.argmax([mode.evidence for mode in found]))
    lead, problem = found[best], problems[best]
    ended = found[-1].result is Result.interrupted
    result = Result.interrupted if ended else lead.result
    approximations = [_gaussian(lead.target, problem.arrays, lead.scales, lead.z)]
    try:
        for other in problem.others if result is not Result.interrupted else ():
            z, scales = _other_mode(problem, lead, other)
            if scales.used <= _MOST_USED * problem.observations:
                approximations.append(_gaussian(lead.target, problem.arrays, scales, z))
    except KeyboardInterrupt:
        result = Result.interrupted
    bar.close(sum(len(it.trace) for it in lead.rounds))
    return Learned(
        _with_sds(cast(BayesianNetwork, lead.target.model), problem.arrays, lead.scales.factors),
        Members(approximations) if len(problem.others) else approximations[0],
        lead.evidence,
        lead.rounds,
        result,
        {"effective_parameters": lead.scales.used, "rounds": len(lead.rounds)},
    )


def _leading_mode(problem: _Problem, bar: Progress) -> _FirstMode:
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
    return cast(_FirstMode, best)


def _first_mode(problem: _Problem, factor: float, bar: Progress) -> _FirstMode:
    """Rounds from the best of the starts, whose noise is what they leave times a factor."""
    target, arrays, own, starts, _ = problem
    model = cast(BayesianNetwork, target.model)
    z, begin = starts[0], list(starts[:, arrays.places])
    scales = _Scales(
        np.ones(len(arrays.paths)),
        _times(noise_at(target, own, residuals_at(target, z), 0.0), factor),
        used=0.0,
        log_det=0.0,
    )
    target = _knowing(target, scales.noise)
    z, evidence, rounds, result = _put(z, scales.noise), -math.inf, [], Result.not_converged
    enough = max(_ENOUGH, _ENOUGH_ROW * float(np.sum(target.batch.weights)))
    steps = 0
    try:
        while len(rounds) < _ROUNDS and result is Result.not_converged:
            prior = _prior(arrays, scales.factors, z.dtype)
            ahead = z
            if model.likelihood.head and 0 < len(rounds) <= _CENTRED:
                ahead = _put(z, noise_at(target, own, residuals_at(target, z, True), scales.used))
            density = _WeightsDensity(target, ahead, arrays.places, *prior)
            ends = [_ascend(density, point, scales.root) for point in begin]
            best = max(ends, key=attrgetter("value"))
            if best.result is Result.nonfinite:
                raise not_finite(target)
            moved = z.at[arrays.places].set(best.point)
            learned = _learned_scales(target, arrays, own, scales, moved)
            moved, knowing = _put(moved, learned.noise), _knowing(target, learned.noise)
            gained = _evidence(knowing, arrays, learned, moved)
            # All of a round, or nothing of it where the keyboard ends it.
            z, begin, scales, rounds = moved, [best.point], learned, [*rounds, best]
            target = knowing
            before, evidence = evidence, gained
            steps += len(best.trace)
            if bar.due:
                bar.update(steps, evidence)
            if evidence - before < enough:
                result = Result.converged
    except KeyboardInterrupt:
        if not rounds:
            raise
        result = Result.interrupted
    return _FirstMode(target, z, factor, scales, evidence, rounds, result)


def _says_nothing(mode: _FirstMode) -> bool:
    """Whether the weights have come to no more than a bias for each output."""
    model = cast(BayesianNetwork, mode.target.model)
    return mode.scales.used < 2.0 * model.output_size(rows_first(mode.target.batch).inputs)


def _times(noise: Noise, factor: float) -> Noise:
    return noise._replace(mode=noise.mode + math.log(factor))


def _ascend(density: Any, start: Array, root: np.ndarray | None) -> Optimum:
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


def _other_mode(problem: _Problem, lead: _FirstMode, start: Array) -> tuple[Array, _Scales]:
    """From another start, for the same sds of the prior, in turns with noise scales of its own.

    With those of the first mode from the beginning it would end in worse places. `used` is what it
    has used up before the last turn.
    """
    (_, arrays, own, *_), target, scales = problem, lead.target, lead.scales
    sd = scales.factors[arrays.owner] * arrays.sd
    prior = _prior(arrays, scales.factors, start.dtype)
    work = len(target.batch.weights) * arrays.places.size
    z, used, root = start, 0.0, None
    for i in range(int(np.clip(_OTHER_WORK / work, *_OTHER_ROUNDS))):
        noise = noise_at(target, own, residuals_at(target, z, i <= _CENTRED), used)
        z = _put(z, noise if i else _times(noise, lead.factor))
        if i:
            root, _ = _root(gauss_newton(target, z, arrays.places), sd)
            used = float(np.sum(1.0 - (root**2).sum(axis=0) / sd**2))
        density = _WeightsDensity(target, z, arrays.places, *prior)
        best = _ascend(density, z[arrays.places], root)
        if best.result is Result.nonfinite:
            raise not_finite(target)
        z = z.at[arrays.places].set(best.point)
    noise = noise_at(target, own, residuals_at(target, z), used)
    noise = noise._replace(likelihood=scales.noise.likelihood)
    return _put(z, noise), scales._replace(noise=noise, used=used)


def _knowing(target: Target, noise: Noise) -> Target:
    """The target with the degrees of freedom that were learned."""
    return eqx.tree_at(lambda it: it.model.likelihood, target, noise.likelihood)


def _arrays_of(model: BayesianNetwork) -> _Arrays:
    where, known = space(model), cast(NormalPrior, normal_prior(space(model)))
    paths = np.repeat(np.arange(len(where.paths)), [math.prod(shape) for shape in where.shapes])
    mean, sd = (np.asarray(part, np.float64) for part in (known.mean, known.sd))
    kinds = np.stack([paths[known.indices], _kind_of(paths[known.indices], sd)], axis=1)
    used, owner = np.unique(kinds, axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    return _Arrays(known.indices, mean, sd, owner, tuple(where.paths[i] for i in used[:, 0]))


def _kind_of(paths: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Which of the few sds of its array each weight has; 0 where they are many or hold few."""
    found = np.zeros(len(sd), int)
    for path in np.unique(paths):
        own = paths == path
        _, kinds, counts = np.unique(sd[own], return_inverse=True, return_counts=True)
        if counts.min() >= _FEWEST:
            found[own] = kinds
    return found


def _prior(arrays: _Arrays, factors: np.ndarray, dtype: Any) -> tuple[Array, Array]:
    sd = factors[arrays.owner] * arrays.sd
    return jnp.asarray(arrays.mean, dtype), jnp.asarray(sd, dtype)


def _put(z: Array, noise: Noise) -> Array:
    return z.at[noise.places].set(noise.mode.astype(z.dtype)) if noise.places.size else z


def _learned_scales(
    target: Target, arrays: _Arrays, own: NoisePrior, scales: _Scales, z: Array
) -> _Scales:
    """Some updates for the same weights.

    With the precision H of the weights, `H = matrix + 1 / (factor sd)^2`, an array of n weights has
    used up `n - trace(H^-1 / (factor sd)^2)` parameters; its new factor squared is the sum of its
    squared weights, in units of sd, over that number.
    """
    matrix, residuals = gauss_newton(target, z, arrays.places), residuals_at(target, z)
    weights = (np.asarray(z, np.float64)[arrays.places] - arrays.mean) / arrays.sd
    numbers, squares = (np.bincount(arrays.owner, w) for w in (None, weights**2))
    factors, first, noise, used = scales.factors, scales.noise, scales.noise, 0.0
    root, log_det = None, 0.0
    alike = first.places.size < 2 and not first.likelihood.head  # the noise, in all outputs
    for _ in range(_UPDATES if alike else 1):
        shrunk = noise.information / first.information * matrix
        root, log_det = _root(shrunk, factors[arrays.owner] * arrays.sd)
        variances = (root**2).sum(axis=0)
        left = np.bincount(arrays.owner, variances / arrays.sd**2) / factors**2
        used_up = np.clip(numbers - left, 1e-3 * numbers, numbers)
        learned = np.clip(np.sqrt(squares / used_up), _SMALLEST, _LARGEST)
        factors = np.where(numbers >= _FEWEST, learned, factors)
        used = float(used_up.sum())
        noise = noise_at(target, own, residuals, used)
    return _Scales(factors, noise, used, log_det, root)


def _root(matrix: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, float]:
    """R of `R' R = (matrix + 1 / sd^2)^-1`, and the log-determinant of that."""
    factor = np.linalg.cholesky(sd[:, None] * matrix * sd + np.eye(len(sd)))
    root = solve_triangular(factor, np.diag(sd), lower=True)
    return root, 2.0 * float(np.log(sd).sum() - np.log(np.diag(factor)).sum())


def _evidence(target: Target, arrays: _Arrays, scales: _Scales, z: Array) -> float:
    """Laplace's estimate of the log marginal likelihood, nats: of the weights and the noise sds."""
    sd = scales.factors[arrays.owner] * arrays.sd
    weights = (np.asarray(z, np.float64)[arrays.places] - arrays.mean) / sd
    structure, leaves = split(target)
    fit = float(_compiled_log_likelihood(structure, leaves, z))
    prior = -0.5 * float(weights @ weights) - float(np.log(sd).sum())
    noise = scales.noise.log_prior + float(np.log(scales.noise.sd * math.sqrt(2.0 * math.pi)).sum())
    return fit + prior + 0.5 * scales.log_det + noise


def _gaussian(target: Target, arrays: _Arrays, scales: _Scales, z: Array) -> Gaussian:
    """Weights with the inverse of their precision as covariance, apart from the noise sds."""
    precision = gauss_newton(target, z, arrays.places)
    sd = scales.factors[arrays.owner] * arrays.sd
    root = np.zeros((z.size, z.size))
    root[np.ix_(arrays.places, arrays.places)] = invert(precision + np.diag(sd**-2.0)).root
    root[scales.noise.places, scales.noise.places] = scales.noise.sd
    return Gaussian(z, jnp.asarray(root, z.dtype))


def _with_sds(model: BayesianNetwork, arrays: _Arrays, factors: np.ndarray) -> BayesianNetwork:
    """The model with the prior that was learned, array by array."""
    shapes = {path: leaf.shape for path, leaf in named_leaves(model.shapes).items()}
    table = {}
    path_of, learned = np.asarray(arrays.paths)[arrays.owner], factors[arrays.owner] * arrays.sd
    for path in dict.fromkeys(arrays.paths):
        own = path_of == path
        mean, sd = (part[own].reshape(shapes[path]) for part in (arrays.mean, learned))
        table[path] = Normal(_as_number(mean), _as_number(sd))
    return BayesianNetwork(model.network, Independent(table), model.likelihood)


def _as_number(values: np.ndarray) -> Any:
    """One number where all are the same."""
    return float(values.flat[0]) if (values == values.flat[0]).all() else values


def _log_likelihood(model: AbstractModel, batch: Batch, z: Array) -> Array:
    return log_joint_of(model, space(model), batch, 1.0).parts(z)[1]


@functools.partial(jax.jit, static_argnames="structure")
def _compiled_log_likelihood(structure: Structure, leaves: list[Array], z: Array) -> Array:
    target = structure.join(leaves)
    return _log_likelihood(target.model, rows_first(target.batch), z)
