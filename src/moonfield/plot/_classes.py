"""Predicted classes of single rows."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..data import label_numbers
from ..predictive import Prediction
from ._places import Places, plane, targets_of
from ._points import class_colour, points
from ._style import INK, dress, legend, point_area, tint


def predicted_classes(
    prediction: Prediction, values: np.ndarray, names: tuple[str, ...], y: Any, ax: Axes
) -> Axes:
    """Points coloured by predicted class, paler where less probable, errors crossed out."""
    labels, classes = prediction.label, prediction.classes
    _check_single(labels)
    rows = len(values)
    observed = targets_of(y, rows) if classes is None else label_numbers(y, rows, classes)
    confidence = prediction.probabilities.max(axis=-1)
    chance = 1.0 / prediction.probabilities.shape[-1]
    places = _places(prediction, values, names)
    area = 1.4 * point_area(len(values))
    for label in np.unique(labels).tolist():
        chosen = labels == label
        colour = class_colour(label)
        faces = tint(colour, (confidence[chosen] - chance) / (1.0 - chance))
        points(ax, places.xy[chosen], faces, s=area, edgecolors=colour, linewidths=0.6)
        points(
            ax, np.zeros((0, 2)), colour, s=area, label=f"predicted class {_name(label, classes)}"
        )
    wrong = labels != observed
    points(
        ax, places.xy[wrong], INK, s=1.5 * area, marker="x", edgecolors=None, linewidths=1.1,
        label=f"errors: {wrong.sum():,} of {len(wrong):,}", zorder=4,
    )  # fmt: skip
    legend(ax, title="paler: less probable", title_fontsize=8.5, alignment="left")
    return dress(ax, f"{1.0 - wrong.mean():.1%} of predicted classes are right", *places.names)


def _places(prediction: Prediction, values: np.ndarray, names: tuple[str, ...]) -> Places:
    """A plane of the inputs; for one input, the input and a probability."""
    if values.shape[1] > 1:
        return plane(values, names)
    probabilities = prediction.probabilities
    if probabilities.shape[-1] == 2:
        return Places(
            np.stack([values[:, 0], probabilities[:, 1]], 1),
            (names[0], f"probability of class {_name(1, prediction.classes)}"),
        )
    most = probabilities.max(axis=-1)
    return Places(
        np.stack([values[:, 0], most], 1), (names[0], "probability of the predicted class")
    )


def _name(place: int, classes: np.ndarray | None) -> Any:
    return place if classes is None else classes[place]


def _check_single(labels: np.ndarray) -> None:
    if labels.ndim > 1:
        raise ValueError(
            f"predictions draws one class a row; this model has {labels.shape[1]} targets a row."
        )
