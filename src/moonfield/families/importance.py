"""Pareto-smoothed importance sampling."""

from typing import NamedTuple

import numpy as np


class Smoothed(NamedTuple):
    """Smoothed importance weights and what they say about themselves."""

    log_weights: np.ndarray  # (draws,), normalised: exp sums to 1
    khat: float  # shape of the weights' upper tail; inf where the ratios say nothing

    @property
    def effective_draws(self) -> float:
        """Kish's effective sample size `1 / sum(w^2)`."""
        return float(1.0 / np.sum(np.exp(2.0 * self.log_weights)))


def psis(log_ratios: np.ndarray) -> Smoothed:
    """Smooth importance ratios `log p(z) - log q(z)` of draws from q (draws,), nats.

    The largest ratios are replaced by quantiles of a generalised Pareto distribution fitted to
    them; its shape k-hat says how far q can be trusted: below 0.5 well, above 0.7 not at all
    (Vehtari, Simpson, Gelman, Yao & Gabry, 2024, "Pareto smoothed importance sampling", JMLR 25).
    A ratio that is not finite counts as a weight of 0.
    """
    from arviz_stats.base.array import array_stats  # noqa: PLC0415  takes a second to import

    ratios = np.asarray(log_ratios, np.float64)
    finite = np.isfinite(ratios)
    if finite.sum() < 5:
        return Smoothed(np.full(ratios.shape, -np.log(ratios.size)), float("inf"))
    if np.ptp(ratios[finite]) < 1e-4:  # q is p: no tail to speak of
        weights = np.where(finite, -np.log(finite.sum()), -np.inf)
        return Smoothed(weights, 0.0)
    floor = ratios[finite].max() - 700.0
    bounded = np.where(finite, np.maximum(ratios, floor), floor)
    log_weights, khat = np.where(finite, ratios, -np.inf), np.nan
    try:
        with np.errstate(all="ignore"):  # a tail that underflows has no shape: nan
            smoothed, shape = array_stats.psislw(-bounded)
    except ValueError:  # a tail of one value: so large that it is rounded
        pass
    else:
        if np.isfinite(smoothed).all():
            log_weights, khat = smoothed, shape
    log_weights = log_weights - np.logaddexp.reduce(log_weights)
    return Smoothed(log_weights, float("inf") if np.isnan(khat) else float(khat))


def weighted_moments(z: np.ndarray, log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and sds of weighted draws (draws, size)."""
    weights, z = np.exp(log_weights), np.asarray(z, np.float64)
    mean = weights @ z
    return mean, np.sqrt(weights @ (z - mean) ** 2)


def systematic(log_weights: np.ndarray, count: int, offset: float) -> np.ndarray:
    """`count` indices resampled systematically: index i comes `count w_i` times, to within one.

    `offset` is one uniform number in [0, 1) (Kitagawa, 1996, "Monte Carlo filter and smoother for
    non-Gaussian nonlinear state space models", appendix).
    """
    edges = np.cumsum(np.exp(log_weights))
    places = (np.arange(count) + offset) / count * edges[-1]
    return np.minimum(np.searchsorted(edges, places, side="right"), len(edges) - 1)
