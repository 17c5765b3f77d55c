"""Check a built site: no page loads anything from elsewhere, and what it loads is there. Zensical checks the links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Libraries that the theme's script fetches for blocks that no page of ours has, such as Mermaid's.
_NETWORKS = re.compile(rb"https://(?:unpkg\.com|cdn\.jsdelivr\.net)/")
_STYLE_ADDRESS = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
_NOT_LOADED = {"canonical", "prev", "next", "alternate"}  # kinds of <link> that only name a page


class Page(HTMLParser):
    """The addresses that a browser loads with a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's address."""
        values = dict(attrs)
        if (address := values.get(_LOADED.get(tag, ""))) and values.get("rel") not in _NOT_LOADED:
            self.loaded.append(address)


def cut_networks(site: Path) -> None:
    """Take the addresses of content networks out of the theme's scripts, which then can ask none."""
    for script in site.rglob("*.js"):
        script.write_bytes(_NETWORKS.sub(b"absent/", script.read_bytes()))


def faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with the site, a line for each fault."""
    for path in (*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")):
        text = path.read_text()
        yield from (f"{path.name} loads {address}" for address in _STYLE_ADDRESS.findall(text))
        for address in Page(text).loaded if path.suffix == ".html" else ():
            parts = urlsplit(address)
            if parts.netloc:
                yield f"{path.name} loads {address}"
            # 404.html is served for any address, so its own begin at the site's root
            elif not (path.parent / unquote(parts.path)).is_file() and not parts.scheme and path.name != "404.html":
                yield f"{path.name} loads {address}, which is not there"
    for path in site.rglob("*.js"):
        if _NETWORKS.search(path.read_bytes()):
            yield f"{path.name} names a content network"
