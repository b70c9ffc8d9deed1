"""Posteriors with given means and sds, and their predictions computed again in NumPy."""

from typing import Any, NamedTuple

import numpy as np

import moonfield as mf
from tests.helpers import moons_model, posterior_at

ROWS = 60


class Case(NamedTuple):
    """A posterior, rows to predict, and targets there."""

    posterior: mf.Posterior
    X: np.ndarray
    y: np.ndarray


def case(name: str) -> Case:
    rng = np.random.default_rng(11)
    X = rng.normal(size=(ROWS, 2))
    model, y = {
        "bernoulli": lambda: (moons_model(), rng.integers(0, 2, ROWS)),
        "categorical": lambda: (network(3, mf.likelihoods.Categorical()), rng.integers(0, 3, ROWS)),
        "normal": lambda: (network(1, mf.likelihoods.Normal()), rng.normal(size=ROWS)),
        "normal_head": lambda: (
            network(2, mf.likelihoods.Normal(sd="head")),
            rng.normal(size=ROWS),
        ),
        "student_t": lambda: (network(1, mf.likelihoods.StudentT()), rng.normal(size=ROWS)),
        "poisson": lambda: (network(1, mf.likelihoods.Poisson()), rng.poisson(2.0, ROWS)),
        "negative_binomial": lambda: (
            network(1, mf.likelihoods.NegativeBinomial()),
            rng.poisson(2.0, ROWS),
        ),
    }[name]()
    size = posterior_at(model, 0.0, 1.0).approximation.size
    means = np.random.default_rng(5).normal(size=size)
    return Case(posterior_at(model, means, 0.4), X, y.astype(float))


def network(outputs: int, likelihood: Any) -> mf.BayesianNetwork:
    return mf.BayesianNetwork(mf.nets.MLP([2, 4, outputs]), mf.priors.Normal(), likelihood)


def outputs_of(draws: dict, X: np.ndarray) -> np.ndarray:
    """Outputs of an MLP with tanh for every draw of the weights, in float64: (draws, rows, k)."""
    hidden = np.asarray(X, np.float32).astype(np.float64)[None]
    layers = draws["network"].layers
    for i, layer in enumerate(layers):
        hidden = hidden @ np.swapaxes(np.asarray(layer.weight, np.float64), 1, 2)
        if layer.bias is not None:
            hidden = hidden + np.asarray(layer.bias, np.float64)[:, None]
        hidden = np.tanh(hidden) if i < len(layers) - 1 else hidden
    return hidden
