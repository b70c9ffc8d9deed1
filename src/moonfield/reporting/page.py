"""A self-contained HTML page."""

import dataclasses
from collections.abc import Mapping, Sequence

from .picture import Picture
from .rendering import html


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells of text; the first column names the row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Page:
    """What a report holds.

    Attributes:
        title: of the page.
        lead: one paragraph on what was done and found.
        tables: numbers.
        pictures: figures, in reading order.
        settings: what was chosen, by name.
        versions: what it was made with, by name.
    """

    title: str
    lead: str
    tables: Sequence[Table]
    pictures: Sequence[Picture]
    settings: Mapping[str, str]
    versions: Mapping[str, str]


def render(page: Page) -> str:
    """The page as HTML: figures and styles inside, no script, nothing fetched from anywhere.

    Every text is escaped.
    """
    return html("page.html", page)
