"""How strange a target is to a prediction: the scores of conformal prediction."""

from typing import Any

import numpy as np

from .predicted import class_targets, number_targets


def band(prediction: Any, score: str, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower and upper ends (rows, ...), and the unit of y by which a score of 1 moves them out."""
    if score == "quantile":
        lower, upper = np.moveaxis(np.asarray(prediction.interval(level), np.float64), -1, 0)
        return lower, upper, np.ones_like(lower)
    mean = np.asarray(prediction.mean, np.float64)
    return mean, mean, np.asarray(prediction.sd, np.float64)


def number_scores(prediction: Any, y: Any, score: str, level: float) -> np.ndarray:
    """How far targets lie outside the band, in its units: (rows, ...); negative inside."""
    lower, upper, unit = band(prediction, score, level)
    targets = number_targets(y, lower.shape)
    return np.maximum(lower - targets, targets - upper) / unit


def all_class_scores(p: np.ndarray, score: str) -> np.ndarray:
    """The score of each class if it were the label: (rows, ..., K)."""
    if score == "lac":
        return 1.0 - p
    order = np.argsort(-p, axis=-1, kind="stable")
    total = np.cumsum(np.take_along_axis(p, order, axis=-1), axis=-1, dtype=np.float64)
    total /= total[..., -1:]  # else those of all classes, 1, differ by rounding
    for place in range(1, p.shape[-1]):  # what adds nothing is stranger than what came before
        least = np.nextafter(total[..., place - 1], np.inf)
        total[..., place] = np.maximum(total[..., place], least)
    out = np.empty_like(total)
    np.put_along_axis(out, order, total, axis=-1)
    return out


def class_scores(prediction: Any, y: Any, score: str) -> np.ndarray:
    """The score of each label: (rows, ...)."""
    p, labels = class_targets(prediction, y, "Conformal")
    scores = all_class_scores(p, score)
    return np.take_along_axis(scores, labels[..., None], axis=-1)[..., 0]
