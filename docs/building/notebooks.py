"""Notebooks to download, from the sources of the pages."""

import os
import re
from pathlib import Path

import jupytext
import nbformat

from . import pages

_TITLE = re.compile(r"^# .*\n", re.MULTILINE)


def write(docs: Path, folder: Path) -> None:
    """One notebook for each page under `learn` that computes."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((docs / "learn").glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if pages.computes(page):
            nbformat.write(notebook(page), folder / f"{path.stem}.ipynb")


def notebook(page: str) -> nbformat.NotebookNode:
    """A page as a notebook: its own text and cells, without what only the site needs."""
    found = jupytext.reads(page, fmt="md:myst")
    found.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    }
    for number, cell in enumerate(found.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
    return found


def offered(page: str, name: str) -> str:
    """The page with a link to its notebook under the title."""
    up = os.path.relpath("_generated/notebooks", os.path.dirname(name) or ".")
    link = f"\n{{download}}`This page as a notebook <{up}/{os.path.basename(name)}.ipynb>`\n"
    return _TITLE.sub(lambda title: title[0] + link, page, count=1)
