"""Reports as a program reads them."""

import re
from html.parser import HTMLParser
from typing import Any

_VOID = {"meta", "link", "br", "img", "path"}


class Page(HTMLParser):
    """Elements with their attributes, tables by title, checks by name, and the text."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.checks: dict[str, tuple[str, str]] = {}
        self.headings: list[str] = []
        self.text = ""
        self._stack: list[str] = []
        self._words: list[str] = []
        self._check: list[str] = []
        self._title = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append((self._title, []))
        if tag == "tr":
            self.tables[-1][1].append([])
        if tag not in _VOID:
            self._stack.append(tag)
        self._words = []

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        assert self._stack.pop() == tag
        words = " ".join("".join(self._words).split())
        self._words = []
        if tag in ("td", "th"):
            self.tables[-1][1][-1].append(words)
        if tag in ("h2", "h3"):
            self._title = words
            self.headings.append(words)
        if "li" in self._stack and tag in ("strong", "p", "span"):
            self._check.append(words)
        if tag == "li":
            if len(self._check) == 3:
                state, name, sentence = self._check
                self.checks[name] = (state[2:], sentence)
            self._check = []

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        self.text += data

    def table(self, title: str) -> dict[str, list[str]]:
        """The first table under a heading: its rows by their first cell."""
        rows = next(rows for name, rows in self.tables if name == title)
        return {row[0]: row[1:] for row in rows}

    @property
    def charts(self) -> list[dict[str, Any]]:
        """Attributes of the pictures."""
        return [a for tag, a in self.elements if tag == "svg" and a.get("class") == "chart"]


def numbers(cell: str) -> list[tuple[float, float]]:
    """The numbers of a cell, and half a unit of the last digit of each."""
    found = []
    for sign, digits, fraction, percent in re.findall(r"([−+]?)([\d,]+)(\.\d+)?(%?)", cell):
        value = float(digits.replace(",", "") + fraction) * (-1 if sign == "−" else 1)
        scale = 0.01 if percent else 1.0
        unit = 10.0 ** -max(0, len(fraction) - 1)
        found.append((scale * value, 0.5001 * scale * unit))
    return found


def assert_says(cell: str, *values: float) -> None:
    """Each number of the cell is the value, rounded."""
    found = numbers(cell)
    assert len(found) == len(values), cell
    for (number, half), value in zip(found, values, strict=True):
        assert abs(number - value) <= half + 1e-5 * abs(value), (cell, value)
