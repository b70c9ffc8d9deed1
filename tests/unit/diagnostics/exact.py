"""Predictions whose distribution is known exactly."""

import dataclasses
from typing import Any

import numpy as np
from scipy import stats

import moonfield as mf


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A prediction of numbers by any scipy distribution of shape (rows, ...)."""

    law: Any
    discrete: bool = False
    draws: int = 2_000
    kind = "numbers"

    @property
    def rows(self) -> int:
        return len(self.mean)

    @property
    def mean(self) -> np.ndarray:
        return np.asarray(self.law.mean())

    @property
    def sd(self) -> np.ndarray:
        return np.asarray(self.law.std())

    def cdf(self, y: Any) -> np.ndarray:
        return self.law.cdf(y)

    def log_prob(self, y: Any) -> np.ndarray:
        return self.law.logpdf(y).reshape(self.rows, -1).sum(axis=1)

    def quantile(self, q: float) -> np.ndarray:
        return self.law.ppf(q)

    def interval(self, level: float = 0.9) -> np.ndarray:
        tail = (1.0 - level) / 2.0
        return np.stack([self.quantile(tail), self.quantile(1.0 - tail)], axis=-1)

    def sample(self, n: int | None = None) -> np.ndarray:
        n = n or self.draws
        return self.law.rvs((n, *self.mean.shape), random_state=np.random.default_rng(3))


def normal(mean: Any, sd: Any = 1.0, draws: int = 2_000) -> Numbers:
    mean = np.asarray(mean, float)
    return Numbers(
        stats.norm(mean, np.broadcast_to(np.asarray(sd, float), mean.shape)), False, draws
    )


def classes(p: Any) -> mf.diagnostics.ClassProbabilities:
    return mf.diagnostics.ClassProbabilities(np.asarray(p, float))


def two_classes(p: Any) -> mf.diagnostics.ClassProbabilities:
    """From the probabilities of class 1."""
    p = np.asarray(p, float)
    return classes(np.stack([1.0 - p, p], axis=-1))


def random_classes(rows: int, k: int, sharp: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (rows, k), and labels that are drawn from them."""
    rng = np.random.default_rng(seed)
    logits = sharp * rng.normal(size=(rows, k))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return p, (rng.random((rows, 1)) > p.cumsum(axis=-1)[:, :-1]).sum(axis=-1)
