"""Pictures of predictions of numbers."""

import numpy as np
from scipy import stats

from ..diagnostics import coverage_curve, pit, risk_coverage
from .chart import Axis, Chart, around
from .evaluation import Target
from .marks import Band, Bars, Dots, Line, Stems

_POINTS = 500
_STEMS = 120
_BINS = 10
_LEVELS = tuple(np.arange(1, 20) / 20)


def of_numbers(target: Target, name: str) -> list[Chart]:
    """Predictions against the truth, PIT, coverage at all levels, the gain of abstaining."""
    return [_against_truth(target, name), _pit(target), _coverage(target), _risk(target)]


def _against_truth(target: Target, name: str) -> Chart:
    rows = shown_rows(target)
    level = target.of.options.level
    mean, y, note = target.mean[rows], target.y[rows], sample_note(target, rows)
    low, high = np.moveaxis(target.interval(level)[rows], -1, 0)
    inside = (low <= y) & (y <= high)
    few = slice(None) if len(rows) <= _STEMS else slice(0, 0)
    y_axis = around(f"observed {name}", y, low[few], high[few])
    x_axis = around(f"predicted {name}", mean)
    both = np.array([max(x_axis.low, y_axis.low), min(x_axis.high, y_axis.high)])
    marks = [
        Line(both, both, 5, "observed = predicted", dashed=True),
        Stems(
            mean[few], low[few], high[few], 5, f"{level:.0%} interval" if few.stop is None else ""
        ),
        Dots(mean[inside], y[inside], 0, f"inside its {level:.0%} interval"),
        Dots(mean[~inside], y[~inside], 1, "outside"),
    ]
    return Chart(
        "Predictions against the truth",
        f"Scatter of observed against predicted values of {len(rows):,} rows; correlation "
        f"{_correlation(target):.2f}; {(~inside).sum():,} of the points lie outside their "
        "interval.",
        f"Each point is a row: the predicted mean, and what was observed.{note}",
        x_axis,
        y_axis,
        marks,
    )


def _pit(target: Target) -> Chart:
    levels = pit(target, target.y, target.of.options.seed)
    count, edges = np.histogram(levels, bins=_BINS, range=(0.0, 1.0))
    n = len(levels)
    low, high = stats.binom(n, 1.0 / _BINS).ppf([0.025, 0.975])
    out = int(((count < low) | (count > high)).sum())
    return Chart(
        "PIT histogram",
        f"Histogram of {n:,} levels in {_BINS} bins, from {count.min():,} to {count.max():,} rows "
        f"a bin where {n / _BINS:,.1f} are expected; {out} of {_BINS} bins lie outside the band.",
        "Where each target falls in its predictive distribution. Flat if predictions are right; "
        "high ends: intervals too narrow; a hill: too wide; a slope: bias. Band: where 95% of bins "
        "lie by chance.",
        Axis(0.0, 1.0, "probability of a lower value"),
        around("rows", 0.0, count, high, floor=0.0),
        [
            Band([0.0, 1.0], [low, low], [high, high], 5, "95% by chance"),
            Bars(edges, count, 0),
            Line([0.0, 1.0], [n / _BINS, n / _BINS], 5, dashed=True),
        ],
    )


def _coverage(target: Target) -> Chart:
    curve = coverage_curve(target, target.y, _LEVELS, target.of.options.seed)
    law = stats.binom(curve.count, curve.confidence)
    low, high = (law.ppf(q) / curve.count for q in (0.025, 0.975))
    off = curve.frequency - curve.confidence
    worst = int(np.argmax(np.abs(off)))
    side = "above" if off[worst] > 0 else "below"
    ends = ([0.0, *row, 1.0] for row in (curve.confidence, low, high, curve.frequency))
    x, low, high, inside = (np.array(row) for row in ends)
    return Chart(
        "Coverage against level",
        f"The curve is farthest from the diagonal at the level {curve.confidence[worst]:.0%}: "
        f"{abs(off[worst]):.1%} {side} it.",
        "Share of targets inside central intervals of each level; on the diagonal if intervals are "
        "right, below it if they are too narrow. Band: 95% by chance, at each level by itself.",
        Axis(0.0, 1.0, "level of the interval", percent=True),
        Axis(0.0, 1.0, "targets inside", percent=True),
        [
            Band(x, low, high, 5, "95% by chance"),
            Line([0.0, 1.0], [0.0, 1.0], 5, dashed=True),
            Line(x, inside, 0, "these rows"),
        ],
    )


def _risk(target: Target) -> Chart:
    curve = risk_coverage(target, target.y)
    return risk_chart(
        curve.coverage, np.sqrt(curve.risk), "RMSE of the rows that are kept", percent=False
    )


def risk_chart(share: np.ndarray, risk: np.ndarray, label: str, percent: bool) -> Chart:
    """Risk of the rows that are kept, from a twentieth of them on."""
    at = np.unique(np.linspace(max(1, len(share) // 20) - 1, len(share) - 1, 80).astype(int))
    words = (lambda v: f"{v:.1%}") if percent else (lambda v: f"{v:.4g}")
    half = risk[len(risk) // 2 - 1]
    axis = around(label, 0.0, risk[at], risk[-1], floor=0.0)
    axis = Axis(axis.low, axis.high, label, percent=percent)
    return Chart(
        "What turning uncertain rows away would gain",
        f"{label}: {words(risk[-1])} of all rows, {words(half)} of the more certain half.",
        "The most uncertain rows are turned away first. If the curve falls to the left, the model "
        "knows which rows it gets wrong.",
        Axis(0.0, 1.0, "rows that are kept", percent=True),
        axis,
        [
            Line([0.0, 1.0], [risk[-1], risk[-1]], 5, "turned away at random", dashed=True),
            Line(share[at], risk[at], 0, "most uncertain first"),
        ],
    )


def shown_rows(target: Target) -> np.ndarray:
    """Places of the rows that a picture shows."""
    if target.rows <= _POINTS:
        return np.arange(target.rows)
    rng = np.random.default_rng(target.of.options.seed)
    return np.sort(rng.choice(target.rows, _POINTS, replace=False))


def sample_note(target: Target, rows: np.ndarray) -> str:
    """Says so where not all rows are shown."""
    if len(rows) == target.rows:
        return ""
    return f" Shown: {len(rows):,} rows, drawn at random from {target.rows:,}."


def _correlation(target: Target) -> float:
    if not (np.ptp(target.mean) > 0 and np.ptp(target.y) > 0):
        return float("nan")
    return float(np.corrcoef(target.mean, target.y)[0, 1])
