"""Answer queries for ranked films: for a film, a user of the training data, or posted ratings; as JSON bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from recommender.errors import NewUserError, UnknownUserError, UsageError
from recommender.explain import Explanation, Reason, Sides, both_sides, explain_person, explain_similar
from recommender.films.catalog import FilmFilter
from recommender.films.ids import RawId
from recommender.model import Model, Person, Ranked, Wanted
from recommender.schema import DIRECTORS, GENRES
from recommender.together import for_two
from serving.answering import json_bytes
from serving.answering.history import History, resolve_history
from serving.answering.lookup import movie_row, resolve_title
from serving.problem import ProblemError
from serving.schemas.recommend import ListOptions, PersonBody, RecommendBody, history_body
from serving.versions.served import Served

START_DIVERSITY = 0.3  # a first list should show a bit of everything
REASONS = 5  # rated films that are named for each recommendation


def similar_films(served: Served, row: int, matched: str, options: ListOptions) -> bytes:
    """Return the answer with the films most similar to the film at `row`."""
    ranked = served.model.similar(row, build_wanted(served, options))
    explained = explain_similar(served.model, row, ranked) if options.explain else []
    members = [_explanation(served, explanation) for explanation in explained]
    return _listed(served, json_bytes.subject_json(served, row, matched), ranked, options, members)


def films_for_user(served: Served, user_id: RawId, options: ListOptions) -> bytes:
    """Return the answer with films for a user of the training data. Raises a 404 problem."""
    return _for_person(served, known_person(served, user_id), user_id, options)


def films_for_ratings(served: Served, body: RecommendBody) -> bytes:
    """Return the answer with films for a person with posted ratings and likes; a start list without any."""
    person, history = posted_person(served, body, body)
    if not body.is_somebody:
        return _start_list(served, person, body)
    return _for_person(served, person, body.user_id, body, history.members)


def films_for_two(served: Served, body: RecommendBody) -> bytes:
    """Return the answer with one list for two people, and the stars that each expects of each film."""
    bodies = [history_body(films, body.on_unmatched) for films in body.people]
    people, histories = zip(*(posted_person(served, one, body) for one in bodies), strict=True)
    with model_problems():
        together = for_two(served.model, people, build_wanted(served, body), body.aggregation)
    means = [round(mean, 4) for mean in together.means] or None
    subject = {"people": [person.history.nnz for person in people], "aggregation": body.aggregation, "expected": means}
    subject |= {"entries": [history.members for history in histories]} if any(one.members for one in histories) else {}
    members = [{"expected_ratings": np.round(pair.astype(float), 2).tolist()} for pair in together.expected.T]
    return _listed(served, orjson.dumps(subject | {"matched": "people"}), together.ranked, body, members)


def known_person(served: Served, user_id: RawId) -> Person:
    """Return a user of the training data. Raises a 404 problem."""
    try:
        return served.model.person(served.model.user_row(user_id))
    except UnknownUserError as error:
        raise ProblemError(
            404,
            "user-not-found",
            "No user has this id in the training data. POST ratings or likes to /recommend/ for a person without one.",
        ) from error


def posted_person(served: Served, body: PersonBody, options: ListOptions) -> tuple[Person, History]:
    """Return the person that a body describes, and how its entries were matched; posted ratings replace stored ones."""
    known = None if body.user_id is None else known_person(served, body.user_id)
    history = resolve_history(served, body, options)
    return served.model.with_ratings(known, history.rating_of_row), history


def list_for(served: Served, person: Person, options: ListOptions) -> tuple[NDArray[np.float32], Wanted]:
    """Return the scores (n_movies,) and the options of a person's list.

    Without ratings these are the scores of a start list: the most liked films, diversified.
    """
    model, wanted = served.model, build_wanted(served, options)
    if person.history.nnz:
        return model.person_scores(person), wanted
    return model.catalog.likes.astype(np.float32), replace(wanted, diversity=wanted.diversity or START_DIVERSITY)


def person_subject(person: Person, user_id: RawId | None, matching: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `query` of an answer for a person; `matching`: members about how posted entries were matched."""
    matched = "user_id" if user_id is not None else "ratings" if person.history.nnz else "start"
    return {"user_id": user_id, "ratings": person.history.nnz, "matched": matched, **matching}


