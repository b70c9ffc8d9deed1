"""How stable a layer's representations are across posterior draws."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ._style import BLUE, FAINT, VALUES, colour_bar, dress, new_axes

_MOST = 60


def similarity(representations: Any, ax: Axes | None = None) -> Axes:
    """CKA between the representations of every two draws, with their mean in the title.

    Args:
        representations: from `posterior.representations(X, layer)`.
        ax: axes to draw on.
    """
    ax = new_axes(ax, 5.4, 4.6)
    image = ax.imshow(representations.cka, cmap=VALUES, vmin=0.0, vmax=1.0)
    colour_bar(ax, image, "CKA")
    title = f"{representations.layer}: mean CKA between draws {representations.stability:.3f}"
    return dress(ax, title, "draw", "draw")


def units(representations: Any, ax: Axes | None = None) -> Axes:
    """Signal-to-noise of every unit, largest first: between rows over between draws.

    Of more than 60 units the largest are shown.

    Args:
        representations: from `posterior.representations(X, layer)`.
        ax: axes to draw on.
    """
    ratio = np.nan_to_num(np.ravel(representations.signal_to_noise))
    order = np.argsort(-ratio, kind="stable")[:_MOST]
    ax = new_axes(ax)
    ax.bar(np.arange(len(order)), ratio[order], color=BLUE, width=0.8)
    ax.axhline(1.0, color=FAINT, linewidth=0.9, linestyle="--", zorder=0)
    if len(order) <= 25:
        ax.set_xticks(np.arange(len(order)), [str(i) for i in order])
    shown = f"{ratio.size} units" if ratio.size <= _MOST else f"{_MOST} of {ratio.size:,} units"
    title = f"{representations.layer}: {shown}"
    return dress(ax, title, "unit", "signal-to-noise (sd over rows / sd over draws)", grid=True)
