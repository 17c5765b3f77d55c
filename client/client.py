"""A client of the HTTP API: short time-outs, typed answers, errors in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from client import answers as models
from client.errors import ApiProblem, ApiSlow, ApiUnexpected, ApiUnreachable, ApiUnready

Json = dict[str, Any]
Params = tuple[tuple[str, str], ...]
Get = Callable[[str, Params], Json]
Post = Callable[[str, Json], Json]
Options = Mapping[str, Any]  # n, genres, year_from, ... as the service names them
RawId = int | str
Answer = TypeVar("Answer", bound=models.Answer)

CHAMPION, CHALLENGER = "champion", "challenger"
_BUSY = 503


class Transport:
    """Sends GET and POST requests and reads JSON; every failure becomes an error of `client.errors`."""

    def __init__(
        self,
        base_url: str,
        *,
        connect_seconds: float = 1.0,
        read_seconds: float = 5.0,
        visitor: str | None = None,
        admin_token: str | None = None,
    ) -> None:
        """`visitor`: key of the person whose dismissed items lists leave out; `admin_token`: for what needs it."""
        timeout = httpx.Timeout(read_seconds, connect=connect_seconds)
        # trust_env: a proxy of the machine has no business between a page and its own service.
        self._http = httpx.Client(base_url=base_url, timeout=timeout, trust_env=False)
        if visitor is not None:
            self._http.headers["x-visitor"] = visitor
        if admin_token is not None:
            self._http.headers["authorization"] = f"Bearer {admin_token}"
        self._base_url = base_url

    def get(self, path: str, params: Params = ()) -> Json:
        """Return the JSON answer to a GET request."""
        return self._call("GET", path, params=list(params))

    def delete(self, path: str, params: Params = ()) -> Json:
        """Return the JSON answer to a DELETE request."""
        return self._call("DELETE", path, params=list(params))

    def post(self, path: str, body: Json) -> Json:
        """Return the JSON answer to a POST request with a JSON body."""
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **content: Any) -> Json:
        try:
            response = self._http.request(method, path, **content)
        except httpx.TimeoutException as error:
            raise ApiSlow("It took too long to answer. Try again in a moment.") from error
        except httpx.HTTPError as error:
            raise ApiUnreachable(
                f"Nothing answers at {self._base_url}. Start it with “movierec serve”, or wait until it is back."
            ) from error
        body = _read(response)
        recommendation_id = response.headers.get("x-recommendation-id")
        return body if recommendation_id is None else body | {"recommendation_id": recommendation_id}


class Api:
    """One method for each call of the service; `get` and `post` send it and return JSON."""

    def __init__(self, get: Get, post: Post) -> None:
        self._get = get
        self._post = post

    def model(self, slot: str = CHAMPION) -> models.ModelCard:
        """Return the version served in a slot. Raises ApiProblem where the slot is empty."""
        return _parse(models.ModelCard, self._get("/model", query_string(model=_slot(slot))))

    def summary(self) -> models.Summary:
        """Return the data behind the served version and how its ratings spread over the stars."""
        return _parse(models.Summary, self._get("/analytics/summary", ()))

    def dataset(self) -> models.Snapshot:
        """Return the figures of the data set behind the served version."""
        return _parse(models.Snapshot, self.summary().dataset)

    def genres(self) -> list[models.GenreFigures]:
        """Return the number of films and ratings and the average rating of every genre."""
        return _parse(models.Genres, self._get("/analytics/genres", ())).genres

    def facet_values(self, facet: str, *, text: str | None = None, limit: int = 1000) -> list[models.FacetValue]:
        """Return the values of a facet with their numbers of films, the most common first, of those with `text`."""
        return _parse(models.FacetValues, self._get("/facets", query_string(facet=facet, limit=limit, q=text))).values

    def top(
        self, by: str = "count", *, n: int = 20, genre: str | None = None, min_ratings: int = 0
    ) -> list[models.Film]:
        """Return the most rated films (`by` count) or the best rated by a damped average (`by` average)."""
        params = query_string(by=by, n=n, genre=genre, min_ratings=min_ratings or None)
        return _parse(models.Movies, self._get("/analytics/top", params)).movies

    def search(self, text: str, *, limit: int = 8) -> list[models.Film]:
        """Return the films whose title begins like `text` or is similar to it."""
        return _parse(models.Movies, self._get("/movies/search", query_string(q=text, limit=limit))).movies

    def movie(self, movie_id: RawId) -> models.Film:
        """Return the film with that id. Raises ApiProblem where there is none."""
        return _parse(models.Movie, self._get(f"/movies/{_step(movie_id)}", ())).movie

    def ratings(self, movie_id: RawId) -> models.MovieRatings:
        """Return how a film was rated: average, count and histogram."""
        return _parse(models.MovieRatings, self._get(f"/movies/{_step(movie_id)}/ratings", ()))

    def film_map(self) -> list[models.MapFilm]:
        """Return the most rated films with their map positions. Raises ApiProblem where the version has no map."""
        return _parse(models.FilmMap, self._get("/map", ())).films

    def over_time(self, *, movie_id: RawId | None = None, genre: str | None = None) -> list[models.Period]:
        """Return ratings by the time when they were given: of a film, of a genre, or of all films."""
        path = "/analytics/over-time" if movie_id is None else f"/movies/{_step(movie_id)}/over-time"
        return _parse(models.OverTime, self._get(path, query_string(genre=genre))).periods

    def release_years(self, genre: str | None = None) -> list[models.ReleaseYear]:
        """Return numbers of films and ratings and averages by the year of release."""
        return _parse(models.ReleaseYears, self._get("/analytics/release-years", query_string(genre=genre))).years

    def features(self, movie_id: RawId) -> list[models.Feature]:
        """Return a film's features, such as genres, people and tags, the heaviest first."""
        return _parse(models.Features, self._get(f"/movies/{_step(movie_id)}/features", ())).features

    def compare(self, first: RawId, second: RawId) -> models.Comparison:
        """Return the similarity of two films, the people they have in common and their shared features."""
        return _parse(models.Comparison, self._get(f"/movies/{_step(first)}/compare/{_step(second)}", ()))

    def common(self, movie_id: RawId, other_ids: Sequence[RawId]) -> list[models.CommonViewers]:
        """Return how many people rated both the film and each of at most a hundred other films."""
        return _parse(
            models.InCommon, self._get(f"/movies/{_step(movie_id)}/common", query_string(with_ids=other_ids))
        ).films

    def tags(self, limit: int = 100, *, text: str | None = None) -> list[models.Tag]:
        """Return the most common tags, genres and people that can steer a list, of those with `text` in their names."""
        return _parse(models.Tags, self._get("/tags", query_string(limit=limit, q=text))).tags

    def resolve(self, title: str, *, fuzzy: bool = False) -> RawId:
        """Return the movie_id of a title, or with `fuzzy` of the film that part of it or a misspelt one means.

        Raises ApiProblem, which may carry `suggestions`.
        """
        params = query_string(title=title, n=1, fuzzy="true" if fuzzy else None)
        subject = _parse(models.Recommendations, self._get("/recommend/", params)).query
        assert isinstance(subject, models.FilmSubject), "a list for a title names its film"
        return subject.movie_id

    def similar(self, movie_id: RawId, options: Options, slot: str = CHAMPION) -> models.Recommendations:
        """Return films similar to a film, with reasons."""
        params = query_string(movie_id=movie_id, explain="true", model=_slot(slot), **options)
        return _parse(models.Recommendations, self._get("/recommend/", params))

    def for_ratings(
        self, ratings: Mapping[RawId, float], options: Options, *, cursor: str | None = None
    ) -> models.Recommendations:
        """Return films for a person who gave `ratings` (movie_id to stars), with reasons; without any, a start list.

        With the option `offset` the answer is a page, and its `next` names offset and `cursor` of the page after it.
        """
        body = {"ratings": _rated(ratings), "explain": True, **options}
        path = "/recommend/" if cursor is None else f"/recommend/?cursor={_step(cursor)}"
        return _parse(models.Recommendations, self._post(path, body))

    def for_user(self, user_id: RawId, options: Options) -> models.Recommendations:
        """Return films for a user of the training data; `options` may have the `cursor` of a page before."""
        return _parse(models.Recommendations, self._get("/recommend/", query_string(user_id=user_id, **options)))

    def for_two(self, people: Sequence[Sequence[RawId | Json]], options: Options) -> models.Recommendations:
        """Return one list for two people: of each the liked films by id or title, or `{"movie_id", "rating"}`.

        A number is an id; a text is a title, or first an id where the data set's ids are text.
        """
        return _parse(models.Recommendations, self._post("/recommend/", {"people": people, **options}))

    def predict(
        self,
        movie_id: RawId,
        *,
        user_id: RawId | None = None,
        ratings: Mapping[RawId, float] | None = None,
        options: Options | None = None,
    ) -> models.Prediction:
        """Return what a user, or a person with these ratings, would give a film, and what keeps it out of the list."""
        body = {"movie_id": movie_id, "user_id": user_id, "ratings": _rated(ratings or {}), **(options or {})}
        return _parse(models.Prediction, self._post("/predict", body))

    def versions(self) -> models.Versions:
        """Return the newest versions of the registry, and what was live when. Raises ApiProblem if it is not told."""
        return _parse(models.Versions, self._get("/versions", ()))

    def experiment(self) -> models.ExperimentAnswer:
        """Return the experiment that was started last, and drift. Raises ApiProblem if it is not told."""
        return _parse(models.ExperimentAnswer, self._get("/experiment", ()))

    def for_titles(self, ratings: Mapping[str, float], options: Options) -> models.Recommendations:
        """Return films for a person who gave `ratings` (title to stars); `query.unmatched` names what was left out."""
        rated = [{"title": title, "rating": stars} for title, stars in ratings.items()]
        return _parse(models.Recommendations, self._post("/recommend/", {"ratings": rated, **options}))

    def send_events(self, events: Sequence[Options]) -> models.EventsKept:
        """Send up to 1,000 events; return how many are on the disk, and which were refused and why.

        Raises ApiUnready where nothing was kept for now, ApiProblem where no event is valid.
        """
        return _parse(models.EventsKept, self._post("/events", {"events": [dict(event) for event in events]}))


