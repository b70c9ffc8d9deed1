"""Checks of a network's fit in function space."""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .._core.checks import whole
from ..diagnostics import Check, check_predictions, disagreement
from ..inference import GradientNoise, gradient_noise
from ..model import AbstractNetworkModel, space
from ..predictive import checked_prediction
from .new_groups import with_new_groups

if TYPE_CHECKING:
    from .posterior import Posterior

_ROWS = 5_000  # of the training data that are looked at


def checked(posterior: "Posterior", X: Any, y: Any, draws: int, seed: int) -> Check:
    """See `Posterior.check`."""
    whole(draws, "draws")
    if not isinstance(posterior.model, AbstractNetworkModel):
        raise TypeError(
            f"check is for networks, got {type(posterior.model).__name__}: its parameters mean "
            "something, so that posterior.khat and diagnostics.restart_elbos judge the fit."
        )
    if y is not None and X is None:
        raise ValueError("y was given without X; give both for held-out rows.")
    training, inputs, seen = None, X, _seen(posterior)
    if seen is not None:
        prediction = posterior.predict(seen[0], draws=draws, seed=seed)
        training = np.asarray(prediction.log_prob(seen[1]))
        inputs = seen[0] if X is None else X
    held_out = None
    if y is not None:
        held_out = np.asarray(posterior.predict(X, draws=draws, seed=seed).log_prob(y))
    return check_predictions(training, held_out, _restarts(posterior, inputs, draws, seed))


def _seen(posterior: "Posterior") -> tuple[Any, Any] | None:
    """Inputs and targets of training rows that counted, where there are any at hand."""
    if posterior.data is not None:
        weights = posterior.data.weights
        known = np.arange(posterior.data.rows) if weights is None else np.flatnonzero(weights)
        rows = known[np.unique(np.linspace(0, len(known) - 1, min(_ROWS, len(known))).astype(int))]
        seen = posterior.data.inputs, posterior.data.targets
        return jax.tree.map(lambda leaf: leaf[rows], seen)
    if posterior.stream is None:
        return None
    inputs, targets, weights = posterior.stream.some(_ROWS)
    counted = np.flatnonzero(weights)
    return jax.tree.map(lambda leaf: leaf[counted], (inputs, targets))


def _restarts(posterior: "Posterior", X: Any, draws: int, seed: int) -> float | None:
    """The disagreement of the restarts that ended at finite parameters."""
    if posterior.run is None or X is None:
        return None
    method, ends, best = posterior.run
    finite = np.flatnonzero(np.isfinite(ends).all(axis=1))
    if len(finite) < 2 or best not in finite:
        return None
    size, inputs = space(posterior.model).size, posterior.inputs(X)
    predictions = {
        i: checked_prediction(
            *with_new_groups(posterior.model, method.approximation(ends[i], size)),
            inputs, draws, seed,
        )
        for i in finite.tolist()
    }  # fmt: skip
    means = np.stack([prediction.mean for prediction in predictions.values()])
    return disagreement(means, predictions[best].epistemic)


def noise_of(posterior: "Posterior") -> GradientNoise | None:
    """See `Posterior.gradient_noise`."""
    rows = posterior.stream if posterior.data is None else posterior.data
    if posterior.run is None or rows is None:
        return None
    facts, run = posterior.diagnostics, posterior.run
    return gradient_noise(
        posterior.model,
        run.method,
        rows,
        facts.batch_size,
        facts.seed,
        run.parameters[run.best],
        facts.steps,
    )
