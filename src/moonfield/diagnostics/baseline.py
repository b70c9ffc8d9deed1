"""The trivial prediction that a model has to beat: the same for every row."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
from scipy import stats

from .._core.checks import whole
from ..data import as_weights
from .class_probabilities import ClassProbabilities
from .predicted import check_level


def class_baseline(labels: Any, classes: int, rows: int, weights: Any = None) -> ClassProbabilities:
    """Each row gets the frequencies of these labels, with one count shared by all classes.

    `p_k = (n_k + 1 / K) / (n + 1)`, so that no class is held to be impossible.

    Args:
        labels: (n,) classes 0 to K - 1, usually those of the training rows.
        classes: K.
        rows: how many rows are predicted.
        weights: (n,) of the labels; all 1 by default.
    """
    labels = np.asarray(labels).ravel().astype(np.intp)
    weight = np.ones(len(labels)) if weights is None else as_weights(weights, len(labels))
    counts = np.bincount(labels, weight, whole(classes, "classes", 2)) + 1.0 / classes
    return ClassProbabilities(np.tile(counts / counts.sum(), (rows, 1)))


def number_baseline(y: Any, rows: int, discrete: bool = False, weights: Any = None) -> "Marginal":
    """Each row gets one law with the mean and sd of these targets.

    Numbers: normal. Counts: negative binomial where they vary more than their mean, else Poisson.

    Args:
        y: (n,) targets, usually those of the training rows.
        rows: how many rows are predicted.
        discrete: whether targets are counts.
        weights: (n,) of the targets; all 1 by default.

    Raises:
        ValueError: y never varies, so that there is nothing to predict.
    """
    values = np.asarray(y, np.float64).ravel()
    weight = np.ones(len(values)) if weights is None else as_weights(weights, len(values))
    mean = float(np.average(values, weights=weight))
    variance = float(np.average((values - mean) ** 2, weights=weight))
    if not variance > 0.0:
        raise ValueError("The targets never vary: a baseline needs two values or more.")
    return Marginal(_law(mean, variance, discrete), rows, discrete)


@dataclasses.dataclass(frozen=True)
class Marginal:
    """The same law of numbers for every row; all metrics of numbers take it.

    Attributes:
        law: a frozen distribution of `scipy.stats`.
        rows: how many rows.
        discrete: whether targets are counts.
    """

    kind: ClassVar[str] = "numbers"
    law: Any
    rows: int
    discrete: bool = False

    @property
    def mean(self) -> np.ndarray:
        """The law's mean: (rows,)."""
        return np.full(self.rows, float(self.law.mean()))

    @property
    def sd(self) -> np.ndarray:
        """The law's sd: (rows,)."""
        return np.full(self.rows, float(self.law.std()))

    def log_prob(self, y: Any) -> np.ndarray:
        """Log-density of targets, nats: (rows,)."""
        return self.law.logpmf(y) if self.discrete else self.law.logpdf(y)

    def cdf(self, y: Any) -> np.ndarray:
        """Probability of at most y: (rows,)."""
        return self.law.cdf(y)

    def quantile(self, q: float) -> np.ndarray:
        """The law's quantile: (rows,)."""
        check_level(q, "q")
        return np.full(self.rows, float(self.law.ppf(q)))

    def interval(self, level: float = 0.9) -> np.ndarray:
        """The central interval: (rows, 2)."""
        tail = (1.0 - level) / 2.0
        return np.stack([self.quantile(tail), self.quantile(1.0 - tail)], axis=-1)

    def sample(self, n: int | None = None) -> np.ndarray:
        """Independent draws: (n, rows); 500 by default, always the same."""
        shape = (500 if n is None else whole(n, "n"), self.rows)
        return np.asarray(self.law.rvs(shape, random_state=np.random.default_rng(0)), np.float64)


def _law(mean: float, variance: float, discrete: bool) -> Any:
    if not discrete:
        return stats.norm(mean, variance**0.5)
    if variance <= mean:
        return stats.poisson(mean)
    p = mean / variance
    return stats.nbinom(mean * p / (1.0 - p), p)
