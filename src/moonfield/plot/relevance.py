"""Which inputs a network uses."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..diagnostics import Inclusion, Relevance
from ._style import BLUE, INK, ORANGE, dress, new_axes

_MOST_NAMES = 25


def relevance(found: Any, ax: Axes | None = None, mark: Any = ()) -> Axes:
    """Relevances with their 5% to 95% intervals, or inclusion probabilities, of every input.

    Args:
        found: what `mf.diagnostics.relevance` or `mf.diagnostics.inclusion` returns.
        ax: axes to draw on.
        mark: numbers of inputs in another colour, e.g. those known to matter.

    Raises:
        TypeError: `found` is neither.
    """
    if not isinstance(found, Inclusion | Relevance):
        raise TypeError(f"found must be a Relevance or an Inclusion, got {type(found).__name__}.")
    ax = new_axes(ax, 8.0, 3.2)
    places = np.arange(len(found.names))
    colours = [ORANGE if place in set(mark) else BLUE for place in places.tolist()]
    if isinstance(found, Relevance):
        values, title = found.mean, "Relevance of each input, 5% to 95%"
        ax.vlines(places, *found.interval.T, colors=colours, linewidth=1.2)
    else:
        values, title = found.probability, "Inclusion probability"
        ax.vlines(places, 0.0, values, colors=colours, linewidth=1.2)
    ax.scatter(places, values, c=colours, s=16, zorder=3)
    ax.set_ylim(bottom=0.0)
    if len(places) <= _MOST_NAMES:
        ax.set_xticks(places, list(found.names), rotation=45, ha="right", color=INK)
    return dress(ax, title, "input", "", grid=True)
