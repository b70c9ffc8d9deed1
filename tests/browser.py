"""Pages in a real browser: Chromium without a window, where there is one."""

import html as markup
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from docs.building.look import BROWSER, HEADLESS

FLAGS = (
    *HEADLESS,
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1400,1000",
    "--virtual-time-budget=5000",
)
_DARK = "--blink-settings=preferredColorScheme=0"
_POLICY = r'<meta http-equiv="Content-Security-Policy"[^>]*>'
_FRAME = """<!doctype html><meta charset="utf-8"><p id="seen"></p>
<script>addEventListener("message", event => {{ seen.textContent = event.data; }});</script>
<iframe src="measured.html" width="{width}" height="900" style="border: 0"></iframe>
"""

needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs Chromium, which is not installed")


def open_page(page: Path, profile: Path, *flags: str) -> tuple[str, list[str]]:
    """The document as it stands after loading, and what the console said."""
    done = subprocess.run(
        [str(BROWSER), *FLAGS, *flags, f"--user-data-dir={profile}", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def measured(page: str, script: str, width: int, folder: Path, dark: bool = False) -> Any:
    """What a script returns in a frame of this width, in a copy of the page that allows scripts."""
    report = (
        '<script>addEventListener("load", () => parent.postMessage(JSON.stringify((() => {'
        f'{script}}})()), "*"));</script>'
    )
    copy = re.sub(_POLICY, "", page).replace("</body>", f"{report}</body>")
    (folder / "measured.html").write_text(copy, encoding="utf-8")
    (folder / "frame.html").write_text(_FRAME.format(width=width), encoding="utf-8")
    flags = [_DARK] if dark else []
    document, _ = open_page(folder / "frame.html", folder / "profile", *flags)
    seen = re.search(r'<p id="seen">(.+?)</p>', document)
    assert seen is not None, document
    return json.loads(markup.unescape(seen.group(1)))
