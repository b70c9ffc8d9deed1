"""Pictures and tables of predictions of classes."""

from collections.abc import Sequence

import numpy as np

from ..diagnostics import ReliabilityCurve, reliability, risk_coverage
from .chart import Axis, Chart, around
from .evaluation import Target
from .marks import Band, Bars, Dots, Line
from .number_charts import risk_chart
from .page import Table
from .words import share

_MOST_CLASSES = 12
_BINS = 20


def of_classes(target: Target, labels: Sequence[str]) -> list[Chart]:
    """Reliability, probabilities by class (two classes), and what abstaining would gain."""
    risk = risk_coverage(target, target.y)
    shares = [] if len(labels) > 2 else [_by_class(target, labels)]
    return [
        _reliability(target),
        *shares,
        risk_chart(risk.coverage, risk.risk, "wrong labels among the rows kept", percent=True),
    ]


def confusion(target: Target, labels: Sequence[str]) -> list[Table]:
    """Predicted against true classes, where these are not too many."""
    if len(labels) > _MOST_CLASSES:
        return []
    y, count = target.y.astype(int), len(labels)
    cells = np.bincount(y * count + target.label, minlength=count**2).reshape(count, count)
    rows = [
        [label, *(f"{n:,}" for n in row), share(row[i] / row.sum()) if row.sum() else "–"]
        for i, (label, row) in enumerate(zip(labels, cells, strict=True))
    ]
    return [
        Table(
            ["true class", *labels, "right"],
            rows,
            "Rows: the true class. Columns: how many were predicted to be of each class, and the "
            "share that is right.",
            "Predicted against true classes",
        )
    ]


def _reliability(target: Target) -> Chart:
    bins = int(np.clip(target.rows // 20, 4, 15))
    curve = reliability(target, target.y, bins)
    off = curve.frequency - curve.confidence
    outside = int((np.abs(off) > 2.0 * np.maximum(curve.se, 1e-12)).sum())
    low = max(0.0, float(min(curve.confidence.min(), curve.frequency.min())) - 0.05)
    return Chart(
        "Reliability",
        f"{len(off)} bins; in {outside} of them the share that is right differs from the stated "
        "probability by more than two standard errors.",
        "Rows by the probability of their most probable class, against how often it was right. "
        "Above the diagonal: less sure than it could be; below: too sure. Band: two standard "
        "errors to each side, what chance would do.",
        Axis(low, 1.0, "stated probability", percent=True),
        Axis(low, 1.0, "share that is right", percent=True),
        _reliability_marks(curve, low),
    )


def _reliability_marks(curve: ReliabilityCurve, low: float) -> list:
    below = np.clip(curve.confidence - 2.0 * curve.se, low, 1.0)
    above = np.clip(curve.confidence + 2.0 * curve.se, low, 1.0)
    return [
        Band(curve.confidence, below, above, 5, "by chance"),
        Line([low, 1.0], [low, 1.0], 5, dashed=True),
        Line(curve.confidence, curve.frequency, 0),
        Dots(curve.confidence, curve.frequency, 0, "a bin of rows", large=True),
    ]


def _by_class(target: Target, labels: Sequence[str]) -> Chart:
    p, y = target.probabilities[:, 1], target.y.astype(int)
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    heights = [np.histogram(p[y == k], edges)[0] for k in (0, 1)]
    sure = float(np.mean((p < 0.1) | (p > 0.9)))
    return Chart(
        "Probabilities by true class",
        f"Two histograms of the probability of {labels[1]}; {sure:.1%} of the rows lie below 10% "
        "or above 90%.",
        "Where the two overlap the model cannot tell the classes apart.",
        Axis(0.0, 1.0, f"probability of {labels[1]}", percent=True),
        around("rows", 0.0, *heights, floor=0.0),
        [
            Bars(edges, heights[0], 0, f"truly {labels[0]}"),
            Bars(edges, heights[1], 1, f"truly {labels[1]}"),
        ],
    )
