"""Prior sds and the noise sd by the marginal likelihood of a network's Laplace approximation.

The rounds are in `rounds.py`. Here: which modes they lead to, and what each kind of noise weighs.
"""

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from threadpoolctl import threadpool_limits

from .._core.progress import Progress
from .._core.results import Result
from ..data import rows_first
from ..families import Gaussian, Members
from ..model import AbstractModel, BayesianNetwork
from .gauss_newton import gauss_newton, weight_places
from .held_out import best_share, left_out, log_scores, without
from .map import starting_points
from .noise_scale import check_noise, noise_prior_of
from .optimise import Optimum
from .rounds import (
    FirstMode,
    Problem,
    Scales,
    from_fewer_rows,
    leading_mode,
    mode_of_its_own,
    other_mode,
    root_of,
)
from .target import Target
from .weight_priors import arrays_of, head_places, with_sds

_MOST_USED = 0.75  # effective parameters of another mode, a target: beyond, it interpolates
_MANY_PRODUCTS = 1e10  # in one matrix, from which on threads help
_MUCH_WORK = 2.5e6  # rows times weights: first modes alone are judged, and go on from fewer rows
_STILL = 1e-3  # sd of a head's weights that are 0, in sds of their prior


class Learned(NamedTuple):
    """What is found."""

    model: BayesianNetwork  # with the prior sds that were learned
    members: list[Gaussian]  # of all of z
    free: list[np.ndarray]  # where in z the weights of each are that were not left at 0
    evidence: float  # of the first mode, nats
    rounds: list[Optimum]
    result: Result
    facts: dict[str, Any]

    @property
    def approximation(self) -> Gaussian | Members:
        """One Gaussian, or their mixture."""
        return self.members[0] if len(self.members) == 1 else Members(self.members)


class _Part(NamedTuple):
    """A kind of noise in the mixture that is fitted."""

    problem: Problem
    modes: int
    before: FirstMode | None = None  # of fewer rows, from which to go on
    own_sds: bool = False  # of the priors of the modes after the first


def check_model(model: AbstractModel) -> None:
    """Raise `ValueError` where sds cannot be learned: no network, or other priors than normals."""
    if not isinstance(model, BayesianNetwork) or model.expansion is not None:
        raise ValueError(
            f"empirical_bayes is for an mf.BayesianNetwork, got {type(model).__name__}."
        )
    if not model.normal_weights():
        raise ValueError(
            "empirical_bayes learns the sds of normal priors; the weights have others. Use "
            "mf.priors.Normal or mf.priors.Scaled, or leave empirical_bayes out."
        )
    check_noise(model.likelihood)


def learn(
    target: Target,
    seed: int,
    start: Array | None,
    starts: int,
    modes: int,
    even_noise: bool,
    shown: bool = False,
) -> Learned:
    """Take turns until rounds are worth too little, or the keyboard ends them; then other modes.

    The sds are of the first mode, which the best of `starts` leads to; the others are of the
    posterior that these sds give. With even noise, some of the modes have heads that are 0 and sds
    of their own: as many as make the mixture best at rows that were left out. These also say
    whether the modes after the first should have sds of their own, of rounds like the first's.

    Raises:
        NonFiniteError: the density is not finite at any start.
    """
    most = len(target.batch.weights) * len(weight_places(target.model)) ** 2
    # Several threads for small matrices wait for one another where the machine has other work.
    with threadpool_limits(1 if most < _MANY_PRODUCTS else None, "blas"):
        problem = _problem(target, seed, start, starts, modes)
        bar = Progress(None, shown)
        parts = _shares(problem, seed, modes, bar) if even_noise else [_Part(problem, modes)]
        return _learn(parts, even_noise, bar)


def _problem(target: Target, seed: int, start: Array | None, starts: int, modes: int) -> Problem:
    model = cast(BayesianNetwork, target.model)
    points = np.asarray(starting_points(target, seed, None, starts + modes - 1))
    return Problem(
        target,
        arrays_of(model),
        noise_prior_of(target),
        model.likelihood.head,
        points[:starts] if start is None else np.asarray(start)[None],
        points[starts:],
    )


def _evenly(problem: Problem) -> Problem:
    """The same with noise that does not vary: all weights of the head are 0."""
    model = cast(BayesianNetwork, problem.target.model)
    head = head_places(model, model.output_size(rows_first(problem.target.batch).inputs))
    return problem._replace(
        arrays=arrays_of(model, head),
        varies=False,
        starts=_flat(problem.starts, head),
        others=_flat(problem.others, head),
    )


def _flat(points: np.ndarray, head: np.ndarray) -> np.ndarray:
    points = points.copy()
    points[:, head] = 0.0
    return points


def _shares(problem: Problem, seed: int, modes: int, bar: Progress) -> list[_Part]:
    """How many modes noise that varies has, and how many even noise; first what has more."""
    weights = np.asarray(problem.target.batch.weights)
    rows, parts, scores = left_out(weights, seed), [], []
    much = len(weights) * problem.arrays.places.size >= _MUCH_WORK
    try:
        for kind in (problem, _evenly(problem)):
            part, score = _judged(_Part(kind, modes), rows, seed, bar, alone=much or modes == 1)
            parts.append(part)
            scores.append(score)
            if cast(FirstMode, part.before).result is Result.interrupted:
                return [part]
    except KeyboardInterrupt:
        if not parts:
            raise
        before = cast(FirstMode, parts[0].before)
        return [parts[0]._replace(before=before._replace(result=Result.interrupted))]
    even = best_share(scores[1], scores[0], weights[rows], modes)
    shared = [
        part._replace(modes=n, before=part.before if much else None)
        for part, n in zip(parts, (modes - even, even), strict=True)
    ]
    return sorted((part for part in shared if part.modes), key=attrgetter("modes"), reverse=True)


