"""What a fit reports about itself."""

import dataclasses
from typing import Any

import numpy as np

from .._core.results import Result


@dataclasses.dataclass(frozen=True)
class Diagnostics:
    """Facts about a fit.

    Attributes:
        method: name of the method that ran.
        result: why it ended; `message` says so in words.
        steps: optimiser updates of this fit.
        rows: number of training rows.
        batch_size: rows per step, None for all.
        elbo: estimate of the ELBO at the final parameters, nats.
        elbo_se: Monte Carlo standard error of `elbo`.
        restart_elbos: estimates for every restart; the best is the posterior.
        seed: the seed of the fit.
        compile_seconds: until the first block of steps was dispatched.
        run_seconds: the rest.
        steps_before: steps of the fits that this one continued.
        evaluations: gradients of the log joint density over all rows, where a method counts them.
        quantity: the name of what `elbo` is, where a method maximises something else.
        facts: what the method has to say beside: R-hat and effective sample size of chains, k-hat;
            of a fit by steps `skipped_steps`, the updates that `optax.apply_if_finite` left out
            because of gradients that were not finite (0 for all other optimisers: a value that is
            not finite ends the fit).
    """

    method: str
    result: Result
    steps: int
    rows: int
    batch_size: int | None
    elbo: float
    elbo_se: float
    restart_elbos: tuple[float, ...]
    seed: int
    compile_seconds: float
    run_seconds: float
    steps_before: int = 0
    evaluations: int | None = None
    quantity: str = "ELBO"
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def steps_in_all(self) -> int:
        """Steps of this fit and of those that it continued."""
        return self.steps_before + self.steps

    @property
    def message(self) -> str:
        """Why the fit ended, in words."""
        return self.result.message

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for files and reports."""
        return {**dataclasses.asdict(self), "result": self.result.name}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> "Diagnostics":
        """The inverse of `to_dict`."""
        values = dict(facts)
        values["result"] = Result[values["result"]]
        values["restart_elbos"] = tuple(values["restart_elbos"])
        return cls(**values)

    def __str__(self) -> str:
        seconds = self.compile_seconds + self.run_seconds
        elbo = f"{self.quantity} {self.elbo:,.2f} (Monte Carlo error {self.elbo_se:.2f})"
        return f"{self.method}: {self.steps:,} steps in {seconds:.2f} s, {elbo}. {self.message}"


def mean_and_error(estimates: np.ndarray) -> tuple[float, float]:
    """Mean of finite estimates and its standard error, nan for what too few of them tell."""
    finite = estimates[np.isfinite(estimates)].astype(np.float64)
    mean = finite.mean() if finite.size else np.nan
    error = finite.std(ddof=1) / np.sqrt(finite.size) if finite.size > 1 else np.nan
    return float(mean), float(error)
