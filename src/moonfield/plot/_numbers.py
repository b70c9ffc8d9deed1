"""Predicted numbers."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..data import as_targets
from ..predictive import Prediction
from ._points import points
from ._style import BLUE, COLORS, FAINT, INK, dress, legend, point_area

_LEVEL = 0.9


def along_input(prediction: Prediction, x: np.ndarray, name: str, y: Any, ax: Axes) -> Axes:
    """Mean with 50% and 90% intervals along one input, observed targets as points."""
    observed = as_targets(y, len(x), ())
    order = np.argsort(x)
    for level, alpha in ((_LEVEL, 0.18), (0.5, 0.30)):
        low, high = np.moveaxis(prediction.interval(level)[order], -1, 0)
        ax.fill_between(
            x[order], low, high, color=BLUE, alpha=alpha, linewidth=0, label=f"{level:.0%} interval"
        )
    ax.plot(x[order], prediction.mean[order], color=BLUE, linewidth=1.8, label="mean")
    points(ax, np.stack([x, observed], axis=1), INK, label="observed", alpha=0.75)
    legend(ax)
    return dress(ax, _title(prediction, observed), name, "y", grid=True)


def predicted_numbers(prediction: Prediction, y: Any, ax: Axes) -> Axes:
    """Means with 90% intervals against observed values; one colour for each target of a row."""
    observed = as_targets(y, prediction.rows, prediction.mean.shape[1:])
    ends = prediction.interval(_LEVEL)
    low, high = np.minimum(ends.min(), observed.min()), np.maximum(ends.max(), observed.max())
    ax.plot([low, high], [low, high], color=FAINT, linewidth=1.2, linestyle="--", zorder=1)
    columns = [np.reshape(part, (prediction.rows, -1)) for part in (observed, prediction.mean)]
    spans = ends.reshape(prediction.rows, -1, 2)
    for k, (seen, mean) in enumerate(zip(*(column.T for column in columns), strict=True)):
        colour = COLORS[k % len(COLORS)]
        ax.vlines(seen, spans[:, k, 0], spans[:, k, 1], color=colour, alpha=0.3, linewidth=1.0)
        label = f"target {k}" if spans.shape[1] > 1 else "mean"
        points(ax, np.stack([seen, mean], 1), colour, label=label, s=point_area(len(seen)))
    ax.plot([], [], color=BLUE, alpha=0.4, linewidth=1.2, label=f"{_LEVEL:.0%} interval")
    legend(ax)
    return dress(ax, _title(prediction, observed), "observed", "predicted", grid=True)


def _title(prediction: Prediction, observed: np.ndarray) -> str:
    ends = prediction.interval(_LEVEL)
    inside = ((observed >= ends[..., 0]) & (observed <= ends[..., 1])).mean()
    return f"The {_LEVEL:.0%} intervals hold {inside:.0%} of the observed values"
