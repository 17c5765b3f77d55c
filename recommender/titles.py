"""Title normalisation and the index that finds a film by what people type.

Array names start with `titles_`: `text` and `offsets` hold the sorted normalised keys, `rows` the film of each key and
`kinds` how the key was made (the smaller, the closer to the film's own title).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from recommender.catalog import Arrays, concatenate
from recommender.errors import AmbiguousTitleError, TitleNotFoundError

Match = Literal["exact", "without_article", "alternative_title", "fuzzy"]
KINDS: tuple[Match, ...] = ("exact", "without_article", "alternative_title")
FUZZY_CUTOFF = 55.0  # rapidfuzz ratio, 0 to 100; below it two titles have little in common
FUZZY_ACCEPT = 82.0  # what `resolve(..., fuzzy=True)` takes as the same title

# Not "die": it would turn "Die Hard" into "Hard".
ARTICLES = frozenset(
    (
        "the",
        "a",
        "an",
        "la",
        "le",
        "les",
        "l",
        "el",
        "lo",
        "il",
        "gli",
        "i",
        "der",
        "das",
        "ein",
        "un",
        "une",
        "una",
        "det",
    )
)
_TRAILING_ARTICLE = re.compile(r"^(?P<rest>.+),\s*(?P<article>[^\W\d]+'?)$")
_YEAR = re.compile(r"\s*\((?P<year>\d{4})\)\s*$")


@dataclass(frozen=True)
class TitleNames:
    """Every name of one film."""

    title: str
    alternatives: Sequence[str]
    year: int | None


@dataclass(frozen=True)
class Found:
    """The film that a query names, and how its title matched."""

    row: int
    matched: Match


def split_year(title: str) -> tuple[str, int | None]:
    """`"Heat (1995)"` to `("Heat", 1995)`; the year is None where the title has none at its end."""
    match = _YEAR.search(title)
    return (title[: match.start()], int(match["year"])) if match else (title, None)


def move_article(title: str) -> str:
    """`"Usual Suspects, The"` to `"The Usual Suspects"`; `"Crime, Inc"` stays, as "Inc" is no article."""
    match = _TRAILING_ARTICLE.match(title.strip())
    if not match or match["article"].rstrip("'").casefold() not in ARTICLES:
        return title.strip()
    joint = "" if match["article"].endswith("'") else " "
    return f"{match['article']}{joint}{match['rest']}"


def normalise(title: str) -> str:
    """The key of a title: no accents, case or punctuation, article in front, single spaces."""
    decomposed = unicodedata.normalize("NFKD", move_article(title))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().replace("&", " and ")
    plain = plain.replace("'", "").replace("\u2019", "")
    return " ".join(re.sub(r"[\W_]+", " ", plain).split()) or " ".join(title.split()).casefold()


def drop_article(key: str) -> str:
    """The key without a leading article, unless nothing would be left."""
    first, _, rest = key.partition(" ")
    return rest if rest and first in ARTICLES else key


def encode_titles(names: Sequence[TitleNames]) -> dict[str, NDArray[Any]]:
    """Arrays of a title index from the names of each film, in row order."""
    entries = sorted({(key, kind, row) for row, film in enumerate(names) for key, kind in _keys(film)})
    text, offsets = concatenate([key.encode() for key, _, _ in entries])
    return {
        "titles_text": text,
        "titles_offsets": offsets,
        "titles_kinds": np.array([kind for _, kind, _ in entries], dtype=np.uint8),
        "titles_rows": np.array([row for _, _, row in entries], dtype=np.int32),
    }


def _keys(film: TitleNames) -> set[tuple[str, int]]:
    spelled = [(film.title, 0), *((other, 2) for other in film.alternatives)]
    keys = {(normalise(title), kind) for title, kind in spelled}
    keys |= {(drop_article(key), max(kind, 1)) for key, kind in keys if drop_article(key) != key}
    if film.year is not None:
        keys |= {(f"{key} {film.year}", kind) for key, kind in keys}
    return keys


class TitleIndex:
    """Finds films by title: exact up to spelling habits, by prefix, and with typos."""

    def __init__(self, arrays: Arrays, canonical: NDArray[np.int32], popularity: NDArray[np.int32]) -> None:
        """`canonical`: (n,) row that stands for each film; `popularity`: (n,) number of ratings, breaks ties."""
        self._text = np.ascontiguousarray(arrays["titles_text"]).data
        self._offsets = arrays["titles_offsets"]
        self._rows = arrays["titles_rows"]
        self._kinds = arrays["titles_kinds"]
        self._canonical = canonical
        self._popularity = popularity

    def resolve(self, title: str, *, fuzzy: bool = False) -> Found:
        """The one film that `title` names.

        Raises AmbiguousTitleError where several films have that title, TitleNotFoundError with suggestions otherwise;
        with `fuzzy` a close enough title is taken instead.
        """
        exact = self._lookup(title)
        if len(exact) > 1:
            raise AmbiguousTitleError([found.row for found in exact])
        if exact:
            return exact[0]
        suggestions = self._scored(title, limit=10)
        if fuzzy and suggestions and suggestions[0][1] >= FUZZY_ACCEPT:
            return Found(suggestions[0][0], "fuzzy")
        raise TitleNotFoundError([row for row, _ in suggestions])

    def search(self, query: str, limit: int) -> list[int]:
        """Rows for an autocomplete box: exact, then prefix (most rated first), then close spellings."""
        exact = [found.row for found in self._lookup(query)]
        rows = exact + self._prefixed(normalise(query)) + [row for row, _ in self._scored(query, limit)]
        return list(dict.fromkeys(rows))[:limit]

    def _lookup(self, title: str) -> list[Found]:
        bare, year = split_year(title)
        suffix = f" {year}" if year else ""
        key = normalise(bare)
        found = self._entries(key + suffix)
        if not found and drop_article(key) != key:
            found = self._entries(drop_article(key) + suffix)
        closest = min((kind for kind, _ in found), default=0)
        rows = {int(self._canonical[row]) for kind, row in found if kind == closest}
        return [Found(row, KINDS[closest]) for row in sorted(rows, key=self._by_popularity)]

    def _entries(self, key: str) -> list[tuple[int, int]]:
        wanted = key.encode()
        at, found = self._first_not_below(wanted), []
        while at < len(self._rows) and self._key(at) == wanted:
            found.append((int(self._kinds[at]), int(self._rows[at])))
            at += 1
        return found

    def _prefixed(self, key: str) -> list[int]:
        if not key:
            return []
        low, high = self._first_not_below(key.encode()), self._first_not_below(key.encode() + b"\xff")
        rows = {int(row) for row in self._canonical[self._rows[low:high]]}
        return sorted(rows, key=self._by_popularity)

    def _scored(self, title: str, limit: int) -> list[tuple[int, float]]:
        key = normalise(split_year(title)[0])
        matches = process.extract(key, self._keys, scorer=fuzz.ratio, score_cutoff=FUZZY_CUTOFF, limit=limit * 4)
        best: dict[int, float] = {}
        for _, score, at in matches:
            row = int(self._canonical[self._rows[at]])
            best[row] = max(score, best.get(row, 0.0))
        return sorted(best.items(), key=lambda item: (-item[1], self._by_popularity(item[0])))[:limit]

    @cached_property
    def _keys(self) -> list[str]:
        return [self._key(at).decode() for at in range(len(self._rows))]

    def _key(self, at: int) -> bytes:
        return bytes(self._text[int(self._offsets[at]) : int(self._offsets[at + 1])])

    def _first_not_below(self, wanted: bytes) -> int:
        low, high = 0, len(self._rows)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._key(middle) < wanted else (low, middle)
        return low

    def _by_popularity(self, row: int) -> tuple[int, int]:
        return -int(self._popularity[row]), row
