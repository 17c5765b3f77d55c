"""Resolve posted histories: each rating and like by itself, so that one unknown title does not fail the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import orjson

from recommender.errors import AmbiguousTitleError, LookupFailedError, TitleNotFoundError, UnknownMovieError
from recommender.films.ids import RawId
from recommender.titles.index import TitleMatch
from serving.answering.lookup import film_link, lookup_problem
from serving.schemas.recommend import ListOptions, PersonBody
from serving.versions.served import Served

SPELLINGS = 10  # entries of a request whose title is searched for; each takes a thousand times a look-up
# A history of more than SHORT entries rests REST times as long as it has worked, each time that this was WORK_SECONDS.
_SHORT, _WORK_SECONDS, _REST = 64, 0.0002, 2.0
CANDIDATES = 5  # films that are named for an unmatched entry


class Entry(NamedTuple):
    """One rating or like of a body, and its place there."""

    member: Literal["ratings", "likes"]
    position: int
    movie_id: RawId | None
    title: str | None
    rating: float


@dataclass
class History:
    """A person's ratings by film row, and how the entries were matched."""

    rating_of_row: dict[int, float] = field(default_factory=dict)
    titles: list[dict[str, Any]] = field(default_factory=list)
    unmatched: list[dict[str, Any]] = field(default_factory=list)

    @property
    def members(self) -> dict[str, Any]:
        """Return how entries were matched as members of an answer's `query`; none where all were known ids."""
        lists = {"titles": self.titles, "unmatched": self.unmatched}
        return lists if any(lists.values()) else {}


def resolve_history(served: Served, body: PersonBody, options: ListOptions) -> History:
    """Return the ratings of a body by film; the last entry of a film counts, and a rating counts more than a like.

    `options`: how long the lists behind candidates' links are, and whether titles may be misspelt. Raises the problem
    of the first unmatched entry for `on_unmatched: fail`.
    """
    history, search = History(), _Search(served, fuzzy=options.fuzzy)
    first_error: LookupFailedError | None = None
    is_long = len(body.likes) + len(body.ratings) > _SHORT
    began = time.perf_counter()
    for entry in _entries(served, body):
        if is_long and (worked := time.perf_counter() - began) > _WORK_SECONDS:
            time.sleep(_REST * worked)  # other requests of this worker go first
            began = time.perf_counter()
        try:
            match = search.match(entry)
        except LookupFailedError as error:
            first_error = first_error or error
            history.unmatched.append(_unmatched(served, entry, error, options.n, searched=search.searched))
            continue
        history.rating_of_row[match.row] = entry.rating
        if entry.title is not None:
            history.titles.append(_matched(served, entry, match))
    if first_error is not None and body.on_unmatched == "fail":
        raise lookup_problem(served, first_error, options.n, unmatched=history.unmatched) from first_error
    return history


def _entries(served: Served, body: PersonBody) -> Iterator[Entry]:
    model = served.model
    for index, like in enumerate(body.likes):
        is_id = isinstance(like, int) or like in model.movie_ids
        yield Entry("likes", index, like if is_id else None, None if is_id else str(like), model.feedback.liked)
    for index, film in enumerate(body.ratings):
        yield Entry("ratings", index, film.movie_id, film.title, film.rating)


class _Search:
    """Finds the films of entries; titles that no film has are searched for only a few times, as that takes long."""

    def __init__(self, served: Served, *, fuzzy: bool) -> None:
        self._model = served.model
        self._fuzzy = fuzzy
        self._left = SPELLINGS
        self.searched = True  # whether the last title was, where no film had it

    def match(self, entry: Entry) -> TitleMatch:
        """Return the film of an entry. Raises LookupFailedError."""
        self.searched = True
        if entry.movie_id is not None:
            row = self._model.movie_row(entry.movie_id)
            return TitleMatch(int(self._model.catalog.canonical[row]), "exact")
        assert entry.title is not None, "an entry names a film by id or title"
        exact = self._model.titles.exact(entry.title)
        if len(exact) == 1:
            return exact[0]
        if exact:
            raise AmbiguousTitleError([match.row for match in exact], self._model.manifest.items.plural)
        self.searched = self._left > 0
        if not self.searched:
            raise TitleNotFoundError([], self._model.manifest.items.singular)
        self._left -= 1
        match = self._model.titles.resolve(entry.title, fuzzy=True)  # raises where it may mean several films
        if not self._fuzzy:
            suggestions = self._model.titles.search(entry.title, CANDIDATES)
            raise TitleNotFoundError(suggestions, self._model.manifest.items.singular)
        return match


def _matched(served: Served, entry: Entry, match: TitleMatch) -> dict[str, Any]:
    film = orjson.loads(served.model.catalog.text(match.row))
    place = {"list": entry.member, "index": entry.position}
    return {**place, "movie_id": film["movie_id"], "title": film["title"], "matched": match.matched}


def _unmatched(served: Served, entry: Entry, error: LookupFailedError, n: int, *, searched: bool) -> dict[str, Any]:
    rows: list[int] = []
    match error:
        case UnknownMovieError():
            reason = "unknown-id"
        case AmbiguousTitleError(candidates=rows):
            reason = "ambiguous"
        case TitleNotFoundError(suggestions=rows):
            reason = "not-found" if searched else "not-searched"
        case _:
            raise error
    candidates = [film_link(served, row, n) for row in rows[:CANDIDATES]]
    return {"list": entry.member, "index": entry.position, "reason": reason, "candidates": candidates}
