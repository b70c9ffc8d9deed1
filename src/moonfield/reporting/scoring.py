"""How good the predictions are, beside a trivial baseline."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..diagnostics import (
    Marginal,
    Score,
    accuracy,
    auroc_of_errors,
    brier,
    class_baseline,
    coverage,
    crps,
    ece,
    log_score,
    number_baseline,
    r2,
    rmse,
    sharpness,
)
from ..diagnostics.scores import average
from .evaluation import Evaluation, Target
from .page import Table
from .words import score, with_error

_CLASSES = (
    "Log score: nats a row. AUROC: whether rows with errors are the uncertain ones; 0.5 by chance."
)
_NUMBERS = (
    "Log score: nats a row. CRPS, RMSE and widths: in units of y. R²: share of the variance that "
    "is explained. AUROC: whether rows with large errors are the uncertain ones; 0.5 by chance."
)


@dataclasses.dataclass(frozen=True)
class Line:
    """A score of the model and of the baseline.

    Attributes:
        name: of the score, with an arrow that says which way is better.
        model: the model's.
        baseline: the baseline's; None where it has none.
        gain: how much better the model is, by rows in pairs; None where that has no meaning.
        percent: whether values are shares.
    """

    name: str
    model: Score
    baseline: Score | None = None
    gain: Score | None = None
    percent: bool = False

    @property
    def cells(self) -> list[str]:
        """As text."""
        base = "–" if self.baseline is None else score(self.baseline, self.percent)
        if self.gain is None:
            return [self.name, score(self.model, self.percent), base, "–"]
        better = with_error(self.gain.value, self.gain.se, self.percent, sign=True)
        return [self.name, score(self.model, self.percent), base, better]


def baseline_of(target: Target) -> Any:
    """The marginal of the training targets; of the test targets where rows of the fit are gone."""
    known = target.of.subject.training_targets()
    weights = None
    if known is not None:
        known = known if target.place is None else known[:, target.place]
        data = target.of.subject.data
        weights = None if data is None else data.weights
    known = target.y if known is None else known
    if target.kind == "classes":
        return class_baseline(known, target.probabilities.shape[1], target.rows, weights)
    if not np.ptp(known) > 0.0:
        return None
    return number_baseline(known, target.rows, target.discrete, weights)


def lines_of(target: Target, baseline: Any) -> list[Line]:
    """The scores of one target."""
    found = (
        _of_classes(target, baseline) if target.kind == "classes" else _of_numbers(target, baseline)
    )
    return [*found, *_of_ranking(target)]


def joint_line(of: Evaluation, baselines: list[Any]) -> Line:
    """The log score of all targets of a row together; the baseline takes them as independent."""
    together = None
    if all(base is not None for base in baselines):
        parts = [base.log_prob(t.y) for base, t in zip(baselines, of.targets, strict=True)]
        together = average(np.sum(parts, axis=0))
    return _paired("log score ↑", of.log_score, together, 1.0)


def table_of(title: str, lines: list[Line], of: Evaluation) -> Table:
    """The lines as a table."""
    data = of.subject.data
    source = "test" if data is None else "training"
    source = source if data is None or data.weights is None else f"weighted {source}"
    note = (
        "↑ more is better, ↓ less. ± standard error over rows. Baseline: the same prediction for "
        f"every row, {_what(of)} the {source} rows. Gain: by how much the model is better, row by "
        f"row. {_CLASSES if of.kind == 'classes' else _NUMBERS}"
    )
    return Table(["", "model", "baseline", "gain"], [line.cells for line in lines], note, title)


def _what(of: Evaluation) -> str:
    if of.kind == "classes":
        return "the frequencies of the classes among"
    if of.prediction.discrete:
        return "a law of counts with the mean and sd of"
    return "a normal law with the mean and sd of"


def _of_classes(target: Target, baseline: Any) -> list[Line]:
    error = ece(target, target.y)
    return [
        _both("log score ↑", log_score, target, baseline, 1.0),
        _both("Brier score ↓", brier, target, baseline, -1.0),
        _both("accuracy ↑", accuracy, target, baseline, 1.0, percent=True),
        Line("calibration error ↓", _bare(round(error, 4)), percent=True),
    ]


def _of_numbers(target: Target, baseline: Marginal | None) -> list[Line]:
    level, draws = target.of.options.level, len(target.sample())
    crps_of = functools.partial(crps, draws=draws)
    coverage_of = functools.partial(coverage, level=level)
    lines = [_both("CRPS ↓", crps_of, target, baseline, -1.0)]
    lines.append(_unpaired("RMSE ↓", rmse, target, baseline))
    if not target.discrete:
        lines.append(_unpaired("R² ↑", r2, target, None))
    name = f"coverage, should be {level:.0%}"
    lines.append(_unpaired(name, coverage_of, target, baseline, percent=True))
    name = f"width of {level:.0%} intervals ↓"
    lines.append(_unpaired(name, lambda p, y: sharpness(p, level), target, baseline))
    if target.place is not None:  # the log score is that of all targets of a row
        return lines
    first = "log score ↑"
    return [_both(first, log_score, target, baseline, 1.0), *lines]


def _of_ranking(target: Target) -> list[Line]:
    try:
        area = auroc_of_errors(target, target.y)
    except ValueError:  # all rows are right, or all wrong
        return []
    name = "AUROC of errors ↑"
    return [Line(name, _bare(round(area, 3)))]


def _both(
    name: str, metric: Callable, target: Target, baseline: Any, sign: float, percent: bool = False
) -> Line:
    model = metric(target, target.y)
    base = None if baseline is None else metric(baseline, target.y)
    return _paired(name, model, base, sign, percent)


def _paired(
    name: str, model: Score, base: Score | None, sign: float, percent: bool = False
) -> Line:
    if base is None:
        return Line(name, model, percent=percent)
    with np.errstate(invalid="ignore"):
        gain = average(sign * (model.values - base.values))
    return Line(name, model, base, gain, percent)


def _unpaired(
    name: str, metric: Callable, target: Target, baseline: Any, percent: bool = False
) -> Line:
    base = None if baseline is None else metric(baseline, target.y)
    return Line(name, metric(target, target.y), base, percent=percent)


def _bare(value: float) -> Score:
    """A number without a standard error."""
    return Score(value, float("nan"), np.zeros(0))
