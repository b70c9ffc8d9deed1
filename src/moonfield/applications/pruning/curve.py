"""How good a network stays while weights go."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ...diagnostics import Score, accuracy, log_score, rmse
from ...posterior import Posterior
from .prune import ranking, without

_SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98)


class PruningCurve(NamedTuple):
    """Scores of held-out rows by the share of weights that were set to zero.

    Attributes:
        order: which weights went first.
        share: (shares,).
        log_score: (shares,), nats a row; more is better.
        measure: `"accuracy"` of classes, `"rmse"` of numbers, in units of y.
        score: (shares,) of that measure.
        se: (shares,) its standard errors over rows.
    """

    order: str
    share: Float[np.ndarray, " shares"]
    log_score: Float[np.ndarray, " shares"]
    measure: str
    score: Float[np.ndarray, " shares"]
    se: Float[np.ndarray, " shares"]

    def __str__(self) -> str:
        lines = [f"{'pruned':>7}  {self.measure:>9}  log score   by {self.order}"]
        rows = zip(self.share, self.score, self.log_score, strict=True)
        return "\n".join([*lines, *(f"{s:7.1%}  {a:9.4f}  {n:9.4f}" for s, a, n in rows)])


def curve(
    posterior: Posterior,
    X: Any,
    y: Any,
    shares: Sequence[float] = _SHARES,
    paths: str = "*.weight",
    order: str = "signal_to_noise",
    draws: int = 100,
    seed: int = 0,
) -> PruningCurve:
    """Scores of held-out rows X, y after `prune(posterior, share)`, for several shares.

    Raises:
        TypeError, ValueError: as `prune`; X and y are not as in training.
    """
    if not all(0.0 <= share <= 1.0 for share in shares):
        raise ValueError(f"shares must lie between 0 and 1, got {list(shares)}.")
    values = ranking(posterior, paths, order, seed)
    measure = accuracy if posterior.model.kind == "classes" else rmse
    scores: list[tuple[Score, Score]] = []
    for share in shares:
        found = without(posterior, values, share).predict(X, draws=draws, seed=seed)
        scores.append((measure(found, y), log_score(found, y)))
    return PruningCurve(
        order,
        np.array(shares, float),
        np.array([float(score) for _, score in scores]),
        measure.__name__,
        np.array([float(score) for score, _ in scores]),
        np.array([score.se for score, _ in scores]),
    )
