"""Pages that compute: MyST text with code cells, their Python, and their short form."""

import re

import yaml

_TOP = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
_CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_OPTIONS = re.compile(r"\A(---\n.*?^---\n|(:[\w-]+:[^\n]*\n)+\n?)", re.DOTALL | re.MULTILINE)
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def top(page: str) -> dict:
    """What stands between the first two lines of dashes."""
    found = _TOP.match(page)
    return {} if found is None else yaml.safe_load(found[1])


def computes(page: str) -> bool:
    """Whether a page has cells that are executed."""
    return top(page).get("file_format") == "mystnb"


def cells(page: str) -> list[str]:
    """The Python of a page's cells, in order."""
    return [_OPTIONS.sub("", cell) for cell in _CELL.findall(page)]


def blocks(page: str) -> list[str]:
    """The Python of plain blocks: of the README, and of pages that compute nothing."""
    return _BLOCK.findall(page)


def shortened(page: str) -> str:
    """The page with fewer steps, by the replacements that it lists under `short`.

    Raises:
        ValueError: something to replace is not there.
    """
    head = _TOP.match(page)
    body = page if head is None else page[head.end() :]
    for long, short in top(page).get("short", {}).items():
        if long not in body:
            raise ValueError(f"{long!r} is listed under `short` and is not on the page.")
        body = body.replace(long, str(short))
    return body if head is None else page[: head.end()] + body
