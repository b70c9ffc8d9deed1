"""What a report holds, in reading order."""

import dataclasses
from collections.abc import Mapping, Sequence

from .chart import Chart
from .findings import Finding
from .page import Table
from .rendering import html


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    `kind` is "features" where tables may be wider than a page, and scroll.
    """

    title: str
    lead: str = ""
    findings: Sequence[Finding] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    kind: str = ""


@dataclasses.dataclass(frozen=True)
class Document:
    """A report: as `Page`, with sections in place of tables and pictures."""

    title: str
    lead: str
    sections: Sequence[Section]
    settings: Mapping[str, str]
    versions: Mapping[str, str]

    def html(self) -> str:
        """The page: figures and styles inside, no script, nothing fetched, every text escaped."""
        return html("report.html", self)
