"""Simulation-based calibration: does a method recover what it is told the truth is?"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from scipy import stats

from .._core.checks import whole
from .._core.keys import Stream, stream
from ..model import BoundProgram, Program

_TERMS, _LEAST = 100, 0.1  # of a series that is 1 below


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Ranks of true parameters among posterior draws, over simulated data sets.

    Attributes:
        ranks: site -> (simulations, ...): how many of `draws` posterior draws lie below the truth.
            Uniform on 0..draws where the posterior is right.
        draws: posterior draws of each fit.
        uniform: site -> (...) p-value of a chi-square test of uniform ranks (Talts et al., 2018,
            "Validating Bayesian inference algorithms with simulation-based calibration").
        centred: site -> (...) p-value of a Kolmogorov-Smirnov test that ranks are symmetric about
            their middle: small where point estimates are biased, whatever the width (VSBC; Yao,
            Vehtari, Simpson & Gelman, 2018, "Yes, but did it work?", section 3.2).
    """

    ranks: dict[str, np.ndarray]
    draws: int
    uniform: dict[str, np.ndarray]
    centred: dict[str, np.ndarray]

    def __str__(self) -> str:
        width = max(map(len, self.ranks))
        lines = [f"{'site':<{width}}  uniform (smallest p)  centred (smallest p)"]
        for name in self.ranks:
            uniform, centred = self.uniform[name].min(), self.centred[name].min()
            lines.append(f"{name:<{width}}  {uniform:20.3g}  {centred:20.3g}")
        return "\n".join(lines)


def sbc(
    program: Program,
    data: Mapping[str, Any],
    fit: Callable[[dict[str, Any]], Any],
    simulations: int = 200,
    draws: int = 99,
    seed: int = 0,
) -> Calibration:
    """Draw parameters from the prior and data from them, fit, and rank the truth; many times.

    Args:
        program: the program whose method is in question. Its priors must be proper and its observed
            sites arguments of their own.
        data: its arguments; observed values are replaced by simulated ones of the same shape.
        fit: from data to a posterior: `lambda data: mf.fit(program, data=data, method="advi")`.
        simulations: how many data sets.
        draws: posterior draws to rank among.

    Raises:
        ValueError: an observed site is not one of the arguments.
    """
    whole(simulations, "simulations")
    whole(draws, "draws")
    model, _ = program.bind(data)
    for target in model.layout.targets:
        if target.data is None:
            raise ValueError(f"The observed site {target.site!r} is not an argument of its own.")
    key = stream(seed, Stream.prior)
    simulate = jax.jit(lambda index: _simulate(model, data, jax.random.fold_in(key, index)))
    ranks: dict[str, list[np.ndarray]] = {}
    for index in range(simulations):
        truth, observed = jax.tree.map(np.asarray, simulate(index))
        drawn = fit({**data, **observed}).sample(draws, seed=index)
        for name, value in truth.items():
            below = np.sum(np.asarray(drawn[name]) < value, axis=0)
            ranks.setdefault(name, []).append(below)
    stacked = {name: np.stack(parts) for name, parts in ranks.items()}
    return Calibration(
        stacked,
        draws,
        {name: _each(_uniform, array, draws) for name, array in stacked.items()},
        {name: _each(_centred, array, draws) for name, array in stacked.items()},
    )


def _simulate(model: BoundProgram, data: Mapping[str, Any], key: Any) -> tuple[dict, dict]:
    """Parameters from the prior, and the observed arguments that they make."""
    prior_key, data_key = jax.random.split(key)
    params = model.sample_prior(prior_key)
    names = {target.site: target.data for target in model.layout.targets}
    inputs = {
        name: np.asarray(value)
        for name, value in data.items()
        if name not in names.values() and not isinstance(value, bool | int | float | str | None)
    }
    trace = model.trace(params, inputs, data_key)
    return params, {argument: trace[site]["value"] for site, argument in names.items()}


def _each(test: Callable[[np.ndarray, int], float], ranks: np.ndarray, draws: int) -> np.ndarray:
    flat = ranks.reshape(len(ranks), -1)
    return np.array([test(column, draws) for column in flat.T]).reshape(ranks.shape[1:])


def _uniform(ranks: np.ndarray, draws: int) -> float:
    """Chi-square over about one bin for ten simulations."""
    bins = int(np.clip(len(ranks) // 10, 2, draws + 1))
    counts, _ = np.histogram(ranks, bins=bins, range=(-0.5, draws + 0.5))
    edges = np.linspace(-0.5, draws + 0.5, bins + 1)
    whole_ranks = np.arange(draws + 1)
    shares = np.histogram(whole_ranks, bins=edges)[0] / (draws + 1)
    return float(stats.chisquare(counts, shares * len(ranks)).pvalue)


def _centred(ranks: np.ndarray, draws: int) -> float:
    """By the largest difference of the ranks' distribution from its own mirror image.

    Root n times it goes to the largest size of Brownian motion in unit time, where the ranks are
    symmetric, and not to what it is for two independent samples: the image goes with the ranks.
    """
    result: Any = stats.ks_2samp(ranks, draws - ranks)
    largest = math.sqrt(len(ranks)) * float(result.statistic)
    odd = 2.0 * np.arange(_TERMS) + 1.0
    terms = np.exp(-((odd * np.pi / max(largest, _LEAST)) ** 2) / 8.0) / odd
    return float(np.clip(1.0 - 4.0 / np.pi * (terms[::2].sum() - terms[1::2].sum()), 0.0, 1.0))
