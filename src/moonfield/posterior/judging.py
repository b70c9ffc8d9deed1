"""Whether a posterior is to be trusted, and its correction by importance resampling."""

import dataclasses
import warnings
from typing import TYPE_CHECKING

import jax
import numpy as np

from .._core.checks import whole
from .._core.errors import MoonfieldWarning
from .._core.keys import Stream, uniform
from ..data import Dataset, badly_scaled, full_batch, rows_last
from ..diagnostics import Importance, check_approximation, check_chains, importance, is_clear
from ..families import Particles, systematic
from ..inference import Target
from ..model import AbstractModel, space
from .replacing import replaced
from .streaming import training_rows

if TYPE_CHECKING:
    from .posterior import Posterior

_SIZE = 1_000  # parameters up to which every fit computes k-hat
_WORK = 10**9  # and draws x rows x parameters
_DRAWS, _MORE_DRAWS = 1_000, 10_000


def target_of(model: AbstractModel, rows: Dataset) -> Target:
    """The log joint density of all rows."""
    return Target(model, jax.device_put(rows_last(full_batch(rows))))


def weigh(posterior: "Posterior", draws: int = _DRAWS, seed: int = 0) -> Importance | None:
    """Weighted draws of a posterior; see `Posterior.importance`."""
    whole(draws, "draws", 20)
    rows = training_rows(posterior)
    if posterior.model.local_sites:
        return None
    target = target_of(posterior.model, rows)
    return importance(target, posterior.approximation, draws, seed)


def judged(posterior: "Posterior") -> "Posterior":
    """The posterior of a model whose parameters mean something, with k-hat in its diagnostics.

    Warns once of all that speaks against it. Weights of networks may be permuted: their k-hat is
    nearly always high, and computed only when asked for; chains are judged by their answers.
    """
    size, facts = space(posterior.model).size, posterior.diagnostics.facts
    if not posterior.model.identified:
        _warn(check_chains(facts))
        return posterior
    weighed = None
    if size <= _SIZE and size * posterior.diagnostics.rows * _DRAWS <= _WORK:
        weighed = weigh(posterior)
        if weighed is not None and not is_clear(weighed):
            weighed = weigh(posterior, _MORE_DRAWS)
        if weighed is not None:
            facts["khat"] = weighed.khat
        facts.setdefault("khat", None)  # that of a method that weighs its draws itself stays
    found = check_approximation(facts, weighed, posterior.diagnostics.restart_elbos)
    if found:
        found += _of_scales(posterior)
    _warn(found)
    return posterior


def _warn(sentences: list[str]) -> None:
    if sentences:
        warnings.warn(" ".join(sentences), MoonfieldWarning, stacklevel=5)


def _of_scales(posterior: "Posterior") -> list[str]:
    """Which argument of a program should be standardised: a likely cause."""
    if posterior.data is None:
        return []
    arrays = posterior.model.arguments(posterior.data)
    told = (badly_scaled(np.asarray(a), None, f"In {name!r}, column") for name, a in arrays.items())
    return [f"{sentence}." for sentence in told if sentence is not None]


def resampled(posterior: "Posterior", draws: int, seed: int) -> "Posterior":
    """A posterior of resampled draws; see `Posterior.resample`."""
    weighed = weigh(posterior, draws, seed)
    if weighed is None:
        name = type(posterior.approximation).__name__
        why = "leaves out local sites" if posterior.model.local_sites else "has no density"
        raise ValueError(f"{name} {why}, so its draws cannot be weighted.")
    chosen = systematic(weighed.log_weights, draws, uniform(seed, Stream.importance))
    facts = {
        **posterior.diagnostics.facts,
        "khat": weighed.khat,
        "effective_draws": weighed.effective_draws,
    }
    diagnostics = dataclasses.replace(posterior.diagnostics, facts=facts)
    points = jax.device_put(np.asarray(weighed.z)[chosen])
    return replaced(posterior, approximation=Particles(points), diagnostics=diagnostics)
