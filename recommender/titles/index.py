"""The index that finds a film by what people type.

Arrays: the text table `titles` of every spelling's key, with `titles_rows` the film of each key and `titles_kinds` how
the key was made (the smaller, the closer to the film's own title), `titles_own` the row of each film's own key; and the
word index of `recommender.titles.words`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from recommender.errors import AmbiguousTitleError, TitleNotFoundError
from recommender.titles.keys import drop_article, normalise, split_year
from recommender.titles.text_table import TextTable, encode_texts
from recommender.titles.words import TitleWords, encode_words

Arrays = Mapping[str, NDArray[Any]]
Match = Literal["exact", "without_article", "alternative_title", "fuzzy"]
KINDS: tuple[Match, ...] = ("exact", "without_article", "alternative_title")

SUGGESTIONS = 10
SHORT, LONG = 4, 9  # characters: below, two typos leave too little; above, two typos may look like three
_WORD_CANDIDATES = 60  # films with words of the query that are compared with it as a whole


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


def encode_titles(names: Sequence[TitleNames]) -> dict[str, NDArray[Any]]:
    """Arrays of a title index from the names of each film, in row order."""
    entries = sorted({(key.encode(), kind, row) for row, film in enumerate(names) for key, kind in _keys(film)})
    words = [{word for title in _spellings(film) for word in normalise(title).split()} for film in names]
    return {
        **encode_texts("titles", [key.decode() for key, _, _ in entries]),
        "titles_kinds": np.array([kind for _, kind, _ in entries], dtype=np.uint8),
        "titles_rows": np.array([row for _, _, row in entries], dtype=np.int32),
        "titles_own": _own_keys(entries, names),
        **encode_words(words),
    }


def _own_keys(entries: Sequence[tuple[bytes, int, int]], names: Sequence[TitleNames]) -> NDArray[np.int32]:
    at = {(key, row): index for index, (key, _, row) in enumerate(entries)}
    return np.array([at[normalise(film.title).encode(), row] for row, film in enumerate(names)], dtype=np.int32)


def _spellings(film: TitleNames) -> list[str]:
    return [film.title, *film.alternatives]


def _keys(film: TitleNames) -> set[tuple[str, int]]:
    keys = {(normalise(title), 2 if at else 0) for at, title in enumerate(_spellings(film))}
    keys |= {(drop_article(key), max(kind, 1)) for key, kind in keys if drop_article(key) != key}
    if film.year is not None:
        keys |= {(f"{key} {film.year}", kind) for key, kind in keys}
    return keys


class TitleIndex:
    """Finds films by title: exact up to spelling habits, by prefix, by words in any order, and with typos."""

    def __init__(self, arrays: Arrays, canonical: NDArray[np.int32], popularity: NDArray[np.int32]) -> None:
        """`canonical`: (n,) row that stands for each film; `popularity`: (n,) number of ratings, breaks ties."""
        self._table = TextTable("titles", arrays)
        self._words = TitleWords(arrays, len(canonical))
        self._rows = arrays["titles_rows"]
        self._kinds = arrays["titles_kinds"]
        self._own = arrays["titles_own"]
        self._canonical = canonical
        self._popularity = popularity

    def resolve(self, title: str, *, fuzzy: bool = False) -> Found:
        """The one film that `title` names.

        Raises AmbiguousTitleError where several films have that title, TitleNotFoundError with suggestions otherwise;
        with `fuzzy` the film that is a typo or two away is taken instead, the most rated one of several.
        """
        exact = self.exact(title)
        if len(exact) > 1:
            raise AmbiguousTitleError([found.row for found in exact])
        if exact:
            return exact[0]
        close = self._misspelt(title)
        if fuzzy and close:
            return Found(close[0], "fuzzy")
        raise TitleNotFoundError(_first(close + self._by_words(title), SUGGESTIONS))

    def exact(self, title: str) -> list[Found]:
        """The films of that title up to spelling habits, most rated first; a look-up, without any search."""
        bare, year = split_year(title)
        suffix = f" {year}" if year else ""
        key = normalise(bare)
        found = self._table.equal(key + suffix)
        if not found and drop_article(key) != key:
            found = self._table.equal(drop_article(key) + suffix)
        if not found:
            return []
        kinds = [int(self._kinds[at]) for at in found]
        closest = min(kinds)
        rows = {int(self._canonical[self._rows[at]]) for at, kind in zip(found, kinds, strict=True) if kind == closest}
        return [Found(row, KINDS[closest]) for row in self._most_rated(rows)]

    def search(self, query: str, limit: int) -> list[int]:
        """Rows for an autocomplete box: exact, then titles that begin so, then by words, then close spellings."""
        found = [found.row for found in self.exact(query)] + self._prefixed(normalise(query), limit)
        if len(set(found)) < limit:
            found += self._misspelt(query) + self._by_words(query)
        return _first(found, limit)

    def _prefixed(self, key: str, limit: int) -> list[int]:
        if not key:
            return []
        span = self._table.starting(key)
        rows = np.unique(self._canonical[self._rows[span.start : span.stop]])
        if len(rows) > limit:
            rows = rows[np.argsort(-self._popularity[rows], kind="stable")[:limit]]
        return self._most_rated(rows.tolist())

    def _misspelt(self, title: str) -> list[int]:
        """Rows of the titles a few typos away, the likeliest first."""
        bare, year = split_year(title)
        key = normalise(bare) + (f" {year}" if year else "")
        usual = usual_edits(len(key))
        found, edits = self._table.close(key, usual)
        if not len(found) and len(key) >= LONG:
            found, edits = self._table.close(key, usual + 1)
        best: dict[int, tuple[int, int, int]] = {}
        for at, count in zip(found.tolist(), edits.tolist(), strict=True):
            row = int(self._canonical[self._rows[at]])
            typo = (count, invented_letters(key, self._table[at].decode()), int(self._kinds[at]))
            best[row] = min(typo, best.get(row, typo))
        return sorted(best, key=lambda row: (best[row], self._by_rating(row)))

    def _by_words(self, title: str) -> list[int]:
        """Rows of titles that share words with `title`, the most alike as a whole first."""
        key = normalise(split_year(title)[0])
        rows = {int(row) for row in self._canonical[self._words.search(key, _WORD_CANDIDATES)]}
        likeness = {row: self._likeness(key, row) for row in rows}
        return sorted(rows, key=lambda row: (-likeness[row], self._by_rating(row)))

    def _likeness(self, key: str, row: int) -> float:
        return fuzz.WRatio(key, self._table[int(self._own[row])].decode())

    def _most_rated(self, rows: Iterable[int]) -> list[int]:
        return sorted(rows, key=self._by_rating)

    def _by_rating(self, row: int) -> tuple[int, int]:
        return -int(self._popularity[row]), row


def usual_edits(length: int) -> int:
    """How many typos a title of that many characters may have and still be recognised."""
    return 1 if length <= SHORT else 2


def invented_letters(typed: str, meant: str) -> int:
    """Letters that are in `typed` and not in `meant`.

    Of two titles as many edits away, the one that explains a query by letters left out or swapped is the likelier one:
    of wrong letters there are dozens to choose from.
    """
    return (Counter(typed) - Counter(meant)).total()


def _first(rows: Iterable[int], n: int) -> list[int]:
    """The first n distinct rows."""
    return list(dict.fromkeys(rows))[:n]
