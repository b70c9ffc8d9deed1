"""The mode of the posterior, and the method that returns it."""

import functools

import equinox as eqx
import jax
from jaxtyping import Array, Float

from .._core.checks import whole
from .._core.errors import NonFiniteError
from .._core.keys import Stream, streams
from .._core.results import Result
from .._core.trees import Structure, split
from ..families import Particles
from ..model import space
from .method import AbstractDirect, Outcome
from .optimise import Optimum, maximise
from .target import Target

Location = Float[Array, " size"]


class LogDensity(eqx.Module):
    """`log p(data, z)` as a callable tree."""

    target: Target

    def __call__(self, z: Location) -> Float[Array, ""]:
        return self.target.log_density(z)


class MAP(AbstractDirect):
    """The mode of the posterior density of the unconstrained parameters: a point, no uncertainty.

    L-BFGS from several bounded random starts, then Newton's method from the best where there are
    at most 500 numbers. The mode depends on the parameterisation: here the density is that of z,
    with the log-determinant of the bijection.

    Args:
        starts: how many random starts; a `start` given to `fit` replaces them all.

    Raises:
        TypeError, ValueError: `starts` is not a whole number of at least 1.
    """

    starts: int = eqx.field(static=True)

    def __init__(self, starts: int = 4):
        self.starts = whole(starts, "starts")

    @property
    def name(self) -> str:
        return "map"

    def run(
        self, target: Target, seed: int, start: Location | None = None, progress: bool = False
    ) -> Outcome:
        mode = find_mode(target, seed, start, self.starts)
        return Outcome(
            approximation=Particles(mode.point[None]),
            trace=mode.trace,
            result=mode.result,
            steps=len(mode.trace),
            evaluations=mode.evaluations,
            elbo=(float("nan"), float("nan")),
            compile_seconds=mode.compile_seconds,
            facts=mode_facts(mode),
        )


def find_mode(target: Target, seed: int, start: Location | None, starts: int) -> Optimum:
    """The highest mode found.

    Raises:
        NonFiniteError: the density is not finite at any start.
    """
    mode = maximise(LogDensity(target), starting_points(target, seed, start, starts))
    if mode.result is Result.nonfinite:
        raise not_finite(target)
    return mode


def mode_facts(mode: Optimum) -> dict[str, object]:
    """For the diagnostics: how well the mode was found."""
    return {
        "log_joint_density": mode.value,
        "gradient_norm": mode.gradient_norm,
        "distance_in_sds": mode.distance,
        "start_values": [float(value) for value in mode.values],
    }


def starting_points(
    target: Target, seed: int, start: Location | None, count: int
) -> Float[Array, "starts size"]:
    """The start that was given, or bounded random ones."""
    if start is not None:
        return start[None]
    structure, arrays = split(target)
    return _starts(structure, arrays, streams(seed, Stream.start, count))


@functools.partial(jax.jit, static_argnames="structure")
def _starts(structure: Structure, arrays: list[Array], keys: Array) -> Array:
    return jax.vmap(structure.join(arrays).start)(keys)


def not_finite(target: Target) -> NonFiniteError:
    """The error for a density that is finite nowhere."""
    remedy = Result.nonfinite.message.split(". ", 1)[1]
    message = f"The log joint density is not finite at any starting point. {remedy}"
    return NonFiniteError(message, step=0, path=space(target.model).path_of(0))
