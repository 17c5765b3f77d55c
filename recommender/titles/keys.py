"""The normal form of a title: what two spellings of one title have in common."""

from __future__ import annotations

import re
import unicodedata

# Articles that may be left out in front of a title, in the languages that occur in MovieLens.
_DROPPED = frozenset(
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
# Behind a comma these are articles too; in front they may be words: "Die Hard", "As Good as It Gets", "Al Capone".
ARTICLES = (_DROPPED - {"l"}) | frozenset(
    ("l'", "al", "as", "az", "da", "de", "dem", "den", "des", "die", "een", "eine", "en", "et", "ett", "ha", "het",
     "las", "los", "o", "os", "um", "uma", "uno")
)  # fmt: skip
_TRAILING_ARTICLE = re.compile(r"^(?P<rest>.+),\s*(?P<article>[^\W\d]+'?)$")
_YEAR = re.compile(r"\s*\((?P<year>\d{4})\)\s*$", re.ASCII)
_PLAIN = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
_NO_LETTER = re.compile(r"[\W_]+")


def split_year(title: str) -> tuple[str, int | None]:
    """`"Heat (1995)"` to `("Heat", 1995)`; the year is None where the title has none at its end."""
    match = _YEAR.search(title)
    return (title[: match.start()], int(match["year"])) if match else (title, None)


def move_article(title: str) -> str:
    """`"Usual Suspects, The"` to `"The Usual Suspects"`; `"Crime, Inc"` stays, as "Inc" is no article."""
    title = title.strip()
    match = _TRAILING_ARTICLE.match(title) if "," in title else None
    if not match or match["article"].casefold() not in ARTICLES:
        return title
    joint = "" if match["article"].endswith("'") else " "
    return f"{match['article']}{joint}{match['rest']}"


def normalise(title: str) -> str:
    """The key of a title: no accents, case or punctuation, article in front, single spaces."""
    folded = title.casefold()
    if _PLAIN.fullmatch(folded):  # most of what people type
        return folded
    decomposed = unicodedata.normalize("NFKD", move_article(title))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().replace("&", " and ")
    plain = plain.replace("'", "").replace("\u2019", "")
    return " ".join(_NO_LETTER.sub(" ", plain).split()) or " ".join(title.split()).casefold()


def drop_article(key: str) -> str:
    """The key without a leading article, unless nothing would be left."""
    first, _, rest = key.partition(" ")
    return rest if rest and first in _DROPPED else key
