"""Every public name has its place in the reference, and nothing else does."""

import importlib
import inspect
from collections.abc import Iterator

import pytest

from docs.building.public import MODULES, NAMESPACES, PAGES

# A class that is reached through a posterior alone.
BESIDE = {"moonfield.posterior.Architecture"}


def names() -> Iterator[str]:
    """What the reference tells about."""
    for page in PAGES:
        for group in page.groups:
            yield from (f"{group.module}.{name}" for name in group.names.split())


def public() -> Iterator[str]:
    """What users can reach by name."""
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            if module != "moonfield" or name not in NAMESPACES:
                yield f"{module}.{name}"


def test_every_public_name_is_in_the_reference_once() -> None:
    assert sorted(names()) == sorted({*public(), *BESIDE})


def test_every_namespace_is_public() -> None:
    assert set(NAMESPACES) <= set(importlib.import_module("moonfield").__all__)


@pytest.mark.parametrize("name", sorted({*public()}))
def test_a_public_name_has_a_docstring(name: str) -> None:
    module, _, last = name.rpartition(".")
    thing = getattr(importlib.import_module(module), last)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert (inspect.getdoc(thing) or "").strip()


def test_there_is_one_version() -> None:
    import re
    import tomllib
    from pathlib import Path

    import moonfield as mf

    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = re.search(r"^version: (.+)$", (root / "CITATION.cff").read_text("utf-8"), re.M)
    assert cited is not None
    assert mf.__version__ == project["version"] == cited[1]
