"""Made-up film titles: words of a Zipf-like vocabulary, the same for the same seed."""

from __future__ import annotations

import random

from recommender.titles.index import TitleNames
from recommender.titles.keys import normalise

_ONSETS = [
    "b",
    "br",
    "c",
    "ch",
    "d",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "st",
    "t",
    "th",
    "v",
    "w",
]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "oo"]
_CODAS = ["", "", "n", "r", "l", "s", "ck", "nd", "st", "m"]
_SMALL = ["the", "of", "and", "in", "to", "my", "for", "from"]
_WORDS_IN_TITLE = (1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6)
_VOCABULARY = 12_000


def titles(n: int, rng: random.Random) -> list[TitleNames]:
    """Draw n different titles: words of a Zipf-like vocabulary, some with an article in front."""
    words = sorted({_word(rng) for _ in range(_VOCABULARY)})
    rng.shuffle(words)
    seen: set[str] = set()
    films: list[TitleNames] = []
    while len(films) < n:
        title = _title(words, rng)
        if (key := normalise(title)) not in seen:
            seen.add(key)
            films.append(TitleNames(title, [], rng.randrange(1915, 2024)))
    return films


def _title(words: list[str], rng: random.Random) -> str:
    chosen = [_zipf(words, rng).capitalize() for _ in range(rng.choice(_WORDS_IN_TITLE))]
    if len(chosen) > 2 and rng.random() < 0.6:
        chosen[rng.randrange(1, len(chosen) - 1)] = rng.choice(_SMALL)
    return " ".join((["The"] if rng.random() < 0.25 else []) + chosen)


def _zipf(words: list[str], rng: random.Random) -> str:
    return words[int(len(words) ** rng.random()) - 1]


def _word(rng: random.Random) -> str:
    syllables = rng.choice((1, 2, 2, 3))
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(syllables))
