"""The Python of every page under docs/learn runs, in its short form, where warnings are errors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.building import notebooks, pages

LEARN = Path(__file__).parents[2] / "docs" / "learn"
PAGES = sorted(path.stem for path in LEARN.glob("*.md") if path.stem != "index")
QUICKLY = {
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false",
    "MPLBACKEND": "agg",
}


def text(name: str) -> str:
    return (LEARN / f"{name}.md").read_text(encoding="utf-8")


def test_there_are_pages() -> None:
    assert {"ten_minutes", "moons", "methods"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_shortens_is_on_it(name: str) -> None:
    assert pages.cells(pages.shortened(text(name)))


def test_a_page_without_what_it_shortens_is_an_error() -> None:
    page = "---\nfile_format: mystnb\nshort: {steps=9: steps=1}\n---\n\nsteps=8\n"
    with pytest.raises(ValueError, match="steps=9"):
        pages.shortened(page)


def test_cells_come_without_their_options() -> None:
    page = (
        "```{code-cell} ipython3\n:tags: [remove-input]\n\na = 1\n```\n"
        "```{code-cell} ipython3\n---\nmystnb: {image: {alt: b}}\n---\nb = 2\n```\n"
        "```python\nc = 3\n```\n```{code-block} python\n:caption: PyMC3\n\nd = 4\n```\n"
    )
    assert pages.cells(page) == ["a = 1\n", "b = 2\n"]
    assert pages.blocks(page) == ["c = 3\n"]


@pytest.mark.parametrize("name", PAGES)
def test_a_notebook_has_the_code_of_its_page(name: str) -> None:
    notebook = notebooks.notebook(text(name))
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code == [cell.strip("\n") for cell in pages.cells(text(name))]
    assert any(cell.source.startswith("# ") for cell in notebook.cells)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    page = pages.shortened(text(name))
    code = "\n".join([*pages.cells(page), *pages.blocks(page)])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=os.environ | QUICKLY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
