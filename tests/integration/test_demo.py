"""The command line and its demo: files, numbers, the page, and what goes wrong."""

import io
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from rich.console import Console

import moonfield as mf
from moonfield.cli import main
from moonfield.cli.demo import run_demo
from moonfield.cli.errors import BadInput
from moonfield.cli.moons import Entry, Plan, halves

PLAN = Plan(full_steps=400, batch_steps=500, batch_size=50, draws=20, seed=0)
FIGURES = (
    "data", "elbo", "probability", "epistemic", "mutual_information", "predictions", "weights",
    "moons",
)  # fmt: skip


class Demo(NamedTuple):
    out: Path
    entries: list[Entry]
    printed: str
    html: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    out = tmp_path_factory.mktemp("demo") / "deep" / "out"
    stream = io.StringIO()
    entries = run_demo(out, PLAN, Console(file=stream, width=100))
    html = (out / "report.html").read_text(encoding="utf-8")
    return Demo(out, entries, stream.getvalue(), html)


def cells(printed: str, name: str) -> list[str]:
    """The numbers of one printed row."""
    line = next(line for line in printed.splitlines() if line.startswith(f"│ {name}"))
    return [cell.strip().replace("\N{NO-BREAK SPACE}", " ") for cell in line.split("│")[2:-1]]


