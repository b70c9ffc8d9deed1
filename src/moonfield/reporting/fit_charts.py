"""Pictures of the fit and of what it learned."""

from collections.abc import Sequence

import numpy as np

from ..plot.elbo import running_mean
from ..posterior import Posterior
from .chart import Axis, Chart, around
from .effects import Effect
from .marks import AbstractMark, Band, Dots, Line, Stems
from .words import number

_POINTS = 300
_BURN_IN = 20  # a share of the steps that does not set the limits: one in so many


def elbo_chart(posterior: Posterior) -> list[Chart]:
    """How the objective rose; nothing where a method has none."""
    values = np.asarray(posterior.elbo, np.float64)
    finite = np.flatnonzero(np.isfinite(values))
    if len(finite) < 8:
        return []
    what = posterior.diagnostics.quantity
    places, smooth = running_mean(values[finite], max(1, len(finite) // 100))
    steps = np.interp(places, np.arange(len(finite)), finite + 1.0)
    at = np.unique(np.linspace(0, len(steps) - 1, _POINTS).astype(int))
    late = smooth[len(smooth) // _BURN_IN :]
    gain = late[-1] - smooth[len(smooth) // 2]
    return [
        Chart(
            what,
            f"The curve rises from {number(smooth[0])} to {number(smooth[-1])} nats over "
            f"{len(values):,} steps; {number(gain)} of it in the second half.",
            "Running mean over a hundredth of the steps, nats; bigger is better. It should be flat "
            "at the end. The first twentieth may lie below the picture.",
            Axis(0.0, float(len(values)), "step"),
            around(f"{what}, nats", late),
            [Line(steps[at], smooth[at], 0)],
        )
    ]


def effect_charts(
    effects: Sequence[Effect], outputs: Sequence[int], labels: Sequence[str], level: float, y: str
) -> list[Chart]:
    """Each feature's effect on some outputs, on one scale, with bands over posterior draws."""
    curves = [[effect.band(output, level) for output in outputs] for effect in effects]
    axis = around(y, *(part for bands in curves for band in bands for part in band))
    return [
        _effect_chart(effect, bands, labels, axis)
        for effect, bands in zip(effects, curves, strict=True)
    ]


def _effect_chart(effect: Effect, curves: list, labels: Sequence[str], y: Axis) -> Chart:
    x = np.arange(len(effect.labels), dtype=float) if effect.values is None else effect.values
    marks: list[AbstractMark] = []
    for tone, (curve, label) in enumerate(zip(curves, labels, strict=True)):
        marks += _marks(effect, x, curve, tone, label if len(labels) > 1 else "")
    ends = "; ".join(
        f"{label} from {number(float(mean[0]))} at {_value(effect, 0)} to "
        f"{number(float(mean[-1]))} at {_value(effect, -1)}"
        for label, (mean, _, _) in zip(labels, curves, strict=True)
    )
    names = () if effect.values is not None else effect.labels
    x_axis = Axis(-0.5, len(x) - 0.5, effect.name, names) if names else around(effect.name, x)
    return Chart(effect.name, f"Effect of {effect.name}: {ends}.", "", x_axis, y, marks)


def _marks(
    effect: Effect, x: np.ndarray, curve: tuple, tone: int, label: str
) -> list[AbstractMark]:
    mean, low, high = curve
    if effect.values is None:
        return [Stems(x, low, high, tone), Dots(x, mean, tone, label, large=True)]
    return [Band(x, low, high, tone), Line(x, mean, tone, label)]


def _value(effect: Effect, place: int) -> str:
    return (
        number(float(effect.values[place])) if effect.values is not None else effect.labels[place]
    )
