"""Match the films of an uploaded history with those of the service; the visitor decides ambiguous ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import partial

from client.answers import Film, PersonSubject
from client.client import Api
from client.errors import optional
from webapp.data_words import DataWords
from webapp.histories.reading import HistoryLine
from webapp.shelf import Entry, RawId
from webapp.wording import film_label

YEARS_OFF = 1  # sources date a film by its festival or its release
_LIKENESS = 0.72  # of two titles that may be one film's
_LONGEST = 190  # characters of a title, without its year
_AT_ONCE = 1000  # titles of one call
_ARTICLES = re.compile(r"^(the|a|an|le|la|les|l|el|il|lo|der|die|das|un|une)\s+(?=.)")


@dataclass
class Matched:
    """Result of matching: matched films, ambiguous lines with their candidates, and lines without a match."""

    films: dict[RawId, tuple[str, HistoryLine]] = field(default_factory=dict)
    doubtful: list[tuple[HistoryLine, list[Film]]] = field(default_factory=list)
    missing: list[HistoryLine] = field(default_factory=list)


def match(
    api: Api, history: Sequence[HistoryLine], *, progress: Callable[[float], None] = lambda share: None
) -> Matched:
    """Return the films of a history. `progress`: called with the share that is done."""
    matched = Matched()
    by_title = _by_title(api, history)
    last_year = api.dataset().last_year
    for place, line in enumerate(history):
        progress(place / len(history))
        if film := by_title.get(place):
            matched.films[film[0]] = (film[1], line)
        elif line.titles and last_year and line.year and line.year > last_year + YEARS_OFF:
            matched.missing.append(line)
        else:
            _search(api, line, matched)
    return matched


def entry(label: str, line: HistoryLine, words: DataWords) -> Entry:
    """Return a line as an entry of the shelf, its stars converted to the data set's scale."""
    rating = None if line.stars is None else words.from_stars(line.stars)
    return Entry(label, rating, line.mark if rating is not None or line.mark else "seen")


def _by_title(api: Api, history: Sequence[HistoryLine]) -> dict[int, tuple[RawId, str]]:
    """Return id and label of the films whose titles the service knows, by place in the history."""
    places: dict[str, list[int]] = {}
    for place, line in enumerate(history):
        for title in line.titles:
            if query := _typed(title, line.year):
                places.setdefault(query, []).append(place)
    like = DataWords.of(api.dataset()).scale.like
    films: dict[int, tuple[RawId, str]] = {}
    titles = list(places)
    for start in range(0, len(titles), _AT_ONCE):
        batch = titles[start : start + _AT_ONCE]
        subject = api.for_titles(dict.fromkeys(batch, like), {"n": 1}).query
        for title_match in (subject.titles if isinstance(subject, PersonSubject) else None) or ():
            for place in places[batch[title_match.index]]:
                films.setdefault(place, (title_match.movie_id, film_label(title_match.title, history[place].year)))
    return films


def _search(api: Api, line: HistoryLine, matched: Matched) -> None:
    """Match a line by its id, or by search: the film of this title within a year, else similar titles as candidates."""
    candidates: dict[RawId, Film] = {}
    film_by_id = optional(partial(api.movie, line.movie_id)) if line.movie_id else None
    if film_by_id and (not line.titles or _likeness(line, film_by_id) == 1):
        matched.films[film_by_id.movie_id] = (film_label(film_by_id.title, film_by_id.year), line)
        return
    for title in line.titles:
        films = optional(partial(api.search, _typed(title, None), limit=8))  # none where it cannot look for the title
        candidates |= {film.movie_id: film for film in films or []}
    near = [film for film in candidates.values() if _years_apart(line, film) <= YEARS_OFF]
    same = [film for film in near if _likeness(line, film) == 1]
    close = [film for film in near if _likeness(line, film) >= _LIKENESS]
    if len(same) == 1 and line.year:
        matched.films[same[0].movie_id] = (film_label(same[0].title, same[0].year), line)
    elif close:
        matched.doubtful.append((line, sorted(close, key=lambda film: -_likeness(line, film))))
    else:
        matched.missing.append(line)


def _years_apart(line: HistoryLine, film: Film) -> int:
    return abs(line.year - film.year) if line.year and film.year else 0


def _likeness(line: HistoryLine, film: Film) -> float:
    """Return how alike the titles are, 0 to 1; 1 is the same but for case, accents, signs and articles."""
    names = [film.title, *re.findall(r"\(([^()]+)\)", film.title), re.sub(r"\s*\(.*", "", film.title)]
    pairs = [(plain(title), plain(name)) for title in line.titles for name in names]
    return max((SequenceMatcher(None, *pair).ratio() for pair in pairs if all(pair)), default=0.0)


def plain(title: str) -> str:
    """Return a title in lower case without accents, signs and its article."""
    base = unicodedata.normalize("NFKD", title.casefold().replace("&", " and "))
    letters = "".join(" " if not letter.isalnum() else letter for letter in base if not unicodedata.combining(letter))
    return _ARTICLES.sub("", " ".join(letters.split()))


def _typed(title: str, year: int | None) -> str:
    """Return a title as the service takes it."""
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in title).split())[:_LONGEST]
    return film_label(clean, year) if clean else ""
