"""Normal forms of titles, so that different spellings of one title compare equal."""

from __future__ import annotations

import re
import unicodedata

# Leading articles that a query may leave out, in the languages of MovieLens.
_DROPPED = frozenset(
    ("the", "a", "an", "la", "le", "les", "l", "el", "lo", "il", "gli", "i", "der", "das", "ein", "un", "une", "una",
     "det")
)  # fmt: skip
# Behind a comma these are articles too; in front they may be words: "Die Hard", "As Good as It Gets", "Al Capone".
ARTICLES = (_DROPPED - {"l"}) | frozenset(
    ("l'", "al", "as", "az", "da", "de", "dem", "den", "des", "die", "een", "eine", "en", "et", "ett", "ha", "het",
     "las", "los", "o", "os", "um", "uma", "uno")
)  # fmt: skip
LONGEST_KEY = 200  # characters; some letters decompose into eighteen
_NUMERALS = ("ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii")
_ARABIC = {numeral: str(number) for number, numeral in enumerate(_NUMERALS, 2)}
_ROMAN = {number: numeral for numeral, number in _ARABIC.items()}
_TRAILING_ARTICLE = re.compile(r"^(?P<rest>.+),\s*(?P<article>[^\W\d]+'?)$")
_YEAR = re.compile(r"\s*\((?P<year>(?!0000)\d{4})\)\s*$", re.ASCII)  # 0 stands for an unknown year
_PLAIN = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
_NUMBER = re.compile(rf"\d+|\b(?:{'|'.join(_NUMERALS)})\b")
_NO_LETTER = re.compile(r"[\W_]+")
_INITIALS = re.compile(r"(?<!\S)\S(?: \S)+(?!\S)")
_MOST_INITIALS = 5  # letters of a word that may be initials
SMALL_WORDS = frozenset(("the", "a"))  # "an" may be "and", misspelt
_IN_LETTERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen")
_SHORT = {"doctor": "dr", "mister": "mr", "saint": "st", "versus": "vs", "volume": "vol"}
_OTHER_WORDS = (
    _ARABIC,
    _ROMAN,
    {word: str(number) for number, word in enumerate(_IN_LETTERS, 2)},
    {str(number): word for number, word in enumerate(_IN_LETTERS, 2)},
    _SHORT,
    {short: word for word, short in _SHORT.items()},
)


def split_year(title: str) -> tuple[str, int | None]:
    """Split a title into name and year: "Heat (1995)" gives ("Heat", 1995), "Heat" gives ("Heat", None)."""
    match = _YEAR.search(title) if ")" in title else None
    return (title[: match.start()], int(match["year"])) if match else (title, None)


def move_article(title: str) -> str:
    """Move a trailing article to the front: "Usual Suspects, The" gives "The Usual Suspects"."""
    title = title.strip()
    match = _TRAILING_ARTICLE.match(title) if "," in title else None
    if not match or match["article"].casefold() not in ARTICLES:
        return title
    joint = "" if match["article"].endswith("'") else " "
    return f"{match['article']}{joint}{match['rest']}"


def normalise(title: str) -> str:
    """Return a title's key for comparisons: no accents, case or punctuation, article in front, single spaces."""
    folded = title.casefold()
    if _PLAIN.fullmatch(folded):  # most of what people type
        return folded
    decomposed = unicodedata.normalize("NFKD", move_article(title))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().replace("&", " and ")
    plain = plain.replace("'", "").replace("\u2019", "")
    return " ".join(_NO_LETTER.sub(" ", plain).split()) or " ".join(title.split()).casefold()


def query_key(title: str) -> str:
    """Return the key of a title that somebody asks for, cut at a length that bounds the time of every search."""
    key = normalise(title)
    return key if len(key) <= LONGEST_KEY else key[:LONGEST_KEY].rstrip()


def dated_key(title: str) -> str:
    """Return the key of a title, followed by the year if one is given in brackets."""
    bare, year = split_year(title)
    return query_key(bare) + (f" {year}" if year else "")


def other_words(key: str) -> list[str]:
    """Return the key with its numbers as digits, Roman or in letters, and with words that are abbreviated, or not."""
    words = key.split()
    if len(words) < 2:
        return []
    variants = (" ".join(table.get(word, word) for word in words) for table in _OTHER_WORDS)
    return [variant for variant in dict.fromkeys(variants) if variant != key]


def other_initials(key: str) -> list[str]:
    """Return the key with its initials as a word, and with each short word as initials: "et" for "e t" and back."""
    words = key.split()
    variants = [_INITIALS.sub(lambda match: match[0].replace(" ", ""), key)]
    for place, word in enumerate(words):
        if 2 <= len(word) <= _MOST_INITIALS and word.isalpha():
            variants.append(" ".join([*words[:place], *word, *words[place + 1 :]]))
    return [variant for variant in dict.fromkeys(variants) if variant != key]


def is_number(word: str) -> bool:
    """Return whether a word of a key is a number, in digits or Roman."""
    return word.isdigit() or word in _ARABIC


def without_articles(key: str) -> str:
    """Return a title key without small words, which people forget, and put in each other's place."""
    return " ".join(word for word in key.split() if word not in SMALL_WORDS)


def numbers(key: str) -> list[str]:
    """Return the numbers in a key, as digits: those of sequels and years, which tell films apart.

    Digits count within words too, where a space may have slipped: "Home Alon e3".
    """
    return [_ARABIC.get(number, number) for number in _NUMBER.findall(key)]


def drop_article(key: str) -> str:
    """Return a title key without its leading article, unless nothing would be left."""
    first, _, rest = key.partition(" ")
    return rest if rest and first in _DROPPED else key
