"""One judge for every system's fit: what its exported (mean, sd) of the 40 weights are worth."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

DRAWS = 10_000
PREDICTIVE_DRAWS = 2_000
BLOCK = 500
SIZES = (2, 5, 5, 1)
WEIGHTS = sum(inputs * outputs for inputs, outputs in pairwise(SIZES))


@dataclass(frozen=True)
class Score:
    """`elbo` in nats on the training rows; on the test rows, log-likelihood in nats per row."""

    elbo: float
    log_likelihood: float
    accuracy: float


class Judge:
    """Scores fits in float64, always with the same standard normal noise."""

    def __init__(self, seed: int = 0) -> None:
        self.noise = np.random.default_rng(seed).standard_normal((DRAWS, WEIGHTS))

    def score(self, fit: dict[str, list[float]], split: dict[str, np.ndarray]) -> Score:
        """`fit` has `mean` and `sd` (40,), each layer's matrix (out, in) row by row."""
        mean, sd = np.asarray(fit["mean"]), np.asarray(fit["sd"])
        if mean.shape != (WEIGHTS,) or sd.shape != (WEIGHTS,) or not (sd > 0).all():
            raise ValueError(f"a fit is {WEIGHTS} means and positive sds; got {mean.shape}")
        draws = mean + sd * self.noise
        test = log_likelihoods(draws[:PREDICTIVE_DRAWS], split["X_test"], split["y_test"])
        predictive = np.logaddexp.reduce(test, axis=0) - np.log(len(test))
        # The probability of what came true is above a half where the prediction is right.
        return Score(
            elbo=elbo(draws, sd, split["X_train"], split["y_train"]),
            log_likelihood=float(predictive.mean()),
            accuracy=float((predictive > np.log(0.5)).mean()),
        )


def elbo(draws: np.ndarray, sd: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    """Mean over draws (draws, 40) of log p(y | w) + log p(w), plus the entropy of q, in nats."""
    blocks = [draws[start : start + BLOCK] for start in range(0, len(draws), BLOCK)]
    likelihood = np.concatenate([log_likelihoods(block, X, y).sum(axis=1) for block in blocks])
    prior = -0.5 * (draws**2).sum(axis=1) - 0.5 * WEIGHTS * np.log(2 * np.pi)
    entropy = np.log(sd).sum() + 0.5 * WEIGHTS * (1 + np.log(2 * np.pi))
    return float((likelihood + prior).mean() + entropy)


def log_likelihoods(draws: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """log p(y | x, w) of every draw and row: (draws, rows), nats."""
    hidden, start = X.T.astype(float), 0
    for inputs, outputs in pairwise(SIZES):
        stop = start + inputs * outputs
        product = draws[:, start:stop].reshape(-1, outputs, inputs) @ hidden
        start, hidden = stop, np.tanh(product) if stop < WEIGHTS else product
    return -np.logaddexp(0.0, (1 - 2 * y) * hidden[:, 0])
