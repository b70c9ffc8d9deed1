"""Reports as a browser shows them: silent, no wider than the window, nothing fetched, readable."""

from pathlib import Path

import numpy as np
import pytest

import moonfield as mf
from tests.browser import measured, needs_browser, open_page

pytestmark = [pytest.mark.browser, needs_browser]

LONG = "a_name_without_any_place_to_break_it_" * 4
SIZES = """
    const root = document.documentElement;
    return [root.scrollWidth, innerWidth, performance.getEntriesByType("resource").length];
"""
CONTRASTS = """
    const parts = words => words.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = words => parts(words).map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const paper = node => {
        const color = getComputedStyle(node).backgroundColor;
        return color === "rgba(0, 0, 0, 0)" ? paper(node.parentElement) : color;
    };
    const ratio = (node, property) => {
        const [a, b] = [getComputedStyle(node)[property], paper(node)].map(light);
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const worst = (query, property) =>
        Math.min(...[...document.querySelectorAll(query)].map(node => ratio(node, property)));
    return [
        light(paper(document.querySelector("figure"))),
        worst("p, td, th, h1, h2, h3, li, dd, dt, figcaption, .state", "color"),
        worst(".chart text", "fill"),
        worst(".chart .line, .chart .dots, .chart .base", "stroke"),
    ];
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """A regressor's and a classifier's page, with names that are hard to lay out."""
    pd = pytest.importorskip("pandas")
    folder, rng = tmp_path_factory.mktemp("reports"), np.random.default_rng(0)
    columns = ["<script>alert(1)</script>", LONG, "色", "d"]
    X = pd.DataFrame(rng.normal(size=(260, 4)), columns=columns)
    X["kind"] = rng.choice(["u" * 70, "<img src=http://example.invalid/x.png>", "w"], 260)
    numbers = X["色"] * 1e6 + 1e5 * rng.normal(size=260)
    labels = np.where(X["d"] > 0, LONG, "</style><b>")
    regressor = mf.BayesianMLPRegressor(hidden=(6,), steps=200, random_state=0)
    classifier = mf.BayesianMLPClassifier(hidden=(6,), steps=200, random_state=0)
    found = {}
    for name, estimator, y in (("numbers", regressor, numbers), ("classes", classifier, labels)):
        estimator.fit(X[:160], y[:160])
        found[name] = folder / f"{name}.html"
        mf.report(estimator, X[160:], y[160:], found[name], draws=40)
    return found


@pytest.mark.parametrize("name", ["numbers", "classes"])
def test_console_is_silent(pages, name, tmp_path):
    document, console = open_page(pages[name], tmp_path / "profile")
    assert "<h2>Rows to look at</h2>" in document
    assert console == []


def test_console_would_be_seen(tmp_path):
    (tmp_path / "page.html").write_text("<script>console.error('oh')</script>")
    assert len(open_page(tmp_path / "page.html", tmp_path / "profile")[1]) == 1


@pytest.mark.parametrize("name", ["numbers", "classes"])
@pytest.mark.parametrize("width", [360, 1280])
def test_page_is_no_wider_than_its_window_and_fetches_nothing(pages, name, width, tmp_path):
    """Even where its policy, which forbids it, is taken away."""
    page = pages[name].read_text(encoding="utf-8")
    content, window, fetched = measured(page, SIZES, width, tmp_path)
    assert window == width
    assert content <= width
    assert fetched == 0


def test_width_and_requests_would_be_seen(tmp_path):
    page = '<body><img src="http://example.invalid/x.png"><div style="width: 500px">x</div></body>'
    content, _, fetched = measured(page, SIZES, 360, tmp_path)
    assert (content >= 500, fetched) == (True, 1)


@pytest.mark.parametrize("name", ["numbers", "classes"])
@pytest.mark.parametrize("dark", [False, True])
def test_words_and_lines_stand_out(pages, name, dark, tmp_path):
    """Contrast of 4.5 for words and 3 for lines (WCAG 2.1, criteria 1.4.3 and 1.4.11)."""
    page = pages[name].read_text(encoding="utf-8")
    paper, words, labels, lines = measured(page, CONTRASTS, 1280, tmp_path, dark=dark)
    assert (paper < 0.1) == dark
    assert min(words, labels) >= 4.5
    assert lines >= 3.0
