"""Scores of predictions of known targets: how good, with a standard error, row by row."""

import dataclasses
from typing import Any

import numpy as np

from .predicted import Predicted, check_kind, class_targets, number_targets


@dataclasses.dataclass(frozen=True)
class Score:
    """An average over rows.

    Attributes:
        value: the score; several targets a row count alike.
        se: its standard error, taking rows (not targets) as independent; nan for a single row.
        values: (rows, ...) what is averaged, one entry for each target; for `log_score` and classes
            one for each row.
    """

    value: float
    se: float
    values: np.ndarray

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.se:.2g}"


def average(values: np.ndarray) -> Score:
    """The mean over rows and targets."""
    values = np.asarray(values, np.float64)
    by_row = values.reshape(len(values), -1).mean(axis=1)
    if len(by_row) == 1 or not np.isfinite(by_row).all():
        return Score(float(by_row.mean()), float("nan"), values)
    return Score(float(by_row.mean()), float(by_row.std(ddof=1) / len(by_row) ** 0.5), values)


def log_score(prediction: Predicted, y: Any) -> Score:
    """Mean log predictive density, nats a row; more is better: `mean_rows log p(y | data)`.

    Of the predictive mixture, jointly over the targets of a row. Strictly proper (Good, 1952,
    "Rational decisions", J. R. Stat. Soc. B 14). -inf, without a standard error, where a target was
    held to be impossible.

    Raises:
        TypeError, ValueError: y does not fit the prediction.
    """
    with_density: Any = prediction
    return average(with_density.log_prob(y))


def crps(prediction: Predicted, y: Any, draws: int | None = None) -> Score:
    """Continuous ranked probability score of numbers, in units of y; less is better.

    `E|Y - y| - E|Y - Y'| / 2`, Y and Y' independent draws of the prediction (Gneiting & Raftery,
    2007, "Strictly proper scoring rules, prediction, and estimation", eq 21). It is the absolute
    error where the prediction is a single number.

    Estimated from `draws` draws of y (all of the prediction's by default) by the fair estimator,
    whose second term divides by `draws (draws - 1)`: unbiased for independent draws (Ferro, 2014,
    "Fair scores for ensemble forecasts"). A row's Monte Carlo error is about
    `0.25 sd / sqrt(draws)` for a y in the middle of a normal prediction, and `sd / sqrt(draws)` for
    one far out; it is part of the spread that `se` is made from. Memory is draws x targets.

    Raises:
        TypeError, ValueError: y does not fit the prediction, targets are classes, or fewer than two
            draws.
    """
    numbers = check_kind(prediction, "numbers", "crps")
    drawn = np.asarray(numbers.sample(draws), np.float64)
    n = len(drawn)
    if n < 2:
        raise ValueError(f"crps needs at least 2 draws, got {n}.")
    off = np.sort(drawn - number_targets(y, drawn.shape[1:]), axis=0)
    weights = (2.0 * np.arange(n) - (n - 1)) / (n * (n - 1))
    return average(np.abs(off).mean(axis=0) - np.tensordot(weights, off, axes=1))


def brier(prediction: Predicted, y: Any) -> Score:
    """Mean squared error of class probabilities; less is better.

    `sum_k (p_k - [y = k])**2`, from 0 to 2, for more than two classes (Brier, 1950, "Verification
    of forecasts expressed in terms of probability", eq 2); for two classes half of it,
    `(p_1 - y)**2`, from 0 to 1, as in scikit-learn.

    Raises:
        TypeError, ValueError: y does not fit the prediction, or targets are numbers.
    """
    p, labels = class_targets(check_kind(prediction, "classes", "brier"), y, "brier")
    squares = ((p - np.eye(p.shape[-1])[labels]) ** 2).sum(axis=-1)
    return average(squares / 2.0 if p.shape[-1] == 2 else squares)


def accuracy(prediction: Predicted, y: Any) -> Score:
    """Fraction of targets whose most probable class is right.

    Raises:
        TypeError, ValueError: y does not fit the prediction, or targets are numbers.
    """
    p, labels = class_targets(check_kind(prediction, "classes", "accuracy"), y, "accuracy")
    return average(p.argmax(axis=-1) == labels)


def rmse(prediction: Predicted, y: Any) -> Score:
    """Root of the mean squared error of the predictive mean, in units of y; less is better.

    `values` are squared errors; `se` is that of their mean, divided by `2 rmse` (delta method).

    Raises:
        TypeError, ValueError: y does not fit the prediction, or targets are classes.
    """
    mean = np.asarray(check_kind(prediction, "numbers", "rmse").mean, np.float64)
    squared = average((mean - number_targets(y, mean.shape)) ** 2)
    root = squared.value**0.5
    return Score(root, squared.se / (2.0 * root) if root > 0.0 else 0.0, squared.values)


def r2(prediction: Predicted, y: Any) -> Score:
    """Share of the targets' variance that the predictive mean explains; more is better, 1 at most.

    `1 - sum_rows (y - mean)**2 / sum_rows (y - average of y)**2`, averaged over the targets of a
    row. `values` are each row's part, whose average it is; `se` is that of a ratio of averages
    (delta method), with the average of y taken as known. nan where a target never varies.

    Raises:
        TypeError, ValueError: y does not fit the prediction, or targets are classes.
    """
    mean = np.asarray(check_kind(prediction, "numbers", "r2").mean, np.float64)
    targets = number_targets(y, mean.shape)
    spread = (targets - targets.mean(axis=0)) ** 2
    variance = spread.mean(axis=0)
    if not (variance > 0.0).all():
        return Score(float("nan"), float("nan"), np.full(mean.shape, np.nan))
    values = 1.0 - (targets - mean) ** 2 / variance
    share = values.mean(axis=0)
    influence = average(values + (1.0 - share) * (spread / variance - 1.0))
    return Score(float(share.mean()), influence.se, values)
