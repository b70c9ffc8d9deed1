"""A chart that is part of the page: inline SVG, whose text and colours are the page's own.

Drawn here, and not by matplotlib, so that names in any script show in the reader's fonts, that it
follows the reader's light or dark mode, and that it takes a few kilobytes.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from .marks import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, AbstractMark, Place, join, text
from .words import number

_TICKS = 5
_LETTER = 6.6  # width of one, on the paper


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis: its ends, what it measures, and names of whole numbers 0, 1, ... if it has any."""

    low: float
    high: float
    label: str
    names: Sequence[str] = ()
    percent: bool = False

    def ticks(self) -> list[tuple[float, str]]:
        """Places and words."""
        if self.names:
            return [(float(i), name) for i, name in enumerate(self.names)]
        step = nice_step(self.low, self.high)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [i * step for i in range(first, last + 1)]
        return [(v, _percent(v, step) if self.percent else number(v, step)) for v in values]


@dataclasses.dataclass(frozen=True)
class Chart:
    """Marks on two axes, with the words that belong to them.

    Attributes:
        title: a heading.
        alt: what can be seen, for those who cannot see it.
        caption: what it means.
        x, y: the axes.
        marks: from the back to the front.
    """

    title: str
    alt: str
    caption: str
    x: Axis
    y: Axis
    marks: Sequence[AbstractMark]

    @property
    def legend(self) -> list[tuple[str, int, str]]:
        """Kind, tone and words of every mark that has a label."""
        return [(type(m).__name__.lower(), m.tone, m.label) for m in self.marks if m.label]

    @property
    def svg(self) -> Markup:
        """The drawing."""
        place = Place((self.x.low, self.x.high), (self.y.low, self.y.high))
        frame = (LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
        inside = Markup('<svg x="{}" y="{}" width="{}" height="{}" viewBox="{} {} {} {}">').format(
            *frame, *frame
        )
        drawn = join(mark.draw(place) for mark in self.marks)
        return Markup(
            '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}</svg></svg>'
        ).format(WIDTH, HEIGHT, self.alt, self._across(place), self._down(place), inside, drawn)

    def _across(self, place: Place) -> Markup:
        ticks = self.x.ticks()
        room = (WIDTH - LEFT - RIGHT) / max(1, len(ticks)) / _LETTER
        y = HEIGHT - BOTTOM
        words = [
            text(float(place.across(v)), y + 17, shortened(name, room), "tick", name)
            for v, name in ticks
        ]
        label = shortened(self.x.label, (WIDTH - LEFT) / _LETTER)
        middle = (LEFT + WIDTH - RIGHT) / 2
        base = Markup('<path class="base" d="M{} {}H{}"/>').format(LEFT, y, WIDTH - RIGHT)
        return join([base, *words, text(middle, HEIGHT - 6, label, "axis", self.x.label)])

    def _down(self, place: Place) -> Markup:
        parts = []
        for value, name in self.y.ticks():
            y = round(float(place.down(value)), 1)
            parts.append(
                Markup('<path class="grid" d="M{} {}H{}"/>').format(LEFT, y, WIDTH - RIGHT)
            )
            parts.append(text(LEFT - 6, y + 4, shortened(name, 7.5), "tick end", name))
        label = shortened(self.y.label, (HEIGHT - TOP) / _LETTER)
        turned = Markup('<g transform="translate(12 {}) rotate(-90)">{}</g>').format(
            (TOP + HEIGHT - BOTTOM) / 2, text(0.0, 0.0, label, "axis", self.y.label)
        )
        return join([*parts, turned])


def nice_step(low: float, high: float) -> float:
    """1, 2 or 5 times a power of ten, about a fifth of the range."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(nice for nice in (1.0, 2.0, 5.0, 10.0) if nice >= 0.999 * rough / power)


def _percent(value: float, step: float) -> str:
    places = max(0, -math.floor(math.log10(100.0 * step) + 1e-9))
    return f"{value:.{places}%}"


def around(label: str, *values: object, pad: float = 0.05, floor: float | None = None) -> Axis:
    """An axis that shows all finite values, with some room; from `floor` if it is given."""
    flat = np.concatenate([np.ravel(np.asarray(v, np.float64)) for v in values])
    flat = flat[np.isfinite(flat)] if np.isfinite(flat).any() else np.zeros(1)
    low, high = float(flat.min()), float(flat.max())
    spread = high - low
    if not spread > 1e-9 * max(abs(low), abs(high), 1e-12):
        spread = max(abs(low), abs(high)) or 1.0
    bottom = low - pad * spread if floor is None else floor
    return Axis(bottom, max(high, low) + pad * spread, label)


def shortened(words: str, letters: float) -> str:
    """At most so many letters, the last an ellipsis where some are missing."""
    most = max(2, int(letters))
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
