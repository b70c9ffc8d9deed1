"""Is the built site whole? `python docs/building/check.py docs/_build/html`

Every link within the site leads to a file and, where it names one, to a place in it; every picture
has words for those who cannot see it; and nothing is fetched from elsewhere.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FETCHED = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
_RELATED = {"canonical", "alternate", "prev", "next", "search", "index"}  # links that fetch nothing


class Page(HTMLParser):
    """What a page has and wants."""

    def __init__(self) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.places |= {value for name in ("id", "name") if (value := given.get(name))}
        if tag == "a" and (link := given.get("href")):
            self.links.append(link)
        if tag == "img" and not (given.get("alt") or "").strip():
            self.faults.append(f"a picture without words: {given.get('src')}")
        address = given.get(_FETCHED.get(tag, ""))
        if tag == "link" and given.get("rel") in _RELATED:
            return
        if address and not address.startswith("data:"):
            self.links.append(address)
            if urlsplit(address).netloc:
                self.faults.append(f"something fetched from elsewhere: {address}")


def pages(site: Path) -> dict[Path, Page]:
    """All pages of a site, by their paths."""
    found = {}
    for path in sorted(set(site.rglob("*.html")) - set((site / "_static").rglob("*.html"))):
        found[path.resolve()] = page = Page()
        page.feed(path.read_text(encoding="utf-8"))
    return found


def faults(site: Path) -> Iterator[str]:
    """A line for each thing that is wrong."""
    known = pages(site)
    if not known:
        yield f"no pages in {site}"
    for path, page in known.items():
        name = path.relative_to(site.resolve())
        yield from (f"{name}: {fault}" for fault in page.faults)
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                yield f"{name}: no file {link}"
            elif target in known and unquote(parts.fragment) not in known[target].places | {""}:
                yield f"{name}: no place {link}"


def main(site: str) -> None:
    found = list(faults(Path(site)))
    if found:
        raise SystemExit("\n".join([*found, f"{len(found)} faults"]))
    print("Links lead somewhere, pictures have words, and nothing is fetched from elsewhere")


if __name__ == "__main__":
    main(*sys.argv[1:])
