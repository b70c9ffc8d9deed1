"""Whether stated uncertainty is right, beyond what chance would do; in plain words."""

import numpy as np
from scipy import stats

from ..diagnostics import Score, coverage_curve, ece, ece_by_chance, pit
from .evaluation import Target
from .findings import Finding
from .scoring import Line
from .words import with_error

_ERRORS = 3.0  # standard errors that are taken as more than chance
_UNIFORM_SD = 12.0**-0.5
_UNLIKELY = 2.0 * float(stats.norm.sf(_ERRORS))


def of_the_target(target: Target, lines: list[Line]) -> list[Finding]:
    """The checks of one target."""
    found = [_against_baseline(lines)]
    if target.kind == "classes":
        return [*found, _calibration(target)]
    return [*found, _coverage(target), _calibration(target), _bias(target)]


def _against_baseline(lines: list[Line]) -> Finding:
    """By the first score that has a gain: log score, or CRPS."""
    name = "Better than the baseline"
    line = next((line for line in lines if line.gain is not None), None)
    if line is None or line.gain is None:
        return Finding(name, "unknown", "There is no baseline: the training targets never vary.")
    what = line.name.rstrip(" ↑↓")
    unit = " nats a row" if what == "log score" else ""
    gain, words = line.gain, with_error(abs(line.gain.value), line.gain.se)
    if _beyond(gain) and gain.value > 0:
        return Finding(name, "fine", f"Its {what} is better by {words}{unit}: it has learned.")
    if _beyond(gain) or not np.isfinite(gain.value):
        remedy = "Do not use it; look at the checks below, and at whether the rows are alike."
        return Finding(name, "look", f"Its {what} is worse by {words}{unit}. {remedy}")
    words = f"Its {what} is not clearly better ({with_error(gain.value, gain.se)}{unit}): "
    words += "the features say little about the target, or there are too few rows to tell."
    return Finding(name, "look", words)


def _calibration(target: Target) -> Finding:
    """The calibration error against its law under predictions that are right."""
    numbers = target.kind == "numbers"
    name = "Calibration at all levels" if numbers else "Calibration of probabilities"
    error = ece(target, target.y, seed=target.of.options.seed)
    low, high = np.quantile(ece_by_chance(target, seed=target.of.options.seed), [0.05, 0.99])
    right = "predictions that are right" if numbers else "right probabilities"
    words = f"The calibration error is {error:.1%}; {right} would give "
    if error <= high:
        return Finding(name, "fine", f"{words}up to {high:.1%} by chance with so many rows.")
    words += f"{low:.1%} to {high:.1%}. "
    return Finding(name, "look", words + (_of_shape(target) if numbers else _of_confidence(target)))


def _of_confidence(target: Target) -> str:
    confidence = float(target.probabilities.max(axis=1).mean())
    right = float((target.label == target.y).mean())
    which = "too sure of itself" if confidence > right else "less sure than it could be"
    return (
        f"The model is {which}: it states {confidence:.1%} on average and is right in "
        f"{right:.1%}. Recalibrate with mf.diagnostics.Temperature on rows of their own."
    )


def _of_shape(target: Target) -> str:
    levels = pit(target, target.y, target.of.options.seed)
    which = "wide" if levels.std() < _UNIFORM_SD else "narrow"
    return (
        f"On the whole predictions are too {which}, or off to one side. Look at the PIT histogram; "
        "recalibrate with mf.diagnostics.IsotonicQuantiles on rows of their own."
    )


def _coverage(target: Target) -> Finding:
    """By a binomial test of the targets inside."""
    level, seed = target.of.options.level, target.of.options.seed
    curve = coverage_curve(target, target.y, [level], seed)
    inside = round(float(curve.frequency[0]) * target.rows)
    low, high = (
        stats.binom(target.rows, level).ppf([_UNLIKELY / 2, 1 - _UNLIKELY / 2]) / target.rows
    )
    share = inside / target.rows
    words = (
        f"{share:.1%} of the targets lie in their {level:.0%} intervals; chance allows "
        f"{low:.1%} to {high:.1%}."
    )
    if low <= share <= high:
        return Finding("Coverage", "fine", words)
    which = "narrow" if share < level else "wide"
    remedy = "Recalibrate with mf.diagnostics.Conformal or IsotonicQuantiles on rows of their own."
    if not target.discrete:
        remedy += " A noise sd that depends on the inputs may help, or heavier tails."
    return Finding("Coverage", "look", f"{words} Intervals are too {which}. {remedy}")


def _bias(target: Target) -> Finding:
    """Whether targets fall in the middle of their predictions, on average."""
    levels = pit(target, target.y, target.of.options.seed)
    off = float(levels.mean()) - 0.5
    # Levels of intervals that are too narrow spread wider than uniform ones.
    error = float((max(1.0 / 12.0, levels.var(ddof=1)) / len(levels)) ** 0.5)
    residual = float((target.y - target.mean).mean())
    words = f"Targets are {with_error(residual, _se(target), sign=True)} off the predicted mean"
    if abs(off) <= _ERRORS * error:
        return Finding("Bias", "fine", f"{words} on average: no more than chance.")
    which = "low" if off > 0 else "high"
    return Finding(
        "Bias",
        "look",
        f"{words} on average, more than chance: predictions are too {which}. Are these rows from "
        "the same source as the training rows?",
    )


def _se(target: Target) -> float:
    return float((target.y - target.mean).std(ddof=1) / target.rows**0.5)


def _beyond(gain: Score) -> bool:
    return abs(gain.value) > _ERRORS * gain.se
