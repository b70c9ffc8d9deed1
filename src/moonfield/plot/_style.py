"""Colours and the look of axes, set on each axes object and never globally.

The class colours are those of Okabe and Ito (2008, "Color universal design"), which readers with
any common colour vision tell apart; colour maps run evenly in lightness or meet in near-white.
"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#B0539A"
COLORS = (
    BLUE,
    ORANGE,
    GREEN,
    PURPLE,
    "#56B4E9",
    "#E69F00",
    "#7F7F7F",
    "#5A3D9A",
    "#8C6D31",
    "#111111",
)
INK, FAINT = "#262626", "#B8B8B8"

DIVERGING: Colormap = LinearSegmentedColormap.from_list(
    "moonfield.diverging", ["#5F9FCB", "#A6CBE3", "#F7F5F1", "#F2BF99", "#DF8A52"]
)
VALUES = "viridis"
UNCERTAINTY: Colormap = LinearSegmentedColormap.from_list(
    "moonfield.uncertainty", ["#FBFAF7", "#DCD5E8", "#A99BCB", "#6F5BA7", "#35246B"]
)


def new_axes(ax: Axes | None, width: float = 6.4, height: float = 4.4) -> Axes:
    """The given axes, or those of a new figure."""
    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax


def dress(ax: Axes, title: str, xlabel: str, ylabel: str, grid: bool = False) -> Axes:
    """Title, labels, and a quiet frame."""
    ax.set_title(title, loc="left", fontsize=11, color=INK, pad=8)
    ax.set_xlabel(xlabel, fontsize=9.5, color=INK)
    ax.set_ylabel(ylabel, fontsize=9.5, color=INK)
    ax.tick_params(labelsize=8.5, color=FAINT, labelcolor=INK, length=3)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(color="#E6E6E6", linewidth=0.7)
    return ax


def legend(ax: Axes, **options: Any) -> None:
    """A small legend without a frame line, readable over points."""
    settings: dict[str, Any] = {
        "fontsize": 8.5,
        "frameon": True,
        "framealpha": 0.85,
        "edgecolor": "none",
    }
    ax.legend(**(settings | options))


def colour_bar(ax: Axes, mappable: Any, label: str) -> None:
    """A slim colour bar beside the axes."""
    bar = ax.figure.colorbar(mappable, ax=ax, fraction=0.05, pad=0.02)
    bar.set_label(label, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, color=FAINT, labelcolor=INK, length=3)
    bar.ax.spines["outline"].set_visible(False)


def point_area(rows: int) -> float:
    """Area of a point in square typographic points: smaller where there are many."""
    return float(np.clip(9_000 / max(rows, 1), 5, 26))


def tint(colour: str, strength: np.ndarray) -> np.ndarray:
    """A colour mixed with near-white: strength 0 is palest, 1 the colour; (rows, 3)."""
    strength = np.clip(strength, 0.0, 1.0)[:, None]
    pale = 0.88
    return pale + strength * (np.asarray(to_rgb(colour)) - pale)
