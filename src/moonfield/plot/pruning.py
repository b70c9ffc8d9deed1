"""How good a network stays while weights are set to zero."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._style import COLORS, dress, legend, new_axes

_BAND = 2.0  # standard errors to either side


def pruning(*curves: Any, ax: Axes | None = None) -> Axes:
    """Accuracy (of numbers: root mean square error) by the share of weights that were pruned.

    Bands are two standard errors over rows to either side.

    Args:
        *curves: from `mf.applications.pruning.curve`, e.g. one for each order.
        ax: axes to draw on.

    Raises:
        ValueError: no curve, or curves of different measures.
    """
    if not curves:
        raise ValueError("pruning needs at least one curve.")
    if len({one.measure for one in curves}) > 1:
        raise ValueError("Curves of accuracy and of rmse do not share axes.")
    ax = new_axes(ax)
    for i, one in enumerate(curves):
        order = np.argsort(one.share, kind="stable")
        share, score, se = one.share[order], one.score[order], one.se[order]
        colour = COLORS[i % len(COLORS)]
        ax.plot(share, score, "o-", color=colour, markersize=4, label=one.order.replace("_", "-"))
        ax.fill_between(share, score - _BAND * se, score + _BAND * se, color=colour, alpha=0.15)
    ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    legend(ax, loc="best")
    return dress(ax, "Pruned weights", "share of weights at zero", curves[0].measure, grid=True)
