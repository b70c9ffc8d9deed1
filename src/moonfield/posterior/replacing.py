"""The same fit, seen otherwise."""

from typing import TYPE_CHECKING

from ..families import AbstractApproximation
from ..model import AbstractModel
from .record import Diagnostics

if TYPE_CHECKING:
    from .posterior import Posterior


def replaced(
    posterior: "Posterior",
    model: AbstractModel | None = None,
    approximation: AbstractApproximation | None = None,
    diagnostics: Diagnostics | None = None,
) -> "Posterior":
    """A posterior of the same fit and rows with another model, approximation or diagnostics.

    It has no run: where its optimiser stood says nothing about it.
    """
    return type(posterior)(
        posterior.model if model is None else model,
        posterior.approximation if approximation is None else approximation,
        posterior.elbo,
        posterior.diagnostics if diagnostics is None else diagnostics,
        posterior.columns,
        posterior.data,
        stream=posterior.stream,
    )
