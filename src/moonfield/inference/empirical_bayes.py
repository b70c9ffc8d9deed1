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
from .curvature import invert
from .gauss_newton import gauss_newton, weight_places
from .held_out import best_share, left_out, log_scores, without
from .map import starting_points
from .noise_scale import check_noise, noise_prior_of
from .optimise import Optimum
from .rounds import FirstMode, Problem, Scales, from_fewer_rows, leading_mode, other_mode
from .target import Target
from .weight_priors import arrays_of, head_places, with_sds

_MOST_USED = 0.75  # effective parameters of another mode, a target: beyond, it interpolates
_MANY_PRODUCTS = 1e10  # in one matrix, from which on threads help
_JUDGED = 2  # modes of each kind of noise, by rows that were left out
_MUCH_WORK = 2.5e6  # rows times weights: one is judged, and the first goes on from fewer rows
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
    of their own: as many as make the mixture best at rows that were left out.

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
    points = starting_points(target, seed, None, starts + modes - 1)
    return Problem(
        target,
        arrays_of(model),
        noise_prior_of(target),
        model.likelihood.head,
        points[:starts] if start is None else start[None],
        points[starts:],
    )


def _evenly(problem: Problem) -> Problem:
    """The same with noise that does not vary: all weights of the head are 0."""
    model = cast(BayesianNetwork, problem.target.model)
    head = head_places(model, model.output_size(rows_first(problem.target.batch).inputs))
    return problem._replace(
        arrays=arrays_of(model, head),
        varies=False,
        starts=problem.starts.at[:, head].set(0.0),
        others=problem.others.at[:, head].set(0.0),
    )


def _shares(problem: Problem, seed: int, modes: int, bar: Progress) -> list[_Part]:
    """How many modes noise that varies has, and how many even noise; first what has more."""
    weights = np.asarray(problem.target.batch.weights)
    rows, parts, scores = left_out(weights, seed), [], []
    much = len(weights) * problem.arrays.places.size >= _MUCH_WORK
    try:
        for kind in (problem, _evenly(problem)):
            fewer = kind._replace(target=without(kind.target, rows))
            lead, found = _modes_of(_Part(fewer, 1 if much else _JUDGED), bar, brief=True)
            places, others = kind.arrays.places, kind.others
            for i, one in enumerate(found[1:]):
                others = others.at[i].set(one.mean)
            parts.append(_Part(kind._replace(others=others), modes, lead))
            if lead.result is Result.interrupted:
                return parts[-1:]
            each = [log_scores(lead.target, one, places, rows, seed) for one in found]
            scores.append(np.logaddexp.reduce(each) - math.log(len(each)))
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


def _learn(parts: Sequence[_Part], even_noise: bool, bar: Progress) -> Learned:
    """The modes of the first part, then those of another, with the same degrees of freedom."""
    lead, members = _modes_of(parts[0], bar)
    result, free = lead.result, [parts[0].problem.arrays.places] * len(members)
    model = cast(BayesianNetwork, lead.target.model)
    df = getattr(model.likelihood, "df", None)
    for part in parts[1:] if result is not Result.interrupted else ():
        other, more = _modes_of(part, bar, df)
        if other.result is Result.interrupted:
            result = other.result
        else:
            members, free = members + more, free + [part.problem.arrays.places] * len(more)
    bar.close(sum(len(it.trace) for it in lead.rounds))
    whole = len(arrays_of(model).places)
    facts = {"effective_parameters": lead.scales.used, "rounds": len(lead.rounds)}
    if even_noise:
        facts["modes_of_even_noise"] = sum(len(places) < whole for places in free)
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
    part: _Part, bar: Progress, df: Array | None = None, brief: bool = False
) -> tuple[FirstMode, list[Gaussian]]:
    """The first mode, and a Gaussian at it and at others that do not interpolate the rows."""
    problem, modes, before = part
    problem = problem._replace(noise=problem.noise._replace(df=None if df is None else float(df)))
    lead = leading_mode(problem, bar) if before is None else from_fewer_rows(problem, before, bar)
    found = [_gaussian(lead.target, problem, lead.scales, lead.z)]
    try:
        starts = problem.others[: modes - 1]
        for start in starts if lead.result is not Result.interrupted else ():
            z, scales = other_mode(problem, lead, start, brief)
            if scales.used <= _MOST_USED * problem.observations:
                found.append(_gaussian(lead.target, problem, scales, z))
    except KeyboardInterrupt:
        lead = lead._replace(result=Result.interrupted)
    return lead, found


def _gaussian(target: Target, problem: Problem, scales: Scales, z: Array) -> Gaussian:
    """Weights with the inverse of their precision as covariance, apart from the noise sds.

    Weights of a head that are 0 keep a little of their prior's sd: a Gaussian has a density.
    """
    model, places = cast(BayesianNetwork, target.model), problem.arrays.places
    precision = gauss_newton(target, z, places)
    precision += np.diag(problem.arrays.sds(scales.factors) ** -2.0)
    root, whole = np.zeros((z.size, z.size)), arrays_of(model)
    root[whole.places, whole.places] = _STILL * whole.sd
    root[np.ix_(places, places)] = invert(precision).root
    root[scales.noise.places, scales.noise.places] = scales.noise.sd
    return Gaussian(z, jnp.asarray(root, z.dtype))