def _judged(
    part: _Part, rows: np.ndarray, seed: int, bar: Progress, alone: bool
) -> tuple[_Part, np.ndarray]:
    """With the kind of other modes that is better at rows left out, and `log p(y)` of these.

    By the first mode and one other of each kind, or by the first alone: of fewer rows, from which
    to go on.
    """
    problem, places = part.problem, part.problem.arrays.places
    weights = np.asarray(problem.target.batch.weights)[rows]
    fewer = problem._replace(target=without(problem.target, rows))
    lead = leading_mode(fewer, bar)
    part, score, most = part._replace(before=lead), np.zeros(len(rows)), -math.inf

    def scores(mode: Gaussian) -> np.ndarray:
        return log_scores(lead.target, mode, places, rows, seed)

    try:
        first = score = scores(_gaussian(lead.target, fewer, lead.scales, lead.z))
        kinds = () if alone or lead.result is Result.interrupted else (False, True)
        for own_sds in kinds:
            other = _another(fewer, lead, fewer.others[0], own_sds, bar)
            if other is None:
                continue
            mixed = np.logaddexp(first, scores(other)) - math.log(2.0)
            if (total := float(mixed @ weights)) > most:
                most, score = total, mixed
                others = np.stack([np.asarray(other.mean), *problem.others[1:]])
                part = part._replace(problem=problem._replace(others=others), own_sds=own_sds)
    except KeyboardInterrupt:
        part = part._replace(before=lead._replace(result=Result.interrupted))
    return part, score


def _learn(parts: Sequence[_Part], even_noise: bool, bar: Progress) -> Learned:
    """The modes of the first part, then those of another, with the same degrees of freedom."""
    lead, members = _modes_of(parts[0], bar)
    result, free = lead.result, [parts[0].problem.arrays.places] * len(members)
    own = (len(members) - 1) * parts[0].own_sds
    model = cast(BayesianNetwork, lead.target.model)
    df = getattr(model.likelihood, "df", None)
    for part in parts[1:] if result is not Result.interrupted else ():
        other, more = _modes_of(part, bar, df)
        if other.result is Result.interrupted:
            result = other.result
        else:
            members, free = members + more, free + [part.problem.arrays.places] * len(more)
            own += (len(more) - 1) * part.own_sds
    bar.close(sum(len(it.trace) for it in lead.rounds))
    whole = len(arrays_of(model).places)
    facts = {"effective_parameters": lead.scales.used, "rounds": len(lead.rounds)}
    if even_noise:
        facts["modes_of_even_noise"] = sum(len(places) < whole for places in free)
        facts["modes_of_own_prior_sds"] = own
    return Learned(
        with_sds(model, parts[0].problem.arrays, lead.scales.factors),
        members,
        free,
        lead.evidence,
        lead.rounds,
        result,
        facts,
    )


def _modes_of(
    part: _Part, bar: Progress, df: Array | None = None
) -> tuple[FirstMode, list[Gaussian]]:
    """The first mode, and a Gaussian at it and at others that do not interpolate the rows."""
    problem, modes, before, own_sds = part
    problem = _with_freedom(problem, df)
    lead = leading_mode(problem, bar) if before is None else from_fewer_rows(problem, before, bar)
    found = [_gaussian(lead.target, problem, lead.scales, lead.z)]
    try:
        starts = problem.others[: modes - 1]
        for start in starts if lead.result is not Result.interrupted else ():
            other = _another(problem, lead, start, own_sds, bar)
            found += [] if other is None else [other]
    except KeyboardInterrupt:
        lead = lead._replace(result=Result.interrupted)
    return lead, found


def _another(
    problem: Problem, lead: FirstMode, start: np.ndarray, own_sds: bool, bar: Progress
) -> Gaussian | None:
    """At another mode, under the prior sds of the first or its own; None if it interpolates."""
    if own_sds:
        known = _with_freedom(problem, getattr(lead.scales.noise.likelihood, "df", None))
        z, scales = mode_of_its_own(known, lead, start, bar)
    else:
        z, scales = other_mode(problem, lead, start)
    few = scales.used <= _MOST_USED * problem.observations
    return _gaussian(lead.target, problem, scales, z) if few else None


def _with_freedom(problem: Problem, df: Array | None) -> Problem:
    """With degrees of freedom that are known, and so not learned."""
    return problem._replace(noise=problem.noise._replace(df=None if df is None else float(df)))


def _gaussian(target: Target, problem: Problem, scales: Scales, z: Array) -> Gaussian:
    """Weights with the inverse of their precision as covariance, apart from the noise sds.

    Weights of a head that are 0 keep a little of their prior's sd: a Gaussian has a density.
    """
    model, places = cast(BayesianNetwork, target.model), problem.arrays.places
    half, _ = root_of(gauss_newton(target, z, places), problem.arrays.sds(scales.factors))
    root, whole = np.zeros((z.size, z.size)), arrays_of(model)
    root[whole.places, whole.places] = _STILL * whole.sd
    root[np.ix_(places, places)] = _lower(half)
    root[scales.noise.places, scales.noise.places] = scales.noise.sd
    return Gaussian(z, jnp.asarray(root, z.dtype))


def _lower(half: np.ndarray) -> np.ndarray:
    """The lower triangular L of `L L' = R' R`, by orthogonal turns: no digit is lost."""
    root = np.asarray(np.linalg.qr(half, mode="r")).T
    return root * np.sign(root.diagonal())
