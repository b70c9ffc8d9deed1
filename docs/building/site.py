"""What happens around the build: generated pages, short forms, notebooks to download."""

import hashlib
import re
from functools import cache as once
from pathlib import Path

from sphinx.application import Sphinx

from . import benchmarks_page, command_line, gallery_page, methods_page, notebooks, pages, reference
from .forms import FORM

DOCS = Path(__file__).parents[1]
GENERATED = DOCS / "_generated"
_BAR = re.compile(r"``.*?``|`[^`]*`|\|")  # code, or a bar outside of it
_ROUTING = re.compile(r"set_\w+_request|get_metadata_routing")


@once
def state() -> str:
    """A name for the library as it is now: pages are executed again when it changes."""
    digest = hashlib.sha256()
    for path in sorted((DOCS.parent / "src").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def cache() -> Path:
    """Where executed cells are kept."""
    return DOCS / "_build" / f"executed-{FORM}" / state()


def _generate(app: Sphinx) -> None:
    GENERATED.mkdir(exist_ok=True)
    reference.write(DOCS / "reference" / "api")
    command_line.write(GENERATED)
    methods_page.write(GENERATED)
    benchmarks_page.write(GENERATED)
    gallery_page.write(GENERATED, state())
    notebooks.write(DOCS, GENERATED / "notebooks")


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    """The page as it is built: short where asked for, with its notebook beside the title."""
    page = source[0]
    if not pages.computes(page):
        return
    if FORM == "short":
        page = pages.shortened(page)
    source[0] = notebooks.offered(page, name) if name != "index" else page


def _skip(app: Sphinx, what: str, name: str, member: object, skip: bool, options: object) -> bool:
    """Fields of named tuples say nothing beside their class; scikit-learn adds its own methods."""
    return skip or type(member).__name__ == "_tuplegetter" or bool(_ROUTING.fullmatch(name))


def _escape(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Bars are absolute values in our docstrings, and would be substitutions."""
    lines[:] = [_BAR.sub(lambda it: it[0] if it[0] != "|" else r"\|", line) for line in lines]


def setup(app: Sphinx) -> dict:
    app.connect("builder-inited", _generate)
    app.connect("source-read", _read)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-docstring", _escape)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
