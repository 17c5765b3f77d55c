"""Inverted index over the words of titles: finds words in any order, as prefixes and with typos.

Arrays: the text table `title_words`, and `title_words_indptr`, `title_words_films`: the film rows of each word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.titles.keys import SMALL_WORDS
from recommender.titles.text_table import TextTable, encode_texts

Arrays = Mapping[str, NDArray[Any]]

_PREFIX_FIT = 0.8  # weight of a word that the query's last word only begins
_TYPO_FIT = 0.7
_CORRECTED = 2  # unknown words of a query that are corrected together
_CLOSE_WORDS = 6  # words that one may misspell
_USED = 16  # words of a query that are looked at
_COMMON = 0.05  # words in more than this share of the films hardly count


def encode_words(words: Sequence[Iterable[str]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of the index, given the words of each film in row order."""
    films: dict[str, list[int]] = {}
    for row, film_words in enumerate(words):
        for word in set(film_words):
            films.setdefault(word, []).append(row)
    vocabulary = sorted(films, key=str.encode)
    indptr = np.zeros(len(vocabulary) + 1, dtype=np.int64)
    np.cumsum([len(films[word]) for word in vocabulary], out=indptr[1:])
    rows = [row for word in vocabulary for row in films[word]]
    return {
        **encode_texts("title_words", vocabulary),
        "title_words_indptr": indptr,
        "title_words_films": np.array(rows, dtype=np.int32),
    }


class TitleWords:
    """Finds films by words of their titles."""

    def __init__(self, arrays: Arrays, n_films: int) -> None:
        self._words = TextTable("title_words", arrays)
        self._indptr = arrays["title_words_indptr"]
        self._films = arrays["title_words_films"]
        self._n_films = n_films

    def search(self, key: str, limit: int) -> NDArray[np.int64]:
        """Return the rows of films that share words with a title key; many and rare shared words come first."""
        total = np.zeros(self._n_films, dtype=np.float32)
        words = key.split()[:_USED]
        for position, word in enumerate(words):
            score = np.zeros(self._n_films, dtype=np.float32)
            for row, fit in self._matches(word, is_last=position == len(words) - 1):
                films = self._films[self._indptr[row] : self._indptr[row + 1]]
                score[films] = np.maximum(score[films], fit * self._rarity(len(films)))
            total += score
        matching = np.flatnonzero(total)
        return matching[np.argsort(-total[matching], kind="stable")[:limit]]

    def containing(self, words: Sequence[str], *, unfinished: bool = False) -> NDArray[np.int32]:
        """Return the rows of films that have all these words, ascending; the last one may be `unfinished`."""
        spans = [self._words.equal(word) for word in words]
        if unfinished:
            spans[-1] = self._words.starting(words[-1])
        if not all(spans):
            return np.empty(0, dtype=np.int32)
        postings = [self._films[self._indptr[span.start] : self._indptr[span.stop]] for span in spans]
        rows, *longer_postings = sorted(postings, key=len)
        for posting in longer_postings:
            rows = rows[np.isin(rows, posting)]
        return np.unique(rows)

    def knows(self, word: str) -> bool:
        """Return whether a title has this word."""
        return bool(self._words.equal(word))

    def respaced(self, key: str) -> list[str]:
        """Return the key with a word as two that titles have, or two words as one: "x men" for "xmen" and back."""
        words = key.split()[:_USED]
        variants = []
        for place, word in enumerate(words):
            for pair in ((word[:cut], word[cut:]) for cut in range(1, len(word))):
                if not (SMALL_WORDS & set(pair) or word.isdigit()) and all(map(self.knows, pair)):
                    variants.append([*words[:place], *pair, *words[place + 1 :]])
            joined = "".join(words[place : place + 2])
            if place + 1 < len(words) and self.knows(joined) and not joined.isdigit():
                variants.append([*words[:place], joined, *words[place + 2 :]])
        return [" ".join(variant) for variant in variants]

    def corrections(self, key: str) -> list[tuple[int, str]]:
        """Return the key with its unknown words replaced by close ones, and the typos of each, the fewest first.

        Empty where the key has no unknown word, too many, or one that is a number or that nothing is close to.
        """
        words = key.split()[:_USED]
        unknown = [word for word in words if not self.knows(word)]
        if not 1 <= len(unknown) <= _CORRECTED or any(word.isdigit() for word in unknown):
            return []
        choices = [self._close_words(word) if word in unknown else [(0, word)] for word in words]
        corrected = [
            (sum(edits for edits, _ in pairs), " ".join(word for _, word in pairs)) for pairs in product(*choices)
        ]
        return sorted(corrected, key=lambda pair: pair[0])

    def _close_words(self, word: str) -> list[tuple[int, str]]:
        """Return the words that one may misspell, the closest and most common first."""
        rows, edits = self._words.close(word, _word_edits(word))
        films = self._indptr[rows + 1] - self._indptr[rows]
        nearest = np.lexsort((-films, edits))[:_CLOSE_WORDS]
        return [(int(edits[place]), self._words[int(rows[place])].decode()) for place in nearest]

    def _matches(self, word: str, *, is_last: bool) -> list[tuple[int, float]]:
        """Return rows of words that a query's word may mean, with their fit; the last word may be unfinished."""
        exact = [(row, 1.0) for row in self._words.equal(word)]
        longer = [(row, _PREFIX_FIT) for row in self._words.starting(word)][:1000] if is_last else []
        if exact or len(word) < 3:
            return longer + exact
        rows, _ = self._words.close(word, _word_edits(word))
        return [(row, _TYPO_FIT) for row in rows.tolist()] + longer

    def _rarity(self, films: int) -> float:
        """Return the weight of a word that occurs in the titles of so many films."""
        share = films / max(self._n_films, 1)
        return 0.01 if share > _COMMON else float(-np.log(share))


def _word_edits(word: str) -> int:
    """Return how many typos a word may have and still be recognised."""
    return min(len(word) - 1, 1 if len(word) < 6 else 2)
