"""Does the built site look right? `python docs/building/look.py docs/_build/html`

Opens every page in Chromium without a window, as wide as a desk and as a phone, in light and dark:
nothing may be wider than the page, text must stand out from its ground, pictures must load, and the
console must stay silent. Where there is no Chromium it says so, and that is all.
"""

import functools
import html as markup
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
WIDTHS = (1400, 390)  # pixels
CONTRAST = 4.5  # of text, WCAG 2.2, success criterion 1.4.3
_CHATTER = '"[PST]: '  # how the theme begins what it says
_LOOKING = Path(__file__).with_suffix(".html")
_HERE = "looked_at.html"
HEADLESS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip
_FLAGS = (
    *HEADLESS,
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1500,1000",
    "--virtual-time-budget=600000",
)


class _Quiet(SimpleHTTPRequestHandler):
    """Serves the site, and the page that looks at it."""

    looking: bytes

    def do_GET(self) -> None:
        if self.path != f"/{_HERE}":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(self.looking)))
        self.end_headers()
        self.wfile.write(self.looking)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _served(site: Path) -> Iterator[str]:
    """The address, on this machine alone, of the page that looks at this site."""
    kept = set(site.rglob("*.html")) - set((site / "_static").rglob("*.html"))
    names = sorted(it.relative_to(site).as_posix() for it in kept)
    page = _LOOKING.read_text(encoding="utf-8")
    for name, value in {"PAGES": names, "WIDTHS": WIDTHS, "CONTRAST": CONTRAST}.items():
        page = page.replace(name, json.dumps(value))
    kind = type("Handler", (_Quiet,), {"looking": page.encode()})
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(kind, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{_HERE}"
        finally:
            server.shutdown()


def faults(site: Path) -> Iterator[str]:
    """A line for each thing that looks wrong."""
    with _served(site) as address, tempfile.TemporaryDirectory() as profile:
        for number, scheme in enumerate(("dark", "light")):
            flags = (
                f"--blink-settings=preferredColorScheme={number}",
                f"--user-data-dir={profile}",
            )
            done = subprocess.run(
                [str(BROWSER), *_FLAGS, *flags, address],
                capture_output=True, text=True, timeout=600, check=True,
            )  # fmt: skip
            seen = re.search(r'<p id="seen">(.+?)</p>', done.stdout)
            if seen is None:
                raise RuntimeError(f"the pages were not all looked at:\n{done.stderr[-2000:]}")
            yield from (f"{scheme}: {it}" for it in json.loads(markup.unescape(seen.group(1))))
            said = (it for it in done.stderr.splitlines() if "CONSOLE" in it)
            yield from (it for it in said if _CHATTER not in it)


def main(site: str) -> None:
    if BROWSER is None:
        print("Chromium is not installed: nobody looked at the pages")
        return
    found = list(faults(Path(site)))
    if found:
        raise SystemExit("\n".join([*found, f"{len(found)} faults"]))
    print("Pages fit desks and phones, can be read in light and dark, and raise no errors")


if __name__ == "__main__":
    main(*sys.argv[1:])
