"""What a method is: by steps in the compiled loop, or in one go."""

import abc
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from .._core.results import Result
from ..data import Batch
from ..families import AbstractApproximation
from ..model import AbstractModel, Space
from .target import Target

Placing = Literal["whitened", "scaled"]


class StepInfo(NamedTuple):
    """What a step reports: its estimate of the ELBO (or of what it maximises), nats."""

    elbo: Float[Array, ""]


class AbstractMethod(eqx.Module):
    """A way to fit: configuration only."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The method's name in tables and files."""

    @property
    def amortised(self) -> bool:
        """Whether an encoder gives local latent variables, which are then no parameters."""
        return False

    @property
    def placing(self) -> Placing | None:
        """In which coordinates it fits a program best; None for the program's own."""
        return None

    def bind(self, model: AbstractModel) -> "AbstractMethod":
        """The method for this model; `ValueError` where it cannot fit it."""
        return self


class AbstractStepping(AbstractMethod):
    """A method whose updates the compiled loop runs: batches, progress and the automatic stop.

    A state is a named tuple whose field `vector` holds all variational parameters, flat; the loop
    averages them. Other fields (an optimiser's state) are the method's own.
    """

    tuned: eqx.AbstractVar[
        bool
    ]  # whether the loop may lower the step size in a fixed number of steps

    @property
    def quantity(self) -> str:
        """The name of what a step reports, bigger is better."""
        return "ELBO"

    @property
    def climbs(self) -> bool:
        """Whether the fit climbs what a step reports, so that it can choose and end a fit."""
        return True

    @abc.abstractmethod
    def noise_shape(self, size: int) -> tuple[int, int]:
        """(draws, standard normal numbers a draw) of one step, for z of `size` numbers."""

    @property
    def row_noise(self) -> int:
        """Further standard normal numbers a draw for each row of a batch; all rows' come last."""
        return 0

    def suited(self, model: AbstractModel, row: PyTree, rows: int) -> "AbstractStepping":
        """The method for steps of so many rows; `row` has the shapes of one row's inputs."""
        return self

    @property
    def row_tolerance(self) -> float | None:
        """Nats a row that more steps must be worth to the automatic stop; None for its own rule."""
        return None

    @property
    def parts(self) -> int:
        """How many independent parts a state has; then all its arrays, and a step's draws, lead
        with them.
        """
        return 1

    @property
    def fusible(self) -> bool:
        """Whether XLA compiles a loop over steps rightly with fused kernels on the CPU."""
        return True

    @abc.abstractmethod
    def init(self, locate: Callable[[Array], Array], key: Array) -> Any:
        """The first state; `locate(key)` is a random unconstrained location (size,)."""

    @abc.abstractmethod
    def resume(self, approximation: AbstractApproximation) -> Any:
        """The state that continues from an approximation; `ValueError` if it is of another kind."""

    @abc.abstractmethod
    def step(
        self,
        model: AbstractModel,
        space: Space,
        state: Any,
        noise: Float[Array, "draws noise"],
        batch: Batch,
        scale: Any,
        step_size: Any,
    ) -> tuple[Any, StepInfo]:
        """One update; `scale` is N over the batch's rows, `step_size` multiplies the update.

        With `step_size` 0 the vector stays what it is: so the loop evaluates the ELBO.
        """

    def gradient(
        self,
        model: AbstractModel,
        space: Space,
        vector: Float[Array, " parameters"],
        noise: Float[Array, "draws noise"],
        batch: Batch,
        scale: Any,
        step: Int[Array, ""],
    ) -> Float[Array, " parameters"] | None:
        """A step's estimate of the ELBO's gradient; None for a method that has none to show."""
        return None

    def path_of(self, space: Space, index: int) -> str:
        """The path of the parameter that a variational parameter of the vector speaks of."""
        return space.path_of(index % space.size)

    @abc.abstractmethod
    def approximation(self, vector: np.ndarray, size: int) -> AbstractApproximation:
        """What flat variational parameters stand for."""


class Outcome(NamedTuple):
    """What a method that works in one go returns."""

    approximation: AbstractApproximation
    trace: np.ndarray  # what was maximised, nats, by iteration: the ELBO or the log joint density
    result: Result
    steps: int  # iterations, or draws a chain
    evaluations: int  # gradients of the log joint density over all rows
    elbo: tuple[float, float]  # the ELBO and its Monte Carlo error; nan where there is none
    compile_seconds: float
    facts: dict[str, Any]  # more for the diagnostics: {"r_hat": 1.003, ...}
    model: AbstractModel | None = None  # whose parameters were found, if not the one that was given
    method: str | None = None  # which one it was in the end, if not the one that was asked


class AbstractDirect(AbstractMethod):
    """A method that sees all rows at once and brings its own loop."""

    @abc.abstractmethod
    def run(
        self, target: Target, seed: int, start: PyTree | None = None, progress: bool = False
    ) -> Outcome:
        """Fit; `start` is an unconstrained location (size,); `progress` shows a bar, if slow."""
