"""Reports: one self-contained HTML page of figures, tables, settings and versions."""

from . import _libraries as _libraries  # first: the error that names the extra
from .page import Page, Table, render
from .picture import Picture, picture
from .report import report
from .versions import versions

__all__ = ["Page", "Picture", "Table", "picture", "render", "report", "versions"]