def _start_list(served: Served, nobody: Person, options: ListOptions) -> bytes:
    """Return the answer with a start list, which is for nobody in particular and predicts nothing."""
    ranked = _ranked(served, nobody, options)
    return _listed(served, orjson.dumps(person_subject(nobody, None, {})), ranked, options)


def _ranked(served: Served, person: Person, options: ListOptions) -> Ranked:
    with model_problems():
        scores, wanted = list_for(served, person, options)
        return served.model.rank(scores, served.model.open_to([person], wanted), wanted)


def film_row(served: Served, movie_id: RawId | None, title: str | None, options: ListOptions) -> int:
    """Return the row of the film that a body names by id or title. Raises a 404 or 409 problem."""
    if movie_id is not None:
        return int(served.model.catalog.canonical[movie_row(served, movie_id)])
    assert title is not None, "the body names a film by id or title"
    return resolve_title(served, title, n=options.n, fuzzy=options.fuzzy).row


def build_wanted(served: Served, options: ListOptions) -> Wanted:
    """Translate the caller's options for the kernel. Raises a 422 problem for a genre or tag that no film has."""
    model = served.model
    film_filter = FilmFilter(
        genres=tuple(options.genres),
        year_from=options.year_from,
        year_to=options.year_to,
        min_ratings=options.min_ratings,
        exclude=_main_rows(model, options.exclude),
        candidates=_main_rows(model, options.candidates) if options.candidates else None,
        facets=tuple((facet, value) for facet, _, value in (text.partition(":") for text in options.facet)),
    )
    _require_known(model, film_filter)
    return Wanted(
        options.n,
        film_filter,
        diversity=options.diversity,
        steer=steering(model, options.tag_boost, options.tag_suppress),
        offset=options.offset,
        include_seen=options.include_seen,
        min_expected=options.min_expected,
        limits=_limits(model, options),
        popularity=options.popularity,
        recency=options.recency,
    )


def _main_rows(model: Model, ids: Sequence[RawId]) -> tuple[int, ...]:
    """Return the rows of known ids; a second entry stands for the film itself."""
    rows = model.movie_ids.rows(ids)
    return tuple(model.catalog.canonical[rows[rows >= 0]].tolist())


def _limits(model: Model, options: ListOptions) -> tuple[tuple[str, int], ...]:
    """Return facets with the most films of one value. Raises a 422 problem for an unknown facet."""
    least: dict[str, int] = {}
    for _, facet, most in named_limits(options):
        if facet not in model.catalog.facets.facets:
            names = ", ".join(model.catalog.facets.facets) or "none"
            raise ProblemError(422, "unknown-facet", f"Unknown facet to limit; expected one of: {names}.")
        least[facet] = min(most, least.get(facet, most))
    return tuple(least.items())


def named_limits(options: ListOptions) -> list[tuple[str, str, int]]:
    """Return each limit by the name of its option, with its facet and the most films of one value."""
    named = [
        ("max_per_director", DIRECTORS, options.max_per_director),
        ("max_per_genre", GENRES, options.max_per_genre),
    ]
    limits = [(name, facet, most) for name, facet, most in named if most is not None]
    return limits + [
        ("max_per", facet, int(most)) for facet, _, most in (text.rpartition(":") for text in options.max_per)
    ]


def _require_known(model: Model, film_filter: FilmFilter) -> None:
    """Raise a 422 problem for a genre or another facet's value that no film has."""
    for facet, values in film_filter.values_by_facet.items():
        for value in values:
            try:
                model.catalog.facets.positions(facet, value)
            except UsageError as error:
                raise ProblemError(422, "unknown-genre" if facet == GENRES else "unknown-facet", str(error)) from error


