"""Films by part of their titles: those that begin with some words, and those that have them in this order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recommender.titles.keys import drop_article, is_number, without_articles
from recommender.titles.text_table import TextTable
from recommender.titles.words import TitleWords

_COMPARED = 500  # films having all words of a query, or beginning with it, of which the keys are compared


class TitleParts:
    """Finds films by beginnings and words of their keys."""

    def __init__(
        self,
        table: TextTable,
        words: TitleWords,
        rows: NDArray[np.int32],
        canonical: NDArray[np.int32],
        popularity: NDArray[np.int32],
        years: NDArray[np.int16],
    ) -> None:
        """`rows`: the film of each key of `table`; by film: `canonical`, `popularity` and `years`, as in the index."""
        self._table, self._words, self._rows = table, words, rows
        self._canonical, self._popularity, self._years = canonical, popularity, years

    def beginning(
        self, spellings: Sequence[str], limit: int | None = None, year: int | None = None, *, unfinished: bool = False
    ) -> list[int]:
        """Return the rows of the `limit` most rated films, or all, that have a key with one of these beginnings.

        Those of `year` come first; of the others, those of which a number comes next, as of a sequel, come last.
        """
        prefixes = tuple(spelling if unfinished else f"{spelling} " for spelling in spellings if spelling)
        spans = [self._table.starting(prefix) for prefix in prefixes]
        entries = np.concatenate([np.arange(0), *(np.arange(span.start, span.stop) for span in spans)])
        rows = np.unique(self._canonical[self._rows[entries]])
        order = np.lexsort((rows, -self._popularity[rows], self._years[rows] != (year or self._years[rows])))
        ranked: list[int] = rows[order].tolist()
        if unfinished or year:
            return ranked[:limit]
        nearest = sorted(ranked[:_COMPARED], key=lambda row: self._is_sequel(row, prefixes))
        return [*nearest, *ranked[_COMPARED:]][:limit]

    def _is_sequel(self, row: int, prefixes: Sequence[str]) -> bool:
        """Return whether a film's keys with these prefixes all go on with a number."""
        following = [
            key.removeprefix(prefix) for key in self.keys_of(row) for prefix in prefixes if key.startswith(prefix)
        ]
        return all(is_number(rest.partition(" ")[0]) for rest in following)

    def having(
        self, keys: Sequence[str], *, unfinished: bool = False, year: int | None = None
    ) -> tuple[list[int], list[int]]:
        """Return the rows of films with the words of a key side by side, and of those with others between them."""
        by_key = [self._having_words(key, unfinished=unfinished) for key in keys]
        adjacent, scattered = ([row for rows in lists for row in rows] for lists in zip(*by_key, strict=True))
        return self._of_year_first(adjacent, year), self._of_year_first(scattered, year)

    def _having_words(self, key: str, *, unfinished: bool) -> tuple[list[int], list[int]]:
        """Return the rows of films with the words of one key, as `having` does.

        Articles may be ones that the title lacks, where more than one word is left.
        """
        shorter, bare = drop_article(key), without_articles(key)
        for spelling in dict.fromkeys((key, *(short for short in (shorter, bare) if " " in short))):
            words = spelling.split()
            if not words:
                break
            candidates = self._words.containing(words, unfinished=unfinished)
            ranked = candidates[np.lexsort((candidates, -self._popularity[self._canonical[candidates]]))][:_COMPARED]
            adjacent, scattered = [], []
            for row in ranked.tolist():
                keys = self.keys_of(row) if len(words) > 1 else ()
                if len(words) == 1 or any(_has_phrase(text, spelling, unfinished=unfinished) for text in keys):
                    adjacent.append(int(self._canonical[row]))
                elif any(_has_in_order(text.split(), words, unfinished=unfinished) for text in keys):
                    scattered.append(int(self._canonical[row]))
            if adjacent or scattered:
                return adjacent, scattered
        return [], []

    @cached_property
    def _entries_by_film(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the entries in the order of their films, and the place where each film's begin."""
        order = np.argsort(self._rows, kind="stable").astype(np.int32)
        return order, np.searchsorted(self._rows, np.arange(len(self._canonical) + 1), sorter=order)

    def keys_of(self, row: int) -> list[str]:
        """Return the keys of the film at a row."""
        order, starts = self._entries_by_film
        return [self._table[int(entry)].decode() for entry in order[starts[row] : starts[row + 1]]]

    def _of_year_first(self, rows: Sequence[int], year: int | None) -> list[int]:
        return sorted(dict.fromkeys(rows), key=lambda row: bool(year) and int(self._years[row]) != year)


def _has_phrase(text: str, phrase: str, *, unfinished: bool) -> bool:
    """Return whether a key has the words of `phrase` side by side."""
    return f" {phrase}" in f" {text}" if unfinished else f" {phrase} " in f" {text} "


def _has_in_order(text: Iterable[str], words: Sequence[str], *, unfinished: bool) -> bool:
    """Return whether a key has these words in this order; the last one may be `unfinished`."""
    remaining = iter(text)
    *finished, last = words
    if not all(word in remaining for word in finished):
        return False
    return any(word.startswith(last) for word in remaining) if unfinished else last in remaining
