"""The title index: finds films by title, part of a title, or misspelt title.

Arrays: the text table `titles` of the keys of all spellings; `titles_rows`, the film row of each key; `titles_kinds`,
the position in KINDS that says how the key was made; `titles_own`, the table row of each film's own key; and the word
index of `recommender.titles.words`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from recommender.errors import AmbiguousTitleError, TitleNotFoundError
from recommender.items import FILMS, Items
from recommender.titles.keys import (
    dated_key,
    drop_article,
    normalise,
    other_initials,
    other_words,
    query_key,
    split_year,
    without_articles,
)
from recommender.titles.misspelling import LONG, Misspelling, invented_letters, usual_edits
from recommender.titles.parts import TitleParts
from recommender.titles.text_table import TextTable, encode_texts
from recommender.titles.words import TitleWords, encode_words

Arrays = Mapping[str, NDArray[Any]]
Match = Literal["exact", "without_article", "alternative_title", "fuzzy"]
KINDS: tuple[Match, ...] = ("exact", "without_article", "alternative_title")

SUGGESTIONS = 10
_SHARE = 3  # a word is one of so many parts, by letters, of the title that it stands for
_WORD_CANDIDATES = 60  # films sharing words with the query whose whole titles are compared with it


@dataclass(frozen=True)
class TitleNames:
    """Title, alternative titles and year of one film."""

    title: str
    alternatives: Sequence[str]
    year: int | None


class TitleMatch(NamedTuple):
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
    """Finds films by title, by part of a title, and with typos.

    One ranking serves searches, suggestions and `fuzzy`: the title; titles that begin with these words; that have them
    in this order; that go on from here, as while somebody types; that are a few typos away; that share words. Equally
    good matches are ordered by their number of ratings.
    """

    def __init__(
        self,
        arrays: Arrays,
        canonical: NDArray[np.int32],
        popularity: NDArray[np.int32],
        years: NDArray[np.int16],
        items: Items = FILMS,
    ) -> None:
        """`canonical`: (n,) row of each film's main entry; `popularity`: (n,) ratings; `years`: (n,), 0 if unknown."""
        self._items = items
        self._table = TextTable("titles", arrays)
        self._words = TitleWords(arrays, len(canonical))
        self._rows = arrays["titles_rows"]
        self._kinds = arrays["titles_kinds"]
        self._own = arrays["titles_own"]
        self._canonical = canonical
        self._popularity = popularity
        self._years = years
        self._parts = TitleParts(self._table, self._words, self._rows, canonical, popularity, years)
        self._flat = self._rows.data, self._kinds.data, canonical.data

    def resolve(self, title: str, *, fuzzy: bool = False) -> TitleMatch:
        """Return the one film with this title; with `fuzzy`, also one that a part of it or a misspelling identifies.

        Raises AmbiguousTitleError if several films may be meant, TitleNotFoundError with suggestions if none is.
        """
        exact = self.exact(title)
        if len(exact) > 1:
            raise AmbiguousTitleError([match.row for match in exact], self._items.plural)
        if exact:
            return exact[0]
        rivals = self._rivals(title) if fuzzy else []
        if len(rivals) == 1:
            return TitleMatch(rivals[0], "fuzzy")
        ranked = self.search(title, SUGGESTIONS)
        if rivals:
            raise AmbiguousTitleError(ranked, self._items.plural, same_title=False)
        raise TitleNotFoundError(ranked, self._items.singular)

    def exact(self, title: str) -> list[TitleMatch]:
        """Return the films with this title, most rated first, ignoring case, accents, punctuation and articles."""
        key = dated_key(title)
        entries = self._table.equal(key) or self._table.equal(drop_article(key))
        if len(entries) == 1:
            return [self._match(entries.start)]
        matches = [self._match(entry) for entry in entries]
        closest = min((KINDS.index(match.matched) for match in matches), default=0)
        rows = {match.row for match in matches if match.matched == KINDS[closest]}
        return [TitleMatch(row, KINDS[closest]) for row in self._most_rated(rows)]

    def _match(self, entry: int) -> TitleMatch:
        rows, kinds, canonical = self._flat  # reading one value of an array takes five times as long
        return TitleMatch(canonical[rows[entry]], KINDS[kinds[entry]])

    def search(self, query: str, limit: int) -> list[int]:
        """Return the rows of at most `limit` films that a query may mean, the best match first."""
        rows: list[int] = []
        for matches in self._by_quality(query, limit):
            rows = _first([*rows, *matches], limit)
            if len(rows) == limit:
                break
        return rows

    def _by_quality(self, query: str, limit: int) -> Iterator[list[int]]:
        """Give the rows of matching films, one kind of match after another."""
        bare, year = split_year(query)
        key = query_key(bare)
        yield [match.row for match in self.exact(query)]
        if not key:
            return
        worded, respelt = [key, *other_words(key)], self._respelt(key)
        yield self._titled([*worded, *respelt], year)
        for unfinished in (False, True):
            spellings = other_initials(key) if unfinished else respelt
            yield self._parts.beginning([*worded, *spellings], limit, year, unfinished=unfinished)
            yield from self._parts.having(worded, unfinished=unfinished, year=year)
        misspelt = self._misspelt(query)
        yield self._misspelt_part(key, misspelt)
        yield [misspelling.row for misspelling in misspelt]
        yield self._by_words(key)

    def _rivals(self, title: str) -> list[int]:
        """Return the rows of the films that part of a title, or a misspelt one, may mean equally well."""
        bare, year = split_year(title)
        key = query_key(bare)
        if not key:
            return []
        spellings, respelt = [key, *other_words(key)], self._respelt(key)
        if titled := self._titled([*spellings[1:], *respelt], year):
            return self._of_year(titled + self._parts.beginning([key], None, year), year)
        for spelling in spellings:
            as_initials = [other for other in other_initials(spelling) if len(other) > len(spelling)]
            beginning = self._parts.beginning([spelling, *as_initials], None, year)
            phrases, scattered = self._parts.having([spelling], year=year)
            for rows in (beginning + phrases, scattered):
                if of_year := self._of_year(rows, year):
                    return of_year if len(of_year) > 1 or beginning or self._stands_for(spelling, of_year[0]) else []
        possessive = f"{key}s"  # keys have no apostrophes
        for keys in ([possessive], respelt):
            if of_year := self._of_year(self._parts.beginning(keys, None, year), year):
                return of_year
        return self._released_a_year_apart(bare, year) or self._clear_misspelling(title)

    def _respelt(self, key: str) -> list[str]:
        """Return the key with initials as words and back, and with other spaces."""
        return list(dict.fromkeys([*other_initials(key), *self._words.respaced(key)]))

    def _titled(self, keys: Sequence[str], year: int | None) -> list[int]:
        """Return the rows of the films that have one of these keys."""
        dated = (f"{key} {year}" if year else key for key in keys)
        return [match.row for key in dated for match in self.exact(key)]

    def _stands_for(self, key: str, row: int) -> bool:
        """Return whether words from within a title are distinctive enough to identify the film.

        Several words may. One word may stand for one of the most rated tenth of all films, and for a title that it is a
        third of: "Joker" is not Batman Beyond: Return of the Joker.
        """
        word = drop_article(key)
        if " " in word or self._popularity[row] >= self._fame:
            return True
        return any(len(text) <= _SHARE * len(word) for text in self._parts.keys_of(row) if word in text.split())

    @cached_property
    def _fame(self) -> float:
        return float(np.quantile(self._popularity, 0.9))

    def _released_a_year_apart(self, bare: str, year: int | None) -> list[int]:
        """Return the film of that very title whose year differs by one: festivals and cinemas differ so."""
        if not year:
            return []
        return [match.row for match in self.exact(bare) if abs(int(self._years[match.row]) - year) == 1]

    def _clear_misspelling(self, title: str) -> list[int]:
        """Return the row of the film whose title is misspelt, or of several candidates.

        As for the title spelt right: of films that have it, only those that it matches best are meant.
        """
        closest = self._misspelt(title)
        if not closest:
            return []
        if rows := self._misspelt_part(dated_key(title), closest):
            return rows
        best, *others = closest
        rivals = [other for other in others if other.rivals(best)]
        if not rivals and best.is_clear(dated_key(title), self._words.knows):
            return [best.row]
        return [misspelling.row for misspelling in closest] if others else []

    def _misspelt_part(self, key: str, closest: Sequence[Misspelling]) -> list[int]:
        """Return the rows of films that begin with a key but for typos, fewer than the titles `closest` to it need."""
        fewest = closest[0].edits if closest else LONG
        for edits, spelling in self._words.corrections(key):
            if edits < fewest and (rows := self._parts.beginning([spelling])):
                return rows
        return []

    def _of_year(self, rows: Sequence[int], year: int | None) -> list[int]:
        return [row for row in dict.fromkeys(rows) if not year or self._years[row] == year]

    def _misspelt(self, title: str) -> list[Misspelling]:
        """Return the films whose title is a few typos away, the likeliest first."""
        key = dated_key(title)
        allowed = usual_edits(len(key))
        entries, edits = self._table.close(key, allowed)
        if not len(entries) and len(key) >= LONG:
            entries, edits = self._table.close(key, allowed + 1)
        closest: dict[int, Misspelling] = {}  # spelling of each film
        for entry, distance in zip(entries.tolist(), edits.tolist(), strict=True):
            row, meant = int(self._canonical[self._rows[entry]]), self._table[entry].decode()
            misspelling = Misspelling(distance, invented_letters(key, meant), int(self._kinds[entry]), meant, row)
            closest[row] = min(misspelling, closest.get(row, misspelling))
        return sorted(closest.values(), key=lambda it: (it[:3], self._by_rating(it.row)))

    def _by_words(self, key: str) -> list[int]:
        """Return the rows of films that share words with a key, the most similar titles first."""
        rows = {int(row) for row in self._canonical[self._words.search(key, _WORD_CANDIDATES)]}
        similarity = {row: self._similarity(key, row) for row in rows}
        common = {row: self._words_in_common(key, row) for row in rows}
        return sorted(rows, key=lambda row: (-common[row], -similarity[row], self._by_rating(row)))

    def _words_in_common(self, key: str, row: int) -> int:
        words = set(without_articles(key).split())
        return max(len(words & set(text.split())) for text in self._parts.keys_of(row))

    def _similarity(self, key: str, row: int) -> float:
        return fuzz.WRatio(key, self._table[int(self._own[row])].decode())

    def _most_rated(self, rows: Iterable[int]) -> list[int]:
        return sorted(rows, key=self._by_rating)

    def _by_rating(self, row: int) -> tuple[int, int]:
        return -int(self._popularity[row]), row


def _first(rows: Iterable[int], n: int) -> list[int]:
    """Return the first n distinct rows."""
    return list(dict.fromkeys(rows))[:n]
