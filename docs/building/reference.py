"""The pages of the reference, from the table of public names."""

import importlib
import inspect
from pathlib import Path
from typing import Any

from .public import PAGES, Group, Page

_HOMES = {"moonfield.networks": "moonfield.nets"}  # under what name users reach a module


def write(folder: Path) -> None:
    """A page of reStructuredText for each of the table; files that have not changed stay."""
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[int, str] = {}
    for page in PAGES:
        path, text = folder / f"{page.file}.rst", _page(page, known)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _page(page: Page, known: dict[int, str]) -> str:
    parts = [_heading(page.title, "="), page.words.replace("`", "``") + "\n"]
    for group in page.groups:
        parts += [_heading(group.heading, "-")] if group.heading else []
        parts += [_described(group, name, known) for name in group.names.split()]
    return "\n".join(parts)


def _heading(title: str, line: str) -> str:
    return f"{title}\n{line * len(title)}\n"


def _described(group: Group, name: str, known: dict[int, str]) -> str:
    thing = getattr(importlib.import_module(group.module), name)
    home = _HOMES.get(group.module, group.module)
    if not (inspect.isclass(thing) or inspect.isfunction(thing)):
        return _constant(home, name, thing)
    if not thing.__module__.startswith("moonfield"):
        return _borrowed(home, name, thing)
    kind = "class" if inspect.isclass(thing) else "function"
    first = known.setdefault(id(thing), f"{home}.{name}")
    if first != f"{home}.{name}":
        return f".. py:{kind}:: {home}.{name}\n\n   The same as ``{first}``.\n"
    return f".. auto{kind}:: {group.module}.{name}\n"


def _borrowed(home: str, name: str, thing: Any) -> str:
    """A class of another library."""
    package = thing.__module__.split(".")[0]
    library = {"numpyro": "NumPyro"}.get(package, package)
    parameters = ", ".join(str(it) for it in inspect.signature(thing).parameters)
    where = f"``{package}.distributions.{name}``"
    return f".. py:class:: {home}.{name}({parameters})\n\n   {library}'s own: {where}.\n"


def _constant(home: str, name: str, thing: Any) -> str:
    """A table or a name."""
    if isinstance(thing, dict):
        says = "A table of " + ", ".join(f"``{key}``" for key in thing) + "."
    else:
        says = f"``{thing!r}``" if isinstance(thing, str) else str(inspect.getdoc(thing))
    return f".. py:data:: {home}.{name}\n\n   {says}\n"