class Elements(HTMLParser):
    """All elements with their attributes."""

    def __init__(self, html: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, Any]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_writes_figures_and_report_and_nothing_else(demo):
    expected = {f"{name}.png" for name in FIGURES} | {"report.html"}
    assert {path.name for path in demo.out.iterdir()} == expected
    for name in FIGURES:
        assert (demo.out / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert (demo.out / "moons.png").stat().st_size < 150_000


def test_a_report_that_is_there_is_not_replaced(demo: Demo) -> None:
    before = (demo.out / "report.html").read_bytes()
    with pytest.raises(BadInput, match=r"report\.html exists. Use --force"):
        run_demo(demo.out, PLAN, Console(file=io.StringIO()))
    assert (demo.out / "report.html").read_bytes() == before


def test_fits_are_the_three_of_the_plan(demo):
    facts = [entry.posterior.diagnostics for entry in demo.entries]
    assert [fact.steps for fact in facts[:2]] == [400, 500]
    assert [fact.batch_size for fact in facts] == [None, 50, None]
    assert facts[2].result in (mf.Result.converged, mf.Result.not_converged)
    assert {fact.rows for fact in facts} == {500}


def test_table_says_what_the_posteriors_say(demo):
    data, printed = halves(), demo.printed
    posteriors = [entry.posterior for entry in demo.entries]
    facts = [posterior.diagnostics for posterior in posteriors]
    assert cells(printed, "steps  ") == [f"{len(posterior.elbo):,}" for posterior in posteriors]
    elbos = [f"{fact.elbo:.1f} ± {fact.elbo_se:.1f}".replace("-", "−") for fact in facts]
    assert cells(printed, "ELBO") == elbos
    rates = [f"{fact.steps / fact.run_seconds:,.0f}" for fact in facts]
    assert cells(printed, "steps/s") == rates
    predictions = [p.predict(data.X_test, draws=PLAN.draws, seed=PLAN.seed) for p in posteriors]
    right = [f"{np.mean((p.mean > 0.5) == data.y_test):.1%}" for p in predictions]
    assert cells(printed, "test accuracy") == right
    means = [f"{p.log_prob(data.y_test).mean():.4f}".replace("-", "−") for p in predictions]
    assert cells(printed, "test log-lik") == means
    assert cells(printed, "ended")[:2] == ["steps exhausted"] * 2


def test_report_holds_the_printed_table(demo):
    for name in ("steps  ", "compile", "run", "ELBO", "test accuracy", "test log-lik", "predict"):
        for cell in cells(demo.printed, name):
            assert f"<td>{cell}</td>" in demo.html.replace("\N{NO-BREAK SPACE}", " ")


def test_halves_are_in_units_of_the_training_half():
    data = halves()
    assert data.X_train.shape == data.X_test.shape == (500, 2)
    np.testing.assert_allclose(data.X_train.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(data.X_train.std(axis=0), 1.0, rtol=1e-12)
    assert abs(data.X_test.mean(axis=0)).max() > 1e-3


def test_report_fetches_nothing(demo):
    elements = Elements(demo.html).found
    for tag, attributes in elements:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            assert attributes.get(name, "data:").startswith("data:")
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\(|@import|https?://|//[a-z]", re.sub(r'"data:[^"]*"', "", demo.html))


def test_report_shows_the_figures_with_words(demo):
    import base64

    images = [attributes for tag, attributes in Elements(demo.html).found if tag == "img"]
    assert all(len(image["alt"]) > 20 for image in images)
    shown = [base64.b64decode(image["src"].split(",", 1)[1]) for image in images]
    assert shown == [(demo.out / f"{name}.png").read_bytes() for name in FIGURES[:-1]]


def test_report_names_settings_and_versions(demo):
    import jax

    for text in ("make_moons(1000, noise=0.2, random_state=0)", "Normal(0, 1)", jax.__version__):
        assert text in demo.html


def test_report_escapes_text():
    from moonfield.reporting import Page, Table, render

    page = Page("<b>", "a & b", [Table(["", "<i>"], [["x", "<script>"]])], [], {"<u>": "'"}, {})
    html = render(page)
    assert "&lt;script&gt;" in html
    assert not {"<b>", "<i>", "<u>", "<script>"} & set(re.findall(r"<[^>]*>", html))


def test_output_replaces_what_was_there(tmp_path):
    from moonfield._core.files import replace_file

    (tmp_path / "a").write_bytes(b"old")
    replace_file(tmp_path / "a", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"new"}


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    from moonfield._core import files

    def fail(*_):
        raise OSError("disk full")

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        files.replace_file(tmp_path / "a", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


# The command


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test process keeps its own JAX settings."""
    monkeypatch.setattr("moonfield.cli.cache.use_compilation_cache", lambda: None)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"moonfield {mf.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["demo"], ["--help"], ["demo", "moons", "--help"]])
def test_help(arguments, capsys):
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Usage: moonfield")
    assert captured.err == ""


@pytest.mark.slow
def test_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "moonfield", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"moonfield {mf.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "moons", "--seed", "-1"], "--seed"),
        (["demo", "moons", "--seed", "one"], "--seed"),
        (["demo", "moons", "--speed", "1"], "--speed"),
        (["demo", "suns"], "suns"),
        (["dream"], "dream"),
    ],
)
def test_wrong_arguments_are_one_line_and_code_2(arguments, words, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"moonfield: [^\n]+\n", captured.err)
    assert words in captured.err


def test_folder_that_is_a_file_is_one_line_and_code_2(tmp_path, capsys, no_cache):
    (tmp_path / "taken").write_text("")
    assert main(["demo", "moons", "--out", str(tmp_path / "taken")]) == 2
    assert re.fullmatch(r"moonfield: .*taken is a file; [^\n]+\n", capsys.readouterr().err)


def test_interrupt_is_one_line_and_code_130(tmp_path, capsys, monkeypatch, no_cache):
    from moonfield.cli import moons

    def interrupted(model, X, y, **options):
        posterior = mf.fit(model, X, y, steps=1, progress=False)
        facts = posterior.diagnostics.to_dict() | {"result": "interrupted"}
        diagnostics = mf.Diagnostics.from_dict(facts)
        return mf.Posterior(model, posterior.approximation, posterior.elbo, diagnostics)

    monkeypatch.setattr(moons, "fit", interrupted)
    assert main(["demo", "moons", "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "moonfield: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def cache_in(tmp_path: Path, **variables: str) -> tuple[str, str]:
    """JAX's cache folder after the command line turned it on, and its threshold."""
    code = (
        "import jax; from moonfield.cli.cache import use_compilation_cache as use; use();"
        "print(jax.config.jax_compilation_cache_dir);"
        "print(jax.config.jax_persistent_cache_min_compile_time_secs)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"HOME": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    folder, threshold = done.stdout.split()
    return folder, threshold


@pytest.mark.slow
def test_cache_is_in_the_user_folder_for_caches(tmp_path):
    folder, threshold = cache_in(tmp_path, XDG_CACHE_HOME=str(tmp_path / "xdg"))
    assert (folder, threshold) == (str(tmp_path / "xdg" / "moonfield" / "xla"), "0.0")


@pytest.mark.slow
def test_cache_of_the_user_stays(tmp_path):
    chosen = str(tmp_path / "mine")
    assert cache_in(tmp_path, JAX_COMPILATION_CACHE_DIR=chosen)[0] == chosen


@pytest.mark.slow
def test_no_cache_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert cache_in(tmp_path, XDG_CACHE_HOME=str(tmp_path / "file"))[0] == "None"


# In a browser

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
    "--window-size=1400,1000", "--virtual-time-budget=5000", "--dump-dom",
)  # fmt: skip
MEASURE = """
<script>
addEventListener("load", () => {
  const root = document.documentElement;
  const broken = [...document.images].filter(image => !image.naturalWidth).length;
  parent.postMessage([root.scrollWidth, innerWidth, document.images.length, broken].join(" "), "*");
});
</script>
"""
FRAME = """<!doctype html><meta charset="utf-8"><p id="seen"></p>
<script>addEventListener("message", event => {{ seen.textContent = event.data; }});</script>
<iframe src="measured.html" width="{width}" height="900" style="border: 0"></iframe>
"""


def open_page(page: Path, profile: Path) -> tuple[str, list[str]]:
    """The document as it stands after loading, and what the console said."""
    done = subprocess.run(
        [str(BROWSER), *FLAGS, f"--user-data-dir={profile}", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
class TestInBrowser:
    def test_console_is_silent(self, demo, tmp_path):
        document, console = open_page(demo.out / "report.html", tmp_path / "profile")
        assert "<h1>Moonfield: two moons</h1>" in document
        assert console == []

    def test_console_would_be_seen(self, tmp_path):
        page = tmp_path / "page.html"
        page.write_text("<script>console.error('oh')</script>")
        assert len(open_page(page, tmp_path / "profile")[1]) == 1

    @pytest.mark.parametrize("width", [360, 390, 820, 1280])
    def test_page_is_no_wider_than_its_window(self, demo, tmp_path, width):
        policy = r'<meta http-equiv="Content-Security-Policy"[^>]*>'
        open_to_scripts, count = re.subn(policy, "", demo.html)
        assert count == 1
        (tmp_path / "measured.html").write_text(
            open_to_scripts.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8"
        )
        (tmp_path / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
        document, _ = open_page(tmp_path / "frame.html", tmp_path / "profile")
        seen = re.search(r'<p id="seen">([\d ]+)</p>', document)
        assert seen is not None
        content, window, images, broken = map(int, seen.group(1).split())
        assert window == width
        assert content <= width
        assert (images, broken) == (len(FIGURES) - 1, 0)