def steering(model: Model, boost: Sequence[str], suppress: Sequence[str]) -> tuple[tuple[int, float], ...]:
    """Return feature columns and their weights, 1 or -1.

    Raises a 422 problem for a name that no film has, and for one that is boosted and suppressed.
    """
    weights: dict[int, float] = {}
    for sign, names in ((1.0, boost), (-1.0, suppress)):
        for name in names:
            columns = model.extras.find_features(name) if model.extras else []
            if not columns:
                raise ProblemError(422, "unknown-tag", "No film of this model has that tag. /tags?q= finds names.")
            if any(weights.get(column, sign) != sign for column in columns):
                detail = f"tag_boost and tag_suppress both name {name}; expected it in one of them."
                raise ProblemError(422, "contradicting-tags", detail)
            weights |= dict.fromkeys(columns, sign)
    return tuple(weights.items())


def _for_person(
    served: Served,
    person: Person,
    user_id: RawId | None,
    options: ListOptions,
    matching: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """Return the answer for a person; `matching`: members about how posted entries were matched."""
    model = served.model
    ranked = _ranked(served, person, options)
    predicted = model.predicted_ratings(ranked.rows, person.history, person.row)
    members: list[dict[str, Any]] = [{} for _ in ranked.rows]
    if predicted is not None:
        members = [{"predicted_rating": round(float(value), 2)} for value in predicted]
    if options.explain:
        history = person.history
        explained = explain_person(model.user_scorer, model.stars(history), ranked, REASONS, person.row)
        explanations = [_explanation(served, explanation, _ratings(person)) for explanation in explained]
        members = [member | explanation for member, explanation in zip(members, explanations, strict=True)]
    if options.for_and_against:
        usual = model.usual_rating(person)
        for rank, of_film in enumerate(both_sides(model, person, ranked.rows, REASONS)):
            members[rank] |= sides_json(served, of_film, person)
            members[rank]["below_usual"] = None if predicted is None else bool(predicted[rank] < usual)
    return _listed(served, orjson.dumps(person_subject(person, user_id, matching)), ranked, options, members)


def sides_json(served: Served, of_film: Sides, person: Person) -> dict[str, Any]:
    """Return the reasons for and against a film as JSON members."""
    ratings = _ratings(person)
    return {
        "reasons_for": [_reason(served, reason, ratings) for reason in of_film.liked],
        "reasons_against": [_reason(served, reason, ratings) for reason in of_film.disliked],
    }


def _ratings(person: Person) -> dict[int, float]:
    """Return the ratings that a person gave, by film row."""
    return dict(zip(person.history.indices.tolist(), person.history.data.tolist(), strict=True))


def _listed(
    served: Served, subject: bytes, ranked: Ranked, options: ListOptions, members: Sequence[dict[str, Any]] = ()
) -> bytes:
    """Return the answer with a list; if it is a page, with where the next one begins: null where the list has ended."""
    body = json_bytes.recommendations(served, subject, ranked, members, first_rank=1 + (options.offset or 0))
    if options.offset is None:
        return body
    is_full = len(ranked.rows) == options.n
    next_page = {"offset": options.offset + options.n, "cursor": served.key} if is_full else None
    return b'%b,"next":%b}' % (body[:-1], orjson.dumps(next_page))


@contextmanager
def model_problems() -> Iterator[None]:
    """Turn what a model cannot answer into problems."""
    try:
        yield
    except NewUserError as error:
        raise ProblemError(409, "no-new-users", str(error)) from error
    except UsageError as error:
        raise ProblemError(422, "no-predictions", str(error)) from error


def _explanation(
    served: Served, explanation: Explanation, ratings: Mapping[int, float] = MappingProxyType({})
) -> dict[str, Any]:
    """Return an explanation as JSON members; `ratings`: those that the person gave, by film row."""
    reasons = [_reason(served, reason, ratings) for reason in explanation.reasons]
    return {"explanation": {"reasons": reasons, "rest": round(explanation.rest, 6)}}


def _reason(served: Served, reason: Reason, ratings: Mapping[int, float]) -> dict[str, Any]:
    members: dict[str, Any] = {"kind": reason.kind, "name": reason.name, "contribution": round(reason.contribution, 6)}
    if reason.row is not None:
        film = served.model.catalog.film(reason.row)
        members |= {"name": film.title, "movie_id": film.movie_id, "rating": ratings[reason.row]}
    return members
