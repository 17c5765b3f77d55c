"""Titles as people type them: right, nearly right, or wrong."""

from __future__ import annotations

import random
import unicodedata

_ARTICLES = ("The", "A", "Le", "La")
_OTHER_TITLES = ("Der Nachtzug", "nachtzug", "Zoe", "Letters from Lyon")


def spell(rng: random.Random, title: str, year: int | None) -> str:
    """The title of a film as somebody may type it; now and then that of another film or of none."""
    dated = f"{title} ({year})" if year else title
    position = rng.randrange(len(title))
    article, _, rest = title.partition(" ")
    return rng.choice(
        [
            *[dated] * 4,
            *[title] * 3,
            dated.upper(),
            title.lower(),
            f"{title} {year}",
            f"{title} ({(year or 2000) + 1})",
            f"{rest}, {article}" if rest else title,
            *[rest if article in _ARTICLES else f"the {title}"] * 4,
            *_OTHER_TITLES,
            _without_accents(title),
            f"  {title}  ",
            title.replace(" ", "  "),
            title[:position] + title[position + 1 :] or "x",
            title[:position] + rng.choice("aeixz7 ") + title[position:],
            title[: position + 1],
            f"{title} 2",
            rng.choice(
                ["No Such Film", "the", "(1995)", "?", "日本", "Twins", "Letters from Lyon", "x" * 200, "x" * 201]
            ),
        ]
    )


def _without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
