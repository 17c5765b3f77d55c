"""The title index: finds films by title, prefix, words or misspelt title.

Arrays: the text table `titles` of the keys of all spellings; `titles_rows`, the film row of each key; `titles_kinds`,
the position in KINDS that says how the key was made; `titles_own`, the table row of each film's own key; and the word
index of `recommender.titles.words`.
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
from recommender.items import FILMS, Items
from recommender.titles.keys import drop_article, normalise, split_year
from recommender.titles.text_table import TextTable, encode_texts
from recommender.titles.words import TitleWords, encode_words

Arrays = Mapping[str, NDArray[Any]]
Match = Literal["exact", "without_article", "alternative_title", "fuzzy"]
KINDS: tuple[Match, ...] = ("exact", "without_article", "alternative_title")

SUGGESTIONS = 10
SHORT, LONG = 4, 9  # characters: one typo is allowed up to SHORT, three from LONG if nothing is closer
_WORD_CANDIDATES = 60  # films sharing words with the query whose whole titles are compared with it


@dataclass(frozen=True)
class TitleNames:
    """Title, alternative titles and year of one film."""

    title: str
    alternatives: Sequence[str]
    year: int | None


@dataclass(frozen=True)
class TitleMatch:
    """The row of a film that a query names, and how its title matched."""

    row: int
    matched: Match


def encode_titles(names: Sequence[TitleNames]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a title index, given the names of each film in row order."""
    entries = sorted({(key.encode(), kind, row) for row, film in enumerate(names) for key, kind in _keys(film)})
    words = [
        {word for title in (film.title, *film.alternatives) for word in normalise(title).split()} for film in names
    ]
    return {
        **encode_texts("titles", [key.decode() for key, _, _ in entries]),
        "titles_kinds": np.array([kind for _, kind, _ in entries], dtype=np.uint8),
        "titles_rows": np.array([row for _, _, row in entries], dtype=np.int32),
        "titles_own": _own_keys(entries, names),
        **encode_words(words),
    }


def _own_keys(entries: Sequence[tuple[bytes, int, int]], names: Sequence[TitleNames]) -> NDArray[np.int32]:
    positions = {(key, row): position for position, (key, _, row) in enumerate(entries)}
    return np.array([positions[normalise(film.title).encode(), row] for row, film in enumerate(names)], dtype=np.int32)


def _keys(film: TitleNames) -> set[tuple[str, int]]:
    """Return every key of a film with its position in KINDS."""
    keys = {(normalise(film.title), 0)} | {(normalise(title), 2) for title in film.alternatives}
    keys |= {(drop_article(key), max(kind, 1)) for key, kind in keys if drop_article(key) != key}
    if film.year is not None:
        keys |= {(f"{key} {film.year}", kind) for key, kind in keys}
    return keys


