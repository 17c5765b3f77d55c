"""Read film articles in the layout of the public repository `wikipedia-movie-data`: `movies-*.json`.

Each file holds a list of objects with title, year, cast and, for most, `extract`: the article's first paragraph, which
often names the director. The text is Wikipedia's, CC BY-SA 4.0.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from recommender.errors import DataError, MissingInputError

FILES = "movies-*.json"

_INITIALS = r"(?:[^\W\d_]\.)+"
_WORD = rf"(?:{_INITIALS}|(?!(?:Jr|Sr)\b)[^\W\d_a-z][\w'’-]*)"
_PARTICLE = r"(?:de|da|di|del|della|den|der|dos|du|el|la|le|ten|van|von)"
_NAME = rf"{_WORD}(?: (?:{_PARTICLE} )*{_WORD}){{1,3}}(?:,? (?:Jr|Sr)\.)?"
_NAMES = rf"{_NAME}(?:(?:, and |, | and | & ){_NAME})*"
_TITLE = r"(?:[\w -]{0,30}?(?:director|filmmaker) )?"  # "Hong Kong film director John Woo"
_DIRECTED_BY = re.compile(rf"\bdirected by (?:and starring )?{_TITLE}(?P<names>{_NAMES})(?P<rest>[^.]{{0,12}})")
_SEPARATOR = re.compile(r", and |, (?!Jr|Sr)| and | & ")
_PERSON = re.compile(r"(?!.* (?:by|of)$)[^\W\d_a-z].*")  # not "voices of", "(narrator)"
_A_CLAUSE_FOLLOWS = re.compile(r"\s(?:stars?|plays?|appears?|wrote|served?|serves)\b")


class Article(BaseModel):
    """A film's article: title, year of release, cast with the leading actors first, first paragraph, page."""

    title: str = Field(min_length=1)
    year: int
    cast: list[str] = []
    extract: str = ""
    href: str | None = None  # name of the article's page

    @property
    def record(self) -> tuple[list[str], int]:
        """Return titles and year, as `matching.match_films` takes them."""
        return [self.title], self.year

    @property
    def actors(self) -> list[str]:
        """Return the people in the cast, leading ones first, without remarks such as "voices of"."""
        return [name for name in dict.fromkeys(map(str.strip, self.cast)) if _PERSON.fullmatch(name)]

    @property
    def directors(self) -> list[str]:
        """Return the people that the text says directed the film; [] where it names none."""
        return directors_in(self.extract)


_ARTICLES = TypeAdapter(list[Article])


def input_files(directory: Path) -> list[Path]:
    """Return the article files in `directory`, sorted. Raises MissingInputError if there are none."""
    if files := sorted(directory.glob(FILES)):
        return files
    raise MissingInputError(
        f"Expected film articles, {FILES} as in github.com/prust/wikipedia-movie-data, in {directory}; found none. "
        "Name another directory with --texts DIR, or leave that option out."
    )


def read(directory: Path) -> list[Article]:
    """Return all articles of the files in `directory`, repeated entries once. Raises MissingInputError or DataError."""
    articles: dict[tuple[str, int, str | None], Article] = {}
    for path in input_files(directory):
        try:
            read_articles = _ARTICLES.validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise DataError(
                f"Expected a JSON list of objects with title, year, cast and extract in {path}; "
                f"{place}: {first['msg']}."
            ) from error
        for article in read_articles:
            articles.setdefault((article.title, article.year, article.href), article)
    return list(articles.values())


def directors_in(text: str) -> list[str]:
    """Return the names behind the first "directed by" of a text; the last is left out where it begins a new clause."""
    match = _DIRECTED_BY.search(text)
    if match is None:
        return []
    names = _SEPARATOR.split(match["names"])
    if len(names) > 1 and _A_CLAUSE_FOLLOWS.match(match["rest"]):
        names.pop()  # "directed by Ann Lee, Bob Roy stars"
    return names
