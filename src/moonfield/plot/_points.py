"""Rows as points."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from ._style import COLORS, point_area

_RASTER = 5_000


def points(ax: Axes, xy: np.ndarray, colour: Any, **options: Any) -> PathCollection:
    """Points with a thin white edge, so that neighbours stay apart."""
    settings: dict[str, Any] = {
        "s": point_area(len(xy)), "edgecolors": "white", "linewidths": 0.5,
        "rasterized": len(xy) > _RASTER, "zorder": 3,
    }  # fmt: skip
    return ax.scatter(xy[:, 0], xy[:, 1], c=colour, **(settings | options))


def class_points(ax: Axes, xy: np.ndarray, labels: np.ndarray) -> None:
    """Points in the colour of their class, with an entry for each in the legend."""
    for label in np.unique(labels).astype(int).tolist():
        chosen = labels == label
        points(ax, xy[chosen], class_colour(label), label=f"class {label}", s=point_area(len(xy)))


def class_colour(label: int) -> str:
    """The colour of a class."""
    return COLORS[label % len(COLORS)]