def erase_events(transport: Transport, visitor: str) -> int:
    """Erase all events of a visitor and return how many there were; the transport holds the admin token."""
    return _parse(models.EventsErased, transport.delete("/events", query_string(visitor=visitor))).removed


def query_string(**values: object) -> Params:
    """Return query parameters in a fixed order; None is left out, a list repeats its name."""
    pairs: list[tuple[str, str]] = []
    for name, value in sorted(values.items()):
        items = value if isinstance(value, (list, tuple)) else [value]
        pairs += [(name, str(item)) for item in items if item is not None]
    return tuple(pairs)


def _rated(ratings: Mapping[RawId, float]) -> list[Json]:
    return [{"movie_id": movie_id, "rating": stars} for movie_id, stars in sorted(ratings.items())]


def _step(raw_id: RawId) -> str:
    """Return an id as one step of a path."""
    return quote(str(raw_id), safe="")


def _slot(slot: str) -> str | None:
    """Return the `model` parameter for a slot; the champion answers without it."""
    return None if slot == CHAMPION else slot


def suggestions(problem: ApiProblem) -> list[models.Suggestion]:
    """Return the films that a problem with a title suggests instead."""
    members: Mapping[str, Any] = problem.members
    films = members.get("suggestions") or members.get("candidates") or []
    return [_parse(models.Suggestion, film) for film in films]


def _read(response: httpx.Response) -> Json:
    try:
        body = response.json()
    except ValueError as error:
        raise ApiUnexpected(f"It answered with status {response.status_code} and no JSON.") from error
    if not isinstance(body, dict):
        raise ApiUnexpected("Expected a JSON object, found something else.")
    if response.is_success:
        return body
    detail = str(body.get("detail") or f"It answered with status {response.status_code}.")
    if response.status_code == _BUSY:
        raise ApiUnready(detail)
    raise ApiProblem(response.status_code, str(body.get("type", "")).rpartition(":")[2], detail, body)


def _parse(shape: type[Answer], body: Json) -> Answer:
    try:
        return shape.model_validate(body, extra="ignore")  # a newer service may say more
    except ValidationError as error:
        missing = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors()[:3])
        raise ApiUnexpected(
            f"Its answer lacks or garbles: {missing}. Page and service may be of different ages."
        ) from error
