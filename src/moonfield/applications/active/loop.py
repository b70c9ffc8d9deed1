"""Active learning: asking for the labels that would teach most.

A pool of rows without labels is searched, again and again, for those about which the posterior
knows least; an oracle labels them; the model is fitted again, from where it was.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ..._core.checks import whole
from ..._core.keys import check_seed
from ..._core.progress import counted
from ...predictive import Prediction
from .acquisition import Acquisition, as_acquisition

Fit = Callable[[np.ndarray, np.ndarray, Any], Any]
Predict = Callable[[Any, np.ndarray], Prediction]


class Round(NamedTuple):
    """One fit.

    Attributes:
        labels: how many rows had labels.
        score: of the fit, where a `score` was given; else NaN.
        acquired: mean acquisition value of the rows that were asked for next; NaN at the end.
    """

    labels: int
    score: float
    acquired: float


class ActiveLearning(NamedTuple):
    """What came of it.

    Attributes:
        fit: the last fit: a posterior or an estimator.
        labelled: rows of the pool in the order in which they were asked for.
        y: their labels.
        rounds: one for each fit.
        stopped: why it ended: `"budget"`, `"pool"` or `"rule"`.
    """

    fit: Any
    labelled: Int[np.ndarray, " labelled"]
    y: np.ndarray
    rounds: tuple[Round, ...]
    stopped: str

    @property
    def curve(self) -> Float[np.ndarray, "rounds 2"]:
        """Numbers of labels and scores."""
        return np.array([(one.labels, one.score) for one in self.rounds], float)


def learn(
    X: Any,
    oracle: Callable[[Int[np.ndarray, " asked"]], Any],
    fit: Fit,
    *,
    predict: Predict | None = None,
    acquire: str | Acquisition | None = None,
    first: int | Sequence[int] | np.ndarray = 10,
    per_round: int = 1,
    budget: int = 100,
    score: Callable[[Any], float] | None = None,
    stop: Callable[[tuple[Round, ...]], bool] | None = None,
    candidates: int = 2_000,
    seed: int = 0,
    progress: bool = True,
) -> ActiveLearning:
    """Label rows of a pool, those first about which the fit knows least.

    Args:
        X: the pool (rows, ...): an array.
        oracle: row numbers -> their labels, e.g. `lambda rows: y[rows]`.
        fit: `(X, y, previous)` -> a posterior or an estimator fitted to these rows; `previous` is
            the fit before (None at first), to start from: `mf.fit(model, X, y, start=previous)`.
        predict: `(fit, X)` -> a `Prediction`; by default `fit.predict_distribution(X)` where there
            is one, else `fit.predict(X)`.
        acquire: `"mutual_information"` (Houlsby et al., 2011, "Bayesian active learning for
            classification and preference learning"), `"entropy"`, `"margin"`, `"sd"` (for numbers:
            of what the weights do not agree on), `"batch"` (the most informative ones, kept apart
            from one another), `"random"`, or a function of a `Prediction` that gives one value a
            row, larger for rows to ask for first. None is mutual information for classes and sd
            for numbers.
        first: labels to begin with, drawn at random; or the numbers of the rows to begin with, such
            as one of each cluster of the pool.
        per_round: labels between two fits.
        budget: labels in all.
        score: of a fit, e.g. its accuracy on rows kept aside; makes `result.curve`.
        stop: a rule that sees all rounds so far; True ends it, e.g. `settled()`.
        candidates: how many rows of the pool, drawn at random, are looked at in a round; at least
            `per_round`.
        seed: decides the first rows and the candidates.

    Raises:
        TypeError, ValueError: the pool is smaller than `first`, a row of `first` is not in it or
            there twice, an acquisition is unknown or gives another number of values, labels are
            fewer than were asked for.

    Example:
        >>> import numpy as np, moonfield as mf
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> y = (X[:, 0] > 0).astype(int)
        >>> def fit(X, y, previous):
        ...     return mf.BayesianMLPClassifier(hidden=(5,), steps=200, random_state=0).fit(X, y)
        >>> result = mf.applications.active.learn(
        ...     X, lambda rows: y[rows], fit, first=10, budget=14, per_round=2, progress=False
        ... )
        >>> len(result.labelled)
        14
    """
    pool = np.asarray(X)
    per_round, budget = whole(per_round, "per_round"), whole(budget, "budget")
    candidates = whole(candidates, "candidates")
    check_seed(seed)
    choose, predict = as_acquisition(acquire), predict or _predict
    rng = np.random.default_rng(seed)
    labelled = _first(first, len(pool), budget, rng)
    y = _labels(oracle, labelled)
    rounds: list[Round] = []
    found = None
    with counted("labels", budget, progress) as advance:
        while True:
            found = fit(pool[labelled], y, found)
            value = float("nan") if score is None else float(score(found))
            rounds.append(Round(len(labelled), value, float("nan")))
            advance(len(labelled))
            reason = _reason(len(labelled), budget, len(pool), stop, tuple(rounds))
            if reason is not None:
                return ActiveLearning(found, labelled, y, tuple(rounds), reason)
            others = rng.permutation(np.setdiff1d(np.arange(len(pool)), labelled))
            others = others[: max(candidates, per_round)]
            wanted = min(per_round, budget - len(labelled), len(others))
            places, values = choose(predict(found, pool[others]), pool[others], wanted, rng)
            rounds[-1] = rounds[-1]._replace(acquired=float(np.mean(values)))
            asked = others[places]
            labelled = np.concatenate([labelled, asked])
            y = np.concatenate([y, _labels(oracle, asked)])


def _first(
    first: int | Sequence[int] | np.ndarray, pool: int, budget: int, rng: np.random.Generator
) -> Int[np.ndarray, " labelled"]:
    """The rows to begin with."""
    if np.ndim(first):
        rows = np.asarray(first)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise TypeError(
                f"first must be a number of rows or the numbers of rows, got {first!r}."
            )
        known = np.intersect1d(rows, np.arange(pool))
        if not 0 < len(known) == len(rows):
            raise ValueError(f"first must name different rows of the pool, 0 to {pool - 1}.")
        rows, count = rows.astype(np.int64), len(rows)
    else:
        count = whole(first, "first")
        rows = rng.permutation(pool)[:count]
    if pool < count or budget < count:
        raise ValueError(
            f"first is {count}, but the pool has {pool} rows and the budget is {budget}."
        )
    return rows


def settled(rounds: int = 5, tolerance: float = 0.05) -> Callable[[tuple[Round, ...]], bool]:
    """A stopping rule: the pool has little left to teach.

    True once the acquisition value of the rows asked for has been no more than `tolerance` times
    its largest for so many rounds. The rule raises `ValueError` where such values are negative.
    """
    whole(rounds, "rounds")

    def rule(seen: tuple[Round, ...]) -> bool:
        values = np.array([one.acquired for one in seen[:-1]])
        if len(values) < rounds:
            return False
        if values.min() < 0.0:
            raise ValueError(
                f"settled() compares acquisition values with their largest, which needs values of "
                f"at least 0; one is {values.min():g}. Give another stop=, or shift the values."
            )
        return bool((values[-rounds:] <= tolerance * values.max()).all())

    return rule


def _reason(
    labels: int, budget: int, pool: int, stop: Any, rounds: tuple[Round, ...]
) -> str | None:
    if labels >= budget:
        return "budget"
    if labels >= pool:
        return "pool"
    return "rule" if stop is not None and stop(rounds) else None


def _predict(fit: Any, X: np.ndarray) -> Prediction:
    return fit.predict_distribution(X) if hasattr(fit, "predict_distribution") else fit.predict(X)


def _labels(oracle: Callable, rows: np.ndarray) -> np.ndarray:
    labels = np.asarray(oracle(rows))
    if labels.shape[:1] != rows.shape:
        raise ValueError(
            f"The oracle was asked for {len(rows)} labels and gave an array of {labels.shape}."
        )
    return labels
