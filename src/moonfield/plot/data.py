"""The rows themselves."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._places import are_classes, inputs_of, plane, targets_of
from ._points import class_points, points
from ._style import BLUE, VALUES, colour_bar, dress, legend, new_axes


def data(X: Any, y: Any, ax: Axes | None = None) -> Axes:
    """Rows as points.

    Two inputs are drawn as they are, coloured by class or by the value of y; more than two by their
    first two principal components. One input is drawn against y.

    Args:
        X: inputs (rows, inputs).
        y: one target a row; at most ten different whole numbers count as classes.
        ax: axes to draw on.

    Raises:
        TypeError, ValueError: X or y is not numeric and finite, or their rows differ in number.
    """
    values, names = inputs_of(X)
    targets = targets_of(y, len(values))
    ax = new_axes(ax)
    title = f"{len(values):,} rows"
    if values.shape[1] == 1:
        points(ax, np.stack([values[:, 0], targets], axis=1), BLUE)
        return dress(ax, title, names[0], "y", grid=True)
    places = plane(values, names)
    if are_classes(targets):
        class_points(ax, places.xy, targets)
        legend(ax)
    else:
        drawn = points(ax, places.xy, targets, cmap=VALUES, edgecolors="#6F6F6F", linewidths=0.3)
        colour_bar(ax, drawn, "y")
    return dress(ax, title, *places.names)
