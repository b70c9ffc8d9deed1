"""A predictive quantity over the plane of two inputs."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .._core.checks import whole
from ..posterior import Posterior
from ._places import inputs_of, targets_of
from ._points import class_points, points
from ._quantity import Name, check_quantity, quantity as describe, values_of
from ._style import BLUE, INK, colour_bar, dress, legend, new_axes


def surface(
    posterior: Posterior,
    X: Any,
    y: Any = None,
    quantity: Name = "mean",
    ax: Axes | None = None,
    resolution: int = 100,
    draws: int = 500,
    seed: int = 0,
    margin: float = 0.3,
) -> Axes:
    """A quantity of the posterior predictive over two inputs, rows on top.

    `"mean"` (for classes a probability), `"sd"`, `"epistemic"` (the sd over posterior draws of the
    mean) and `"aleatoric"` are in units of y; `"mutual_information"` and `"entropy"`, for classes
    alone, are in nats. For more than two classes `"mean"` shows the probability of the most likely
    one, and sds are those of the one-hot target.

    Args:
        posterior: a model of two inputs.
        X: inputs (rows, 2); their range and `margin` set the limits.
        y: classes or values for the colours of the points; None leaves points out.
        quantity: what to show.
        ax: axes to draw on.
        resolution: places along each input.
        draws: posterior draws.
        seed: of these draws.
        margin: how far beyond the rows to look, as a share of their range.

    Raises:
        ValueError: not two inputs, several targets, a resolution below 2, or a quantity that this
            model does not have.
    """
    model, resolution = posterior.model, whole(resolution, "resolution", 2)
    check_quantity(quantity, model.kind == "classes")
    values, names = inputs_of(posterior.inputs(X))
    if values.shape[1] != 2:
        raise ValueError(f"surface needs two inputs, and X has {values.shape[1]}.")
    observed = None if y is None else targets_of(y, len(values))
    axes = [_axis(column, margin, resolution) for column in values.T]
    prediction = posterior.predict(_grid(*axes), draws=draws, seed=seed)
    classes = _classes(model, prediction)
    shown = values_of(prediction, quantity, classes).reshape(resolution, resolution)
    ax = new_axes(ax, 6.0, 4.6)
    words = describe(quantity, classes)
    drawn = ax.imshow(
        shown, origin="lower", extent=_extent(*axes), aspect="auto", interpolation="bilinear",
        cmap=words.colours, vmin=words.low, vmax=words.high, zorder=0,
    )  # fmt: skip
    _boundary(ax, axes, prediction, quantity, classes)
    if observed is not None:
        _rows(ax, values, observed, bool(classes), drawn if quantity == "mean" else None)
    colour_bar(ax, drawn, words.label)
    return dress(ax, words.title, names[0], names[1])


def _axis(column: np.ndarray, margin: float, resolution: int) -> np.ndarray:
    low, high = float(column.min()), float(column.max())
    reach = margin * (high - low) or 1.0
    return np.linspace(low - reach, high + reach, resolution)


def _grid(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(resolution ** 2, 2), the first input running fastest."""
    return np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)


def _extent(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float, float]:
    """Limits that put the middles of cells on the grid."""
    halves = [(axis[1] - axis[0]) / 2 for axis in (first, second)]
    return (
        first[0] - halves[0], first[-1] + halves[0], second[0] - halves[1], second[-1] + halves[1],
    )  # fmt: skip


def _classes(model: Any, prediction: Any) -> int:
    if model.kind != "classes":
        return 0
    return 2 if model.binary else prediction.probabilities.shape[-1]


def _boundary(
    ax: Axes, axes: list[np.ndarray], prediction: Any, quantity: str, classes: int
) -> None:
    """Where the predicted class changes, on a surface of probabilities."""
    if quantity != "mean" or not classes:
        return
    shape = (len(axes[1]), len(axes[0]))
    for k in range(1 if classes == 2 else classes):
        p = prediction.probabilities.reshape(*shape, classes)
        lead = p[..., 1] - 0.5 if classes == 2 else p[..., k] - np.delete(p, k, -1).max(-1)
        if lead.min() < 0 < lead.max():
            colour = INK if classes == 2 else "white"
            ax.contour(
                *axes, lead, levels=[0.0], colors=colour, linewidths=0.9, linestyles="dashed"
            )


def _rows(ax: Axes, xy: np.ndarray, observed: np.ndarray, classes: bool, drawn: Any) -> None:
    """Points by class, by value on the surface's own scale, or in one colour on another scale."""
    if classes:
        class_points(ax, xy, observed)
        legend(ax)
    elif drawn is None:
        points(ax, xy, BLUE)
    else:
        drawn.autoscale_None()
        points(ax, xy, observed, cmap=drawn.cmap, norm=drawn.norm)
