"""Do events happen as often as they are said to?"""

import dataclasses
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from .._core.checks import whole
from .pit import pit
from .predicted import Predicted, class_targets

Equal = Literal["mass", "width"]


@dataclasses.dataclass(frozen=True)
class ReliabilityCurve:
    """Stated probabilities against observed frequencies; on the diagonal where calibrated.

    Attributes:
        confidence: (bins,) mean stated probability of a bin; for numbers a level of the cdf.
        frequency: (bins,) how often it came true.
        count: (bins,) targets in the bin; for numbers all of them, at every level.
        se: (bins,) standard error of `frequency` if it were equal to `confidence`:
            `sqrt(confidence (1 - confidence) / count)`, so that gaps of several are miscalibration.
    """

    confidence: np.ndarray
    frequency: np.ndarray
    count: np.ndarray
    se: np.ndarray


def reliability(
    prediction: Predicted, y: Any, bins: int = 15, equal: Equal = "mass", seed: int = 0
) -> ReliabilityCurve:
    """The reliability curve of a prediction; several targets a row are pooled.

    Classes: the probability of the most probable class, in bins, against how often that class is
    right (Guo, Pleiss, Sun & Weinberger, 2017, "On calibration of modern neural networks", eqs
    1-2). Bins without a target are left out.

    Numbers: levels 1/bins, ..., (bins - 1)/bins against the fraction of targets below that quantile
    (Kuleshov, Fenner & Ermon, 2018, "Accurate uncertainties for deep learning", eq 8), by `pit`.
    These have both equal mass and equal width.

    Args:
        prediction: of some rows.
        y: their targets.
        bins: how many bins.
        equal: "mass": as many targets in each bin, up to one, where no confidences tie; equal
            confidences stay in one bin, so that the order of rows does not matter. "width": bins
            `((m - 1)/bins, m/bins]`.
        seed: for counts, see `pit`.

    Raises:
        TypeError, ValueError: y does not fit the prediction, bins is not a whole number of 1 or
            more (2 for numbers), or equal is something else.
    """
    _check_equal(equal)
    if prediction.kind == "classes":
        bins = whole(bins, "bins")
        return _of_classes(*class_targets(prediction, y, "reliability"), bins, equal)
    return _of_numbers(pit(prediction, y, seed), whole(bins, "bins", least=2))


def ece(
    prediction: Predicted, y: Any, bins: int = 15, equal: Equal = "mass", seed: int = 0
) -> float:
    """Expected calibration error: mean gap of the reliability curve, from 0 to 1; less is better.

    `sum_bins count / total |frequency - confidence|` (Guo et al., 2017, eq 3, with equal widths;
    Nguyen & O'Connor, 2015, "Posterior calibration and exploratory analysis for natural language
    processing models", with equal masses); for numbers the mean over levels of
    `|frequency - level|`.

    Biased upwards where bins have few targets: even a calibrated prediction has about
    `0.8 sqrt(p (1 - p) bins / rows)`. Compare only numbers from as many rows and bins.

    Raises:
        TypeError, ValueError: as `reliability`.
    """
    curve = reliability(prediction, y, bins, equal, seed)
    gap = np.abs(curve.frequency - curve.confidence)
    return float(np.average(gap, weights=curve.count))


def _of_classes(p: np.ndarray, labels: np.ndarray, bins: int, equal: Equal) -> ReliabilityCurve:
    confidence = p.max(axis=-1).ravel()
    right = (p.argmax(axis=-1) == labels).ravel()
    place = _by_mass(confidence, bins) if equal == "mass" else _by_width(confidence, bins)
    count = np.bincount(place, minlength=bins)
    some = count > 0
    sums = (np.bincount(place, values, bins)[some] for values in (confidence, right))
    stated, frequency = (total / count[some] for total in sums)
    return _curve(stated, frequency, count[some])


def _of_numbers(transform: np.ndarray, bins: int) -> ReliabilityCurve:
    levels = np.arange(1, bins) / bins
    below = np.searchsorted(np.sort(transform, axis=None), levels, side="right")
    return _curve(levels, below / transform.size, np.full(bins - 1, transform.size))


def _curve(stated: np.ndarray, frequency: np.ndarray, count: np.ndarray) -> ReliabilityCurve:
    variance = np.clip(stated * (1.0 - stated), 0.0, None)
    return ReliabilityCurve(stated, frequency, count, np.sqrt(variance / count))


def _by_mass(confidence: np.ndarray, bins: int) -> np.ndarray:
    first = rankdata(confidence, method="min").astype(np.int64) - 1
    return first * bins // len(confidence)


def _by_width(confidence: np.ndarray, bins: int) -> np.ndarray:
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def _check_equal(equal: str) -> None:
    if equal not in ("mass", "width"):
        raise ValueError(f"equal must be 'mass' or 'width', got {equal!r}.")
