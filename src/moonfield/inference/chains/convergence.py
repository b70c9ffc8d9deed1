"""Whether chains agree, and how many independent draws they are worth."""

from typing import Any

import numpy as np


def convergence(draws: np.ndarray) -> dict[str, Any]:
    """Worst R-hat and smallest effective sample sizes over the numbers of z.

    `draws` are (chains, draws, size). Rank-normalised split R-hat, bulk and tail effective sample
    sizes of Vehtari, Gelman, Simpson, Carpenter & Bürkner, 2021, "Rank-normalization, folding, and
    localization", Bayesian Analysis 16.
    """
    from arviz_stats.base.array import array_stats  # noqa: PLC0415  takes a second to import

    array = np.moveaxis(np.asarray(draws, np.float64), -1, 0)
    array = array - array.mean(axis=(1, 2), keepdims=True)
    return {
        "r_hat": float(np.max(array_stats.rhat(array))),
        "ess_bulk": float(np.min(array_stats.ess(array, method="bulk"))),
        "ess_tail": float(np.min(array_stats.ess(array, method="tail", prob=(0.05, 0.95)))),
    }
