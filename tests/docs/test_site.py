"""What is looked for in the built site, and what its pages are made from."""

from pathlib import Path

import pytest

from docs.building import benchmarks_page, look, methods_page, results
from docs.building.check import faults
from docs.building.gallery_page import EXAMPLES, GALLERY
from moonfield.inference import METHODS
from tests.browser import needs_browser


def site(folder: Path, body: str) -> list[str]:
    """What is wrong with a site of two pages, one of them this."""
    (folder / "other.html").write_text('<p id="there">', encoding="utf-8")
    (folder / "index.html").write_text(body, encoding="utf-8")
    return list(faults(folder))


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="missing.html">a</a>', "no file missing.html"),
        ('<a href="other.html#not-there">a</a>', "no place other.html#not-there"),
        ('<a href="#not-there">a</a>', "no place #not-there"),
        ('<img src="other.html">', "a picture without words: other.html"),
        ('<script src="https://elsewhere.org/a.js"></script>', "something fetched from elsewhere"),
    ],
)
def test_faults_are_found(body: str, fault: str, tmp_path: Path) -> None:
    (found,) = site(tmp_path, body)
    assert found.startswith(f"index.html: {fault}")


def test_a_whole_site_has_none(tmp_path: Path) -> None:
    body = '<a href="other.html#there">a</a><a href="https://elsewhere.org">b</a>'
    assert site(tmp_path, body + '<img src="other.html" alt="words">') == []


def test_no_site_is_a_fault(tmp_path: Path) -> None:
    assert list(faults(tmp_path)) == [f"no pages in {tmp_path}"]


@needs_browser
@pytest.mark.browser
def test_what_looks_wrong_is_seen(tmp_path: Path) -> None:
    body = """<html><body style="background: white"><main>
        <p style="color: #bbb">faint</p> <img src="none.png" alt="nothing">
        <div style="width: 900px">wide</div> <script>broken();</script></main></body></html>"""
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    found = list(look.faults(tmp_path))
    for scheme in ("dark", "light"):
        seen = [it.removeprefix(f"{scheme}: index.html at ") for it in found if scheme in it]
        for width in look.WIDTHS:
            assert f"{width} pixels: a contrast of 1.9: faint" in seen
            assert f"{width} pixels: no picture none.png" in seen
        assert [it for it in seen if "wide" in it] == ["390 pixels: the page is 908 pixels wide"]
    assert sum("broken is not defined" in it for it in found) == 2 * len(look.WIDTHS)


@needs_browser
@pytest.mark.browser
def test_a_page_that_looks_right_has_no_faults(tmp_path: Path) -> None:
    body = '<body style="background: #111; color: #eee"><main><p>words</p></main></body>'
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    assert list(look.faults(tmp_path)) == []


def test_every_example_is_in_the_gallery() -> None:
    drawing = [path.stem for path in EXAMPLES.glob("*.py") if "savefig" in path.read_text("utf-8")]
    assert sorted(it.name for it in GALLERY) == sorted(drawing)


def test_the_table_of_methods_is_the_librarys(tmp_path: Path) -> None:
    methods_page.write(tmp_path)
    table = (tmp_path / "methods.md").read_text(encoding="utf-8")
    assert [line.split('"')[1] for line in table.splitlines() if '"' in line] == list(METHODS)


def test_pages_can_be_made_without_measurements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "none")
    methods_page.write(tmp_path)
    benchmarks_page.write(tmp_path)
    assert "`make methods`" in (tmp_path / "costs.md").read_text(encoding="utf-8")
    sections = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert sections.count("Not measured in this build") == len(benchmarks_page.SECTIONS)
