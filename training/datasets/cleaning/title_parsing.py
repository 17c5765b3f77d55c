"""Parse raw MovieLens titles: display title, year and the alternative titles in brackets.

"City of Lost Children, The (Cité des enfants perdus, La) (1995)" becomes
title "The City of Lost Children", alternatives ["La Cité des enfants perdus"], year 1995.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from recommender.titles.keys import move_article

# "(1995)", and a range of a series: "(2006–2007)", "(2009– )".
_YEAR = re.compile(r"^(?P<rest>.*?)\s*\((?P<year>(?:18|19|20)\d\d)\s*(?:[-–]\s*(?:\d{4})?\s*)?\)$")
# Most titles have no other brackets.
_PLAIN = re.compile(r"^(?P<rest>[^()]+?) \((?P<year>(?:18|19|20)\d\d)\)$")
# Marks of the Internet Movie Database for films made for video and television.
_MEDIUM = re.compile(r"\s*\((?:V|TV|VG|mini)\)$")
_ALSO_KNOWN = re.compile(r"^(?:a\.?k\.?a\.?:?)\s+", re.IGNORECASE)
# "Birdman: Or (The Unexpected Virtue of Ignorance)": the brackets complete the title.
_UNFINISHED = re.compile(r"(?:\b(?:or|and|of)|[:&/-])$", re.IGNORECASE)


class ParsedTitle(NamedTuple):
    """A parsed title; `year` is None if the raw title has none."""

    title: str
    year: int | None
    alternatives: tuple[str, ...]


def parse_title(raw: str) -> ParsedTitle:
    """Parse a raw MovieLens title into display title, year and alternative titles."""
    text = " ".join(raw.split())
    if match := _PLAIN.match(text):
        return ParsedTitle(move_article(match["rest"]), int(match["year"]), ())
    text = _MEDIUM.sub("", text)
    year: int | None = None
    if (match := _YEAR.match(text)) and match["rest"]:
        text, year = match["rest"], int(match["year"])
    text = _MEDIUM.sub("", text)
    main, bracketed = _split_brackets(text)
    title = move_article(main)
    alternatives = [move_article(_ALSO_KNOWN.sub("", other)) for other in bracketed]
    return ParsedTitle(title, year, tuple(other for other in dict.fromkeys(alternatives) if other != title))


def _split_brackets(text: str) -> tuple[str, list[str]]:
    """Split balanced bracket groups off the end of a title; a title of nothing but brackets stays whole."""
    groups: list[str] = []
    while text.endswith(")"):
        start = _opening_bracket(text)
        rest = text[:start].rstrip() if start > 0 else ""
        if not rest or _UNFINISHED.search(rest):
            break
        groups.append(text[start + 1 : -1].strip())
        text = rest
    return text, [group for group in reversed(groups) if group]


def _opening_bracket(text: str) -> int:
    """Return the index of the bracket that the final ")" closes, or -1."""
    depth = 0
    for index in range(len(text) - 1, -1, -1):
        depth += (text[index] == ")") - (text[index] == "(")
        if depth == 0:
            return index
    return -1
