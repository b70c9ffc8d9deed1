"""The same fit, seen otherwise."""

import dataclasses
from typing import TYPE_CHECKING

from ..families import AbstractApproximation
from ..model import AbstractModel
from .record import Diagnostics

if TYPE_CHECKING:
    from .posterior import Posterior

_HOW_GOOD = ("khat", "effective_draws", "gradient_signal_to_noise")  # facts


def replaced(
    posterior: "Posterior",
    model: AbstractModel | None = None,
    approximation: AbstractApproximation | None = None,
    diagnostics: Diagnostics | None = None,
) -> "Posterior":
    """A posterior of the same fit and rows with another model, approximation or diagnostics.

    It has no run: where its optimiser stood says nothing about it. Without diagnostics of its own
    it has those of the fit, but for how good another model or approximation was.
    """
    own = posterior.diagnostics if diagnostics is None else diagnostics
    if diagnostics is None and (model is not None or approximation is not None):
        facts = {name: fact for name, fact in own.facts.items() if name not in _HOW_GOOD}
        own = dataclasses.replace(own, facts=facts)
    return type(posterior)(
        posterior.model if model is None else model,
        posterior.approximation if approximation is None else approximation,
        posterior.elbo,
        own,
        posterior.columns,
        posterior.data,
        stream=posterior.stream,
    )
