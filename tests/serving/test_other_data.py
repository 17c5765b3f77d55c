"""Real processes that serve other data than films in half stars: text ids, 1 to 10 stars, facets of books, events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from client.client import Api, Params
from testing.service import Service
from tests.serving.conftest import ready
from tests.training.small import (
    EVENTS,
    TEN,
    as_books,
    book_id,
    saved,
    small_dataset,
    user_id,
    with_ratings,
    with_text_ids,
)

BOOK = book_id(103)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Books by text ids, rated from 1 to 10."""
    root = tmp_path_factory.mktemp("books")
    saved(as_books(with_text_ids(with_ratings(small_dataset(), TEN, 2))), root)
    made = Service(root, workers=1, stale_after_seconds="3600", explain_users="true")
    with ready(made, root / "bundle") as running:
        yield running


@pytest.fixture
def http(books: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{books.port}", timeout=30, trust_env=False) as opened:
        yield opened


@pytest.fixture
def api(http: httpx.Client) -> Api:
    """The typed client, over a connection that the test closes."""

    def get(path: str, params: Params) -> Any:
        return http.get(path, params=list(params)).raise_for_status().json()

    return Api(get, lambda path, body: http.post(path, json=body).raise_for_status().json())


def errors(answer: httpx.Response) -> Any:
    assert answer.status_code == 422, answer.text
    return answer.json()["errors"]


def test_text_ids_come_back_exactly_from_every_address(api: Api) -> None:
    film = api.movie(BOOK)
    assert (film.movie_id, api.resolve(film.title), api.search(film.title)[0].movie_id) == (BOOK, BOOK, BOOK)
    similar = api.similar(BOOK, {"n": 5})
    assert similar.query.movie_id == BOOK  # type: ignore[union-attr]
    other = similar.recommendations[0].movie_id
    assert api.compare(BOOK, other).movies[1].movie_id == other
    assert api.common(BOOK, [other, book_id(101)])[1].movie_id == book_id(101)
    assert api.ratings(BOOK).movie_id == BOOK
    assert api.features(BOOK) is not None
    assert sum(period.ratings for period in api.over_time(movie_id=BOOK)) == film.rating_count
    assert other not in [row.movie_id for row in api.similar(BOOK, {"n": 5, "exclude": [other]}).recommendations]


def test_plain_calls_and_full_ones_give_the_same_bytes(http: httpx.Client) -> None:
    plain, full = ("/recommend/?" + urlencode({"movie_id": BOOK, "n": 7} | more) for more in ({}, {"year_from": 1800}))
    assert http.get(plain).json()["query"] == {"title": "Film 2", "movie_id": BOOK, "matched": "movie_id"}
    assert http.get(plain).json() == http.get(full).json()


def test_ids_that_nobody_has_are_not_found_and_numbers_are_no_text(http: httpx.Client) -> None:
    assert http.get("/movies/103").status_code == 404
    assert http.get("/recommend/", params={"user_id": "nobody"}).status_code == 404
    assert http.get(f"/movies/{quote(BOOK)}").status_code == 404, "an id's slash is percent-encoded"
    assert errors(http.get("/recommend/", params={"movie_id": "x" * 129})) == [
        {"parameter": "movie_id", "message": "expected an id of 1 to 128 bytes without control characters"}
    ]
    assert errors(http.post("/recommend/", json={"movie_id": 103})) == [
        {"parameter": "movie_id", "message": "expected text, as the ids of this data set are"}
    ]


def test_users_are_known_by_text_ids_and_ratings_are_predicted_on_the_scale(http: httpx.Client) -> None:
    answer = http.get("/recommend/", params={"user_id": user_id(1), "explain": "true"}).json()
    assert answer["query"]["user_id"] == user_id(1)
    predicted = [film["predicted_rating"] for film in answer["recommendations"]]
    assert all(1 <= rating <= 10 for rating in predicted)
    assert max(predicted) > 5, "half of the books are rated 8 and 10 by this user"
    reason = answer["recommendations"][0]["explanation"]["reasons"][0]
    assert reason["movie_id"].startswith("B/")
    assert reason["rating"] in (2, 4, 6, 8, 10)


def test_posted_ratings_lie_on_the_scale_and_likes_name_ids_or_titles(http: httpx.Client) -> None:
    def post(body: dict[str, Any]) -> httpx.Response:
        return http.post("/recommend/", json=body)

    assert post({"ratings": [{"movie_id": BOOK, "rating": 9}]}).json()["query"]["ratings"] == 1
    assert errors(post({"ratings": [{"movie_id": BOOK, "rating": 10.5}]})) == [
        {"parameter": "ratings.0.rating", "message": "Input should be less than or equal to 10"}
    ]
    assert errors(post({"ratings": [{"movie_id": BOOK, "rating": 0.5}]})) == [
        {"parameter": "ratings.0.rating", "message": "Input should be greater than or equal to 1"}
    ]
    by_id, by_title = (post({"likes": [like]}).json()["recommendations"] for like in (BOOK, "Film 2"))
    assert by_id == by_title


def test_facets_are_told_and_filter(http: httpx.Client) -> None:
    def titles(**parameters: Any) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {"movie_id": BOOK, "n": 40, **parameters}
        answer = http.get("/recommend/", params=asked)
        return list(answer.json()["recommendations"])

    filtered = titles(facet=["authors:le guin", "publisher:Tor"])
    assert filtered
    assert all("Le Guin" in film["facets"]["authors"] for film in filtered)
    assert {tuple(film["facets"]["publisher"]) for film in filtered} == {("Tor",)}
    assert len(titles()) > len(titles(facet="authors:Le Guin")) > len(filtered)
    listed = http.get("/facets", params={"facet": "authors", "limit": 1}).json()
    assert listed["values"] == [{"value": "Le Guin", "movies": 14}]
    assert http.get("/facets", params={"facet": "genres"}).status_code == 422
    unknown = http.get("/recommend/", params={"movie_id": BOOK, "facet": "actors:Le Guin"})
    assert (unknown.status_code, unknown.json()["type"]) == (422, "urn:movierec:problem:unknown-facet")
    assert "authors, publisher" in unknown.json()["detail"]
    assert errors(http.get("/recommend/", params={"movie_id": BOOK, "facet": "authors"}))[0]["parameter"] == "facet.0"


def test_the_summary_says_what_the_items_and_the_scale_are(api: Api) -> None:
    summary = api.summary()
    assert [entry.stars for entry in summary.histogram] == list(range(1, 11))
    dataset = api.dataset()
    assert dataset.items is not None
    assert dataset.feedback is not None
    assert (dataset.items.plural, dataset.feedback.maximum, dataset.feedback.like) == ("books", 10, 8)
    assert [facet.label for facet in dataset.items.facets] == ["Author", "Publisher"]


def test_events_are_answered_without_stars(books: Service, tmp_path: Path) -> None:
    saved(with_ratings(small_dataset(), EVENTS), tmp_path)
    service = Service(tmp_path / "events", workers=1, stale_after_seconds="3600")
    with ready(service, tmp_path / "bundle") as running:
        film = running.json("/movies/101/ratings")
        assert (film["average_rating"], film["histogram"]) == (None, [])
        assert film["rating_count"] > 0
        assert running.status("/analytics/top?by=average") == 422
        genres = running.json("/analytics/genres")["genres"]
        assert {genre["average_rating"] for genre in genres} == {None}
        assert {year["average_rating"] for year in running.json("/analytics/release-years")["years"]} == {None}
        assert running.json("/analytics/summary")["dataset"]["mean_rating"] is None
        answer = running.json("/recommend/?user_id=1")["recommendations"]
        assert answer
        assert not any("predicted_rating" in film for film in answer)
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=30, trust_env=False) as http:
            posted = http.post("/recommend/", json={"ratings": [{"movie_id": 101, "rating": 25}]})
            assert len(json.loads(posted.content)["recommendations"]) == 10
            assert errors(http.post("/recommend/", json={"ratings": [{"movie_id": 101, "rating": 0}]}))
