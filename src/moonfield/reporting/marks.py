"""What a chart shows: marks in units of its axes, drawn as SVG."""

import abc
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup, escape

Values = Sequence[float] | np.ndarray

WIDTH, HEIGHT = 400.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 20.0, 10.0, 44.0


class Place(NamedTuple):
    """Where the axes' units lie on the paper."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, values: Any) -> np.ndarray:
        """Distances from the left edge."""
        share = (np.asarray(values, np.float64) - self.x[0]) / (self.x[1] - self.x[0])
        return np.asarray(LEFT + np.clip(share, -1.0, 2.0) * (WIDTH - LEFT - RIGHT))

    def down(self, values: Any) -> np.ndarray:
        """Distances from the top."""
        share = (np.asarray(values, np.float64) - self.y[0]) / (self.y[1] - self.y[0])
        return np.asarray(HEIGHT - BOTTOM - np.clip(share, -1.0, 2.0) * (HEIGHT - TOP - BOTTOM))


class AbstractMark(abc.ABC):
    """Something drawn. `tone` numbers a colour of the page's style sheet; 0 is the accent.

    `label` is its line of the legend, if it has one.
    """

    tone: int
    label: str

    @abc.abstractmethod
    def draw(self, place: Place) -> Markup:
        """SVG elements."""


@dataclasses.dataclass(frozen=True)
class Line(AbstractMark):
    """A line through points."""

    x: Values
    y: Values
    tone: int = 0
    label: str = ""
    dashed: bool = False

    def draw(self, place: Place) -> Markup:
        kind = "line dashed" if self.dashed else "line"
        return _path(kind, self.tone, f"M{_points(place.across(self.x), place.down(self.y))}")


@dataclasses.dataclass(frozen=True)
class Band(AbstractMark):
    """The area between two curves."""

    x: Values
    low: Values
    high: Values
    tone: int = 0
    label: str = ""

    def draw(self, place: Place) -> Markup:
        x = place.across(self.x)
        there = _points(x, place.down(self.high))
        back = _points(x[::-1], place.down(self.low)[::-1])
        return _path("band", self.tone, f"M{there}L{back}Z")


@dataclasses.dataclass(frozen=True)
class Bars(AbstractMark):
    """Bars from 0, between edges."""

    edges: Values
    heights: Values
    tone: int = 0
    label: str = ""

    def draw(self, place: Place) -> Markup:
        x, y, floor = place.across(self.edges), place.down(self.heights), float(place.down(0.0))
        boxes = [
            f"M{_n(a + 0.75)} {_n(floor)}V{_n(top)}H{_n(b - 0.75)}V{_n(floor)}Z"
            for a, b, top in zip(x[:-1], x[1:], y, strict=True)
        ]
        return _path("bars", self.tone, "".join(boxes))


@dataclasses.dataclass(frozen=True)
class Stems(AbstractMark):
    """Vertical segments."""

    x: Values
    low: Values
    high: Values
    tone: int = 0
    label: str = ""

    def draw(self, place: Place) -> Markup:
        places = zip(place.across(self.x), place.down(self.low), place.down(self.high), strict=True)
        return _path("stems", self.tone, "".join(f"M{_n(x)} {_n(a)}V{_n(b)}" for x, a, b in places))


@dataclasses.dataclass(frozen=True)
class Dots(AbstractMark):
    """Points."""

    x: Values
    y: Values
    tone: int = 0
    label: str = ""
    large: bool = False

    def draw(self, place: Place) -> Markup:
        places = zip(place.across(self.x), place.down(self.y), strict=True)
        kind = "dots large" if self.large else "dots"  # a dot is a line of no length, round at ends
        return _path(kind, self.tone, "".join(f"M{_n(x)} {_n(y)}h0" for x, y in places))


def text(x: float, y: float, words: str, kind: str = "", whole: str = "") -> Markup:
    """Words at a place, escaped; `whole` is what they are short for."""
    full = Markup("<title>{}</title>").format(whole) if whole not in ("", words) else ""
    return Markup('<text x="{}" y="{}" class="{}">{}{}</text>').format(
        _n(x), _n(y), kind, escape(words), full
    )


def join(parts: Iterable[Markup]) -> Markup:
    """One after the other."""
    return Markup("").join(parts)


def _path(kind: str, tone: int, d: str) -> Markup:
    return Markup('<path class="{} t{}" d="{}"/>').format(kind, tone, d)


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return "L".join(f"{_n(a)} {_n(b)}" for a, b in zip(x, y, strict=True))


def _n(value: float) -> str:
    return f"{float(value):.1f}".removesuffix(".0")
