"""How the ELBO rose."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from ._style import COLORS, dress, legend, new_axes

_WINDOWS = 100  # the smooth line averages a hundredth of the longest fit
_BURN_IN = 0.05  # this share of the steps does not set the limits
_MOST_POINTS = 3_000


class Curve(NamedTuple):
    """The finite estimates of a fit, and their running means."""

    steps: np.ndarray
    raw: np.ndarray
    centres: np.ndarray
    smooth: np.ndarray


def elbo(*posteriors: Any, labels: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """The ELBO at every step of one or more fits: running means over the faint single estimates.

    The limits leave the first steps out. The legend gives the estimate at the final parameters with
    its Monte Carlo error, nats.

    Args:
        *posteriors: fits.
        labels: a name for each; by default its method and batches.
        ax: axes to draw on.

    Raises:
        ValueError: no posterior, another number of labels, or a posterior without an ELBO.
    """
    if not posteriors:
        raise ValueError("elbo needs at least one posterior.")
    labels = [_label(posterior) for posterior in posteriors] if labels is None else list(labels)
    if len(labels) != len(posteriors):
        raise ValueError(f"There are {len(posteriors)} posteriors and {len(labels)} labels.")
    window = max(1, max(len(posterior.elbo) for posterior in posteriors) // _WINDOWS)
    curves = [_curve(posterior, window) for posterior in posteriors]
    ax = new_axes(ax)
    for i, (posterior, name, curve) in enumerate(zip(posteriors, labels, curves, strict=True)):
        colour = COLORS[i % len(COLORS)]
        ax.plot(*_thin(curve.steps, curve.raw), color=colour, alpha=0.13, linewidth=0.4, zorder=1)
        label = _entry(name, posterior)
        ax.plot(
            *_thin(curve.centres, curve.smooth), color=colour, linewidth=1.8, label=label, zorder=2
        )
    ax.set_ylim(*_limits(curves))
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    legend(ax, loc="lower right")
    return dress(ax, "ELBO", "step", "nats", grid=True)


def running_mean(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (counted from 0), and means over windows of values around them."""
    window = max(1, min(window, len(values) // 4))
    total = np.cumsum(np.concatenate([[0.0], values.astype(np.float64)]))
    means = (total[window:] - total[:-window]) / window
    return np.arange(len(means)) + (window - 1) / 2, means


def _curve(posterior: Any, window: int) -> Curve:
    values = np.asarray(posterior.elbo)
    finite = np.flatnonzero(np.isfinite(values))
    if finite.size == 0:
        raise ValueError("This posterior has no finite ELBO to draw.")
    places, smooth = running_mean(values[finite], window)
    return Curve(
        finite + 1, values[finite], np.interp(places, np.arange(finite.size), finite + 1), smooth
    )


def _thin(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    every = max(1, len(x) // _MOST_POINTS)
    return x[::every], y[::every]


def _limits(curves: list[Curve]) -> tuple[float, float]:
    """All smooth lines after the burn-in, and the central noise of the least noisy fit."""
    late = [curve.smooth[int(_BURN_IN * len(curve.smooth)) :] for curve in curves]
    tails = [np.quantile(curve.raw[len(curve.raw) // 2 :], [0.1, 0.9]) for curve in curves]
    quiet = min(tails, key=lambda tail: tail[1] - tail[0])
    low = min(quiet[0], *(part.min() for part in late))
    high = max(quiet[1], *(part.max() for part in late))
    pad = 0.12 * (high - low) or 1.0
    return float(low - pad), float(high + pad)


def _label(posterior: Any) -> str:
    facts = posterior.diagnostics
    batch = "all rows" if facts.batch_size is None else f"batches of {facts.batch_size:,}"
    return f"{facts.method}, {batch}"


def _entry(name: str, posterior: Any) -> str:
    facts = posterior.diagnostics
    if not np.isfinite(facts.elbo):
        return name
    return f"{name}: {facts.elbo:,.1f} ± {facts.elbo_se:.1f}".replace("-", "−")