class TitleIndex:
    """Finds films by title: by key, by prefix, by words in any order, and with typos."""

    def __init__(
        self, arrays: Arrays, canonical: NDArray[np.int32], popularity: NDArray[np.int32], items: Items = FILMS
    ) -> None:
        """`canonical`: (n,) row of each film's main entry; `popularity`: (n,) number of ratings, breaks ties."""
        self._items = items
        self._table = TextTable("titles", arrays)
        self._words = TitleWords(arrays, len(canonical))
        self._rows = arrays["titles_rows"]
        self._kinds = arrays["titles_kinds"]
        self._own = arrays["titles_own"]
        self._canonical = canonical
        self._popularity = popularity

    def resolve(self, title: str, *, fuzzy: bool = False) -> TitleMatch:
        """Return the one film with this title; with `fuzzy`, also a film whose title is a few typos away.

        Raises AmbiguousTitleError if several films have the title, TitleNotFoundError with suggestions if none has.
        """
        exact = self.exact(title)
        if len(exact) > 1:
            raise AmbiguousTitleError([match.row for match in exact], self._items.plural)
        if exact:
            return exact[0]
        misspelt = self._misspelt(title)
        if fuzzy and misspelt:
            return TitleMatch(misspelt[0], "fuzzy")
        suggestions = _first(misspelt + self._by_words(title), SUGGESTIONS)
        raise TitleNotFoundError(suggestions, self._items.singular)

    def exact(self, title: str) -> list[TitleMatch]:
        """Return the films with this title, most rated first, ignoring case, accents, punctuation and articles."""
        bare, year = split_year(title)
        suffix = f" {year}" if year else ""
        key = normalise(bare)
        entries = self._table.equal(key + suffix)
        if not entries and drop_article(key) != key:
            entries = self._table.equal(drop_article(key) + suffix)
        if not entries:
            return []
        closest = min(int(self._kinds[entry]) for entry in entries)
        rows = {int(self._canonical[self._rows[entry]]) for entry in entries if self._kinds[entry] == closest}
        return [TitleMatch(row, KINDS[closest]) for row in self._most_rated(rows)]

    def search(self, query: str, limit: int) -> list[int]:
        """Return film rows for an autocomplete box: equal titles, then prefixes, misspellings and shared words."""
        rows = [match.row for match in self.exact(query)] + self._prefixed(normalise(query), limit)
        if len(set(rows)) < limit:
            rows += self._misspelt(query) + self._by_words(query)
        return _first(rows, limit)

    def _prefixed(self, key: str, limit: int) -> list[int]:
        if not key:
            return []
        span = self._table.starting(key)
        rows = np.unique(self._canonical[self._rows[span.start : span.stop]])
        if len(rows) > limit:
            rows = rows[np.argsort(-self._popularity[rows], kind="stable")[:limit]]
        return self._most_rated(rows.tolist())

    def _misspelt(self, title: str) -> list[int]:
        """Return the rows of films whose title is a few typos away, the likeliest first."""
        bare, year = split_year(title)
        key = normalise(bare) + (f" {year}" if year else "")
        allowed = usual_edits(len(key))
        entries, edits = self._table.close(key, allowed)
        if not len(entries) and len(key) >= LONG:
            entries, edits = self._table.close(key, allowed + 1)
        costs: dict[int, tuple[int, int, int]] = {}  # of the closest spelling of each film
        for entry, distance in zip(entries.tolist(), edits.tolist(), strict=True):
            row = int(self._canonical[self._rows[entry]])
            cost = (distance, invented_letters(key, self._table[entry].decode()), int(self._kinds[entry]))
            costs[row] = min(cost, costs.get(row, cost))
        return sorted(costs, key=lambda row: (costs[row], self._by_rating(row)))

    def _by_words(self, title: str) -> list[int]:
        """Return the rows of films that share words with `title`, the most similar titles first."""
        key = normalise(split_year(title)[0])
        rows = {int(row) for row in self._canonical[self._words.search(key, _WORD_CANDIDATES)]}
        similarity = {row: self._similarity(key, row) for row in rows}
        return sorted(rows, key=lambda row: (-similarity[row], self._by_rating(row)))

    def _similarity(self, key: str, row: int) -> float:
        return fuzz.WRatio(key, self._table[int(self._own[row])].decode())

    def _most_rated(self, rows: Iterable[int]) -> list[int]:
        return sorted(rows, key=self._by_rating)

    def _by_rating(self, row: int) -> tuple[int, int]:
        return -int(self._popularity[row]), row


def usual_edits(length: int) -> int:
    """Return how many typos a title of that many characters may have and still be recognised."""
    return 1 if length <= SHORT else 2


def invented_letters(typed: str, meant: str) -> int:
    """Count the letters of a query that the title meant does not have.

    Of two titles at the same edit distance, the one with fewer such letters is likelier: people swap or omit letters
    more easily than they add wrong ones.
    """
    return (Counter(typed) - Counter(meant)).total()


def _first(rows: Iterable[int], n: int) -> list[int]:
    """Return the first n distinct rows."""
    return list(dict.fromkeys(rows))[:n]
