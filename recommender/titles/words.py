"""Titles by their words, in any order, whole, begun or misspelt: an inverted index over the films' words.

Arrays: the text table `title_words`, and `title_words_indptr`, `title_words_films`: the film rows of each word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.titles.text_table import TextTable, encode_texts

Arrays = Mapping[str, NDArray[Any]]

_BEGUN = 0.8  # what a word counts that the query only begins
_MISSPELT = 0.7
_COMMON = 0.05  # a word in more than this share of the films says little; it counts only beside others


def encode_words(words: Sequence[Iterable[str]]) -> dict[str, NDArray[Any]]:
    """Arrays of the index from the words of each film, in row order."""
    films: dict[str, list[int]] = {}
    for row, of_film in enumerate(words):
        for word in set(of_film):
            films.setdefault(word, []).append(row)
    known = sorted(films, key=str.encode)
    indptr = np.zeros(len(known) + 1, dtype=np.int64)
    np.cumsum([len(films[word]) for word in known], out=indptr[1:])
    rows = [row for word in known for row in films[word]]
    return {
        **encode_texts("title_words", known),
        "title_words_indptr": indptr,
        "title_words_films": np.array(rows, dtype=np.int32),
    }


class TitleWords:
    """The index."""

    def __init__(self, arrays: Arrays, n_films: int) -> None:
        self._words = TextTable("title_words", arrays)
        self._indptr = arrays["title_words_indptr"]
        self._films = arrays["title_words_films"]
        self._n_films = n_films

    def search(self, key: str, limit: int) -> NDArray[np.int64]:
        """Film rows that share words with `key`, the rarest and most words first."""
        total = np.zeros(self._n_films, dtype=np.float32)
        words = key.split()
        for at, word in enumerate(words):
            score = np.zeros(self._n_films, dtype=np.float32)
            for row, share in self._matches(word, begun=at == len(words) - 1):
                films = self._films[self._indptr[row] : self._indptr[row + 1]]
                score[films] = np.maximum(score[films], share * self._rarity(len(films)))
            total += score
        found = np.flatnonzero(total)
        return found[np.argsort(-total[found], kind="stable")[:limit]]

    def _matches(self, word: str, *, begun: bool) -> list[tuple[int, float]]:
        """Rows of the words that `word` may mean, and how well each fits."""
        exact = [(row, 1.0) for row in self._words.equal(word)]
        longer = [(row, _BEGUN) for row in self._words.starting(word)][:1000] if begun else []
        if exact or len(word) < 3:
            return longer + exact
        rows, _ = self._words.close(word, 1 if len(word) < 6 else 2)
        return [(row, _MISSPELT) for row in rows.tolist()] + longer

    def _rarity(self, films: int) -> float:
        share = films / max(self._n_films, 1)
        return 0.01 if share > _COMMON else float(-np.log(share))
