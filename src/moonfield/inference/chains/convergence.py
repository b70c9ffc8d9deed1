"""Whether chains agree, and how many independent draws they are worth."""

import functools
from typing import Any

import jax
import numpy as np
from jaxtyping import Array
from numpyro.diagnostics import effective_sample_size, gelman_rubin
from scipy.special import ndtri
from scipy.stats import rankdata

from ..._core.compiling import RUNS_ONCE, quick_jit
from ..._core.trees import Structure

_ROWS, _BLOCK = 100, 100  # rows that networks are compared on, draws at a time


def agreement(structure: Structure, arrays: list[Array], draws: np.ndarray) -> dict[str, Any]:
    """The `convergence` of chains of z of a target (chains, draws, size).

    Weights of a network may be permuted, which says nothing about its answers: such chains are
    compared by the log-likelihoods of rows, 100 at most.
    """
    if not structure.join(arrays).identified:
        draws = np.asarray(_answers(structure, arrays, draws))
    return convergence(draws)


@functools.partial(quick_jit, static_argnames=("structure",), options=RUNS_ONCE)
def _answers(structure: Structure, arrays: list[Array], draws: Array) -> Array:
    target = structure.join(arrays)
    z = draws.reshape(-1, draws.shape[-1])
    found = jax.lax.map(lambda z: target.row_log_likelihoods(z, _ROWS), z, batch_size=_BLOCK)
    return found.reshape(*draws.shape[:-1], -1)


def convergence(draws: np.ndarray) -> dict[str, Any]:
    """Worst R-hat and smallest effective sample sizes over the numbers of z.

    `draws` are (chains, draws, size), at least four a chain. Rank-normalised split R-hat, bulk and
    tail effective sample sizes of Vehtari, Gelman, Simpson, Carpenter & Bürkner, 2021,
    "Rank-normalization, folding, and localization", Bayesian Analysis 16. They are ArviZ's, which
    takes a second or more to import: a sixth of a small fit.

    A number that is the same in all draws is worth all of them, and its R-hat is left out; where
    there is no other, R-hat is nan.
    """
    half = draws.shape[1] // 2
    halves = np.concatenate([draws[:, :half], draws[:, -half:]]).astype(np.float64)
    normal = _normalised(halves)
    folded = _normalised(np.abs(halves - np.median(halves, axis=(0, 1))))
    low, high = np.quantile(halves, [0.05, 0.95], axis=(0, 1))
    r_hat = [_r_hat(each) for each in (normal, folded) if not _constant(each).all()]
    return {
        "r_hat": float(np.max(r_hat)) if r_hat else float("nan"),
        "ess_bulk": _smallest(normal),
        "ess_tail": min(_smallest(halves <= low), _smallest(halves <= high)),
    }


def _normalised(halves: np.ndarray) -> np.ndarray:
    """Ranks among all draws, as quantiles of the normal distribution."""
    ranks = rankdata(halves.reshape(-1, halves.shape[-1]), axis=0).reshape(halves.shape)
    return ndtri((ranks - 0.375) / (halves.shape[0] * halves.shape[1] + 0.25))


def _constant(halves: np.ndarray) -> np.ndarray:
    """Which numbers are the same in all draws."""
    return (halves == halves[:1, :1]).all(axis=(0, 1))


def _r_hat(halves: np.ndarray) -> float:
    return float(np.max(gelman_rubin(halves[..., ~_constant(halves)])))


def _smallest(halves: np.ndarray) -> float:
    count = halves.shape[0] * halves.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = effective_sample_size(halves.astype(np.float64))
    found = np.where(_constant(halves), count, found)
    return float(np.min(np.minimum(found, count * np.log10(count))))
