"""Check a built site: every internal link and anchor has its target, and no page loads anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Libraries that the theme's script fetches for blocks that no page of ours has, such as Mermaid's.
_NETWORKS = re.compile(rb"https://(?:unpkg\.com|cdn\.jsdelivr\.net)/")
_STYLE_ADDRESS = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
_NOT_LOADED = {"canonical", "prev", "next", "alternate"}  # kinds of <link> that only name a page


class Page(HTMLParser):
    """The anchors of a page, the addresses that it links to, and those that a browser loads with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's anchor and addresses."""
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif address := values.get(_LOADED.get(tag, "")):
            (self.links if values.get("rel") in _NOT_LOADED else self.loaded).append(address)


def cut_networks(site: Path) -> None:
    """Take the addresses of content networks out of the theme's scripts, which then can ask none."""
    for script in site.rglob("*.js"):
        script.write_bytes(_NETWORKS.sub(b"absent/", script.read_bytes()))


def faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with the site, a line for each fault."""
    pages = {path: Page(path.read_text()) for path in sorted(site.resolve().rglob("*.html"))}
    for path, page in pages.items():
        yield from (f"{path.name} loads {address}" for address in page.loaded if urlsplit(address).netloc)
        if path.name != "404.html":  # served for any address, so its links start at the site's root
            yield from _broken_links(path, pages)
    for path in (*site.rglob("*.css"), *site.rglob("*.svg"), *pages):
        yield from (f"{path.name} loads {address}" for address in _STYLE_ADDRESS.findall(path.read_text()))
    for path in site.rglob("*.js"):
        if _NETWORKS.search(path.read_bytes()):
            yield f"{path.name} names a content network"


def _broken_links(path: Path, pages: Mapping[Path, Page]) -> Iterator[str]:
    for address in (*pages[path].links, *pages[path].loaded):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file():
            yield f"{path.name} leads to {address}, which is not there"
        elif target in pages and parts.fragment and unquote(parts.fragment) not in pages[target].anchors:
            yield f"{path.name} leads to {address}, which has no such heading"
