"""What is chosen where the user leaves it open: priors, the method, the size of batches."""

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpyro.distributions as dist
from sklearn.exceptions import ConvergenceWarning

from .._core.results import Result
from ..inference import IVON, AbstractDirect, AbstractMethod, Ensemble, Laplace, as_method
from ..model import BayesianNetwork
from ..posterior import Posterior, fit
from ..priors import Normal, Scaled

_HEAD_SD = 0.5
_PRECISION = 1_000.0  # of each weight, at the start of a fit
_TOLERANCE = 0.01  # nats a row
_MOST_ROWS = 1_200  # up to which a step sees all of them
_BATCH = 256
_MODES = 4
_FEWEST_ROWS = 100  # for prior and noise by evidence
_MOST_WEIGHTS = 2_000
_MOST_PRODUCTS = 1e11
_MOST_VARYING = 2e10  # of these for noise that varies, which doubles them


def network_prior(
    sd: float, output_sd: float, sizes: Sequence[int], heads: int = 0
) -> dict[str, Any]:
    """Pre-activations of hidden layers have prior sd `sd`, outputs `output_sd`, biases 1.

    The last `heads` outputs, which say how the noise varies, have prior sd 0.5.
    """
    layers, last = len(sizes) - 1, Scaled(float(output_sd))
    if heads:
        sds = np.repeat([output_sd, _HEAD_SD], [sizes[-1] - heads, heads])
        table = np.broadcast_to(sds[:, None], (sizes[-1], sizes[-2]))
        last = Normal(0.0, table / math.sqrt(sizes[-2]))
    return {
        f"layers.{layers - 1}.weight": last,
        **({"layers.*.weight": Scaled(float(sd))} if layers > 1 else {}),
        "*": Normal(0.0, 1.0),
    }


def noise_prior(targets: tuple[int, ...]) -> dist.Distribution:
    """The prior of the noise sd of each standardised target.

    Its density falls off fast enough towards 0 that targets which are known exactly, or never
    vary, still have a posterior.
    """
    return dist.InverseGamma(np.full(targets, 1.0), np.full(targets, 0.01))


class Choice(NamedTuple):
    """What method `"auto"` stands for."""

    model: BayesianNetwork
    method: AbstractMethod


def stepping(draws: int) -> IVON:
    """Mean-field in steps: a narrow q to begin with finds better optima than a wide one."""
    return IVON(hessian_init=_PRECISION, draws=draws, tolerance=_TOLERANCE)


def by_evidence(even_noise: bool) -> Laplace:
    """Gaussians of the curvature at some modes, with prior sds and noise of great evidence."""
    return Laplace(
        "gauss_newton", starts=1, empirical_bayes=True, modes=_MODES, even_noise=even_noise
    )


def suits_evidence(model: BayesianNetwork, rows: int) -> bool:
    """Whether a matrix over all weights, summed over rows, takes a second or a few, not minutes.

    Of few rows the evidence would take any noise for signal.
    """
    small = model.size <= _MOST_WEIGHTS and rows * model.size**2 <= _MOST_PRODUCTS
    return small and rows >= _FEWEST_ROWS


def noise_may_vary(model: BayesianNetwork, rows: int) -> bool:
    """Whether a head for the noise, by evidence, does not make minutes of seconds."""
    return rows * model.size**2 <= _MOST_VARYING


def member_method(method: str | AbstractMethod, draws: int) -> str | AbstractMethod:
    """What each member of an ensemble is updated by; of any other method itself."""
    if isinstance(method, str):
        return stepping(draws) if method in ("auto", "ensemble") else method
    return method.of if isinstance(method, Ensemble) else method


def fit_rows(
    model: BayesianNetwork,
    rows: Any,
    method: str | AbstractMethod,
    steps: int | None,
    batch_size: int | str | None,
    seed: int,
    start: Posterior | None,
    verbose: bool,
    checkpoint: Any = None,
) -> Posterior:
    """Fit, and warn where the fit ended before it had converged."""
    inputs, targets, weights = rows
    if batch_size == "auto":
        few = len(inputs) <= _MOST_ROWS
        direct = isinstance(as_method(method, model, len(inputs), by_steps=True), AbstractDirect)
        batch_size = None if few or direct else _BATCH
    posterior = fit(
        model,
        inputs,
        targets,
        weights=weights,
        method=method,
        steps=steps,
        batch_size=batch_size,  # pyright: ignore[reportArgumentType]
        seed=seed,
        start=start,
        progress=verbose,
        checkpoint=checkpoint,
    )
    if posterior.result is Result.not_converged:
        warnings.warn(
            "The fit ended before it had converged; its predictions may be worse than they could "
            "be. Use a smaller network or another method.",
            ConvergenceWarning,
            stacklevel=5,
        )
    return posterior
