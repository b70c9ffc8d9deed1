"""How the predicted mean changes with each feature: partial dependence, with what is not known."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._core.missing import is_missing
from .evaluation import Evaluation
from .rows import Rows
from .words import cell

_LEVELS = 8  # of a category, the most frequent
_CANDIDATES = 40  # features looked at; of more those that go with the predictions
_ROWS = 2_000  # that values are taken from


class Plan(NamedTuple):
    """How closely to look: rows that the mean is taken over, values of a number, draws."""

    background: int
    grid: int
    draws: int


GLANCE, LOOK = Plan(40, 6, 20), Plan(100, 12, 200)


@dataclasses.dataclass(frozen=True)
class Effect:
    """Partial dependence on one feature (Friedman, 2001, "Greedy function approximation", eq 52).

    Attributes:
        place: of the column.
        name: of the column.
        values: (points,) the feature's values, sorted; None for categories.
        labels: (points,) of categories, the most frequent first; () for numbers.
        draws: (draws, points, outputs) mean over rows of the predicted mean under each draw; for
            classes probabilities of each class.
        weights: (points,) share of the rows at or around a point.
    """

    place: int
    name: str
    values: np.ndarray | None
    labels: tuple[str, ...]
    draws: np.ndarray
    weights: np.ndarray

    def size(self, output: int | None = None) -> float:
        """Sd over points of the mean effect on one output, or on all together."""
        mean = self.draws.mean(axis=0)
        mean = mean if output is None else mean[:, [output]]
        off = mean - np.average(mean, axis=0, weights=self.weights)
        return float(np.sqrt(np.average(off**2, axis=0, weights=self.weights).sum()))

    def band(self, output: int, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, lower and upper end over draws: (points,) each."""
        curve = self.draws[:, :, output]
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(curve, [tail, 1.0 - tail], axis=0)
        return curve.mean(axis=0), low, high


def ranked(evaluation: Evaluation) -> list[Effect]:
    """Of each column that varies, at a glance, the largest effect first.

    None where rows are not lines of columns.
    """
    found = [effect_of(evaluation, place, GLANCE) for place in _candidates(evaluation)]
    return sorted((e for e in found if e is not None), key=lambda effect: -effect.size())


def effect_of(evaluation: Evaluation, place: int, plan: Plan) -> Effect | None:
    """The effect of one column; None if it does not vary."""
    rng = np.random.default_rng(evaluation.options.seed)
    rows = evaluation.rows
    if rows.count > _ROWS:
        rows = rows.take(np.sort(rng.choice(rows.count, _ROWS, replace=False)))
    points = _points(rows.column(place), place in evaluation.subject.categorical, plan.grid)
    if points is None or len(points.index) < 2:
        return None
    background = rows.take(rng.permutation(rows.count)[: plan.background])
    draws = _draws(evaluation, rows, background, place, points, plan)
    return Effect(place, rows.names[place], points.values, points.labels, draws, points.weights)


@dataclasses.dataclass(frozen=True)
class _Points:
    """Rows that hold the values at which an effect is looked at."""

    index: np.ndarray
    values: np.ndarray | None
    labels: tuple[str, ...]
    weights: np.ndarray


def _candidates(evaluation: Evaluation) -> Sequence[int]:
    """All columns, or those whose values go with the predicted mean."""
    columns = evaluation.rows.columns
    if columns <= _CANDIDATES:
        return range(columns)
    mean = np.asarray(evaluation.prediction.mean, np.float64).reshape(evaluation.rows.count, -1)
    strength = [_strength(evaluation.rows.column(place), mean) for place in range(columns)]
    return np.sort(np.argsort(strength, kind="stable")[::-1][:_CANDIDATES]).tolist()


def _strength(column: list[Any], mean: np.ndarray) -> float:
    """Share of the variance of the predictions between tenths of the rows, by the column."""
    numbers = _numbers(column)
    if numbers is not None and not np.isfinite(numbers).any():
        return 0.0
    codes = (
        np.unique([str(v) for v in column], return_inverse=True)[1]
        if numbers is None
        else (np.searchsorted(np.nanquantile(numbers, np.linspace(0.1, 0.9, 9)), numbers))
    )
    count = np.bincount(codes)
    total = ((mean - mean.mean(axis=0)) ** 2).sum(axis=0)
    between = np.zeros(mean.shape[1])
    for code in np.flatnonzero(count):
        group = mean[codes == code]
        between += len(group) * (group.mean(axis=0) - mean.mean(axis=0)) ** 2
    return float((between / np.where(total > 0, total, 1.0)).sum())


def _points(column: list[Any], categorical: bool, grid: int) -> _Points | None:
    numbers = None if categorical else _numbers(column)
    if numbers is None:
        return _categories([cell(value) for value in column])
    there = np.flatnonzero(np.isfinite(numbers))
    if not len(there):
        return None
    order = there[np.argsort(numbers[there], kind="stable")]
    unique, first, count = np.unique(numbers[order], return_index=True, return_counts=True)
    if len(unique) <= grid:
        return _Points(order[first], unique, (), count / count.sum())
    at = np.round(np.linspace(0.02, 0.98, grid) * (len(order) - 1)).astype(int)
    values, kept, count = np.unique(numbers[order[at]], return_index=True, return_counts=True)
    return _Points(order[at][kept], values, (), count / grid)


def _categories(column: list[str]) -> _Points:
    names, first, count = np.unique(column, return_index=True, return_counts=True)
    most = np.argsort(-count, kind="stable")[:_LEVELS]
    labels = tuple(str(name) for name in names[most])
    return _Points(first[most], None, labels, count[most] / count[most].sum())


def _numbers(column: list[Any]) -> np.ndarray | None:
    """The column as numbers, NaN where they are missing; None if it holds something else."""
    try:
        return np.array([np.nan if is_missing(v) else v for v in column], np.float64)
    except (TypeError, ValueError):
        return None


def _draws(
    evaluation: Evaluation, rows: Rows, background: Rows, place: int, points: _Points, plan: Plan
) -> np.ndarray:
    """The mean over the background with every value in turn: (draws, points, outputs)."""
    count, options = len(points.index), evaluation.options
    tiled = background.take(np.tile(np.arange(background.count), count))
    changed = tiled.with_column(place, np.repeat(points.index, background.count), rows)
    draws = min(plan.draws, options.draws)
    prediction = evaluation.subject.predict(changed.native, draws, options.seed, keep_draws=True)
    return prediction.mean_draws.reshape(draws, count, background.count, -1).mean(axis=2)
