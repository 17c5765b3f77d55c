"""Lists as people want them: pages, candidates, limits, preferences, two people; and one pair."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from client import answers
from client.client import Api
from recommender.model import Model
from serving.api.app import create_app
from serving.schemas.recommend import PredictBody, PredictQuery, RecommendBody, RecommendQuery
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from tests.serving.conftest import confirm, copier, meta
from tests.world import N_FILMS, N_USERS, SECOND_ENTRY, save_world, world

MODEL: Model = world()
IDS = st.integers(1, N_FILMS + 5)  # some are of no film


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """A store that serves version 1 of the world, and holds version 2."""
    root = tmp_path_factory.mktemp("world")
    made = ModelStore(root / "models")
    entry = made.install(meta("1"), copier(save_world(root / "first")))
    made.install(meta("2"), copier(save_world(root / "second", seed=1)))
    made.point("champion", entry)
    confirm(made, entry)
    return made


@pytest.fixture(scope="module")
def served(store: ModelStore) -> Iterator[TestClient]:
    options = Settings(explain_users=True, stale_after_seconds=3600, watch_seconds=0.02)
    with TestClient(create_app(options, store), base_url="http://localhost") as opened:
        yield opened


@pytest.fixture
def api(served: TestClient) -> Api:
    def post(path: str, body: Any) -> Any:
        return served.post(path, json=body).raise_for_status().json()

    return Api(lambda path, params: served.get(path, params=list(params)).raise_for_status().json(), post)


def ids(body: dict[str, Any]) -> list[int]:
    return [film["movie_id"] for film in body["recommendations"]]


def ask(client: TestClient, body: dict[str, Any], **query: Any) -> dict[str, Any]:
    response = client.post("/recommend/", json=body, params=query)
    assert response.status_code == 200, response.text
    answers.Recommendations.model_validate(response.json())
    body_of_answer: dict[str, Any] = response.json()
    return body_of_answer


ratings = st.lists(
    st.fixed_dictionaries({"movie_id": st.integers(1, N_FILMS), "rating": st.sampled_from([1.0, 3.5, 5.0])}), max_size=4
)
requests = st.fixed_dictionaries(
    {"n": st.integers(1, 30)},
    optional={
        "user_id": st.integers(1, N_USERS),
        "ratings": ratings,
        "candidates": st.lists(IDS, min_size=1, max_size=60),
        "exclude": st.lists(IDS, max_size=40),
        "max_per_director": st.integers(1, 3),
        "max_per_genre": st.integers(1, 5),
        "max_per": st.sampled_from([["directors:2"], ["genres:1", "directors:3"]]),
        "min_ratings": st.integers(0, 8),
        "year_from": st.sampled_from([1950, 1990]),
        "diversity": st.sampled_from([0.3, 1.0]),
        "popularity": st.floats(-1, 1),
        "recency": st.floats(-1, 1),
        "offset": st.integers(0, 30),
    },
)


@settings(max_examples=1000)
@given(body=requests)
def test_candidates_exclusions_and_limits_hold_in_any_request(served: TestClient, body: dict[str, Any]) -> None:
    films = ask(served, body)["recommendations"]
    listed = [film["movie_id"] for film in films]
    assert len(set(listed)) == len(listed) <= body["n"]
    stands_for = {SECOND_ENTRY + 1: 1}
    if "candidates" in body:
        assert set(listed) <= {stands_for.get(film, film) for film in body["candidates"]}
    assert not set(listed) & {stands_for.get(film, film) for film in body.get("exclude", [])}
    seen = {stands_for.get(rated["movie_id"], rated["movie_id"]) for rated in body.get("ratings", [])}
    if "user_id" in body:
        seen |= {int(row) + 1 for row in MODEL.person(body["user_id"] - 1).history.indices}
    assert not set(listed) & seen
    limits = [("directors", body.get("max_per_director", 99)), ("genres", body.get("max_per_genre", 99))]
    limits += [(text.split(":")[0], int(text.split(":")[1])) for text in body.get("max_per", [])]
    for facet, most in limits:
        counts = Counter(value for film in films for value in film[facet])
        assert max(counts.values(), default=0) <= most
    assert all(film["rating_count"] >= body.get("min_ratings", 0) for film in films)
    assert all((film["year"] or 0) >= body.get("year_from", 0) for film in films)


def test_pages_go_on_with_the_version_that_began_the_list(served: TestClient, store: ModelStore) -> None:
    questions: list[dict[str, Any]] = [
        {"user_id": 7},
        {"movie_id": 3},
        {"user_id": 7, "diversity": 0.5, "max_per_genre": 20},
    ]
    whole = [ask(served, {**question, "n": 100})["recommendations"] for question in questions]
    first = [served.get("/recommend/", params={**question, "offset": 0}).json() for question in questions]
    posted: dict[str, Any] = {"ratings": [{"movie_id": 2, "rating": 5.0}]}
    whole_posted, first_posted = ids(ask(served, posted | {"n": 100})), ask(served, posted | {"offset": 0})
    earlier = store.current("champion")
    assert earlier
    _promote(served, store, "2")
    try:
        for question, expected, page in zip(questions, whole, first, strict=True):
            listed = page["recommendations"]
            while page["next"] and len(listed) < 100:
                assert set(page["next"]) == {"offset", "cursor"}
                response = served.get("/recommend/", params={**question, **page["next"]})
                assert response.status_code == 200, response.text
                page = response.json()
                assert page["model"]["version"] == "1"
                listed += page["recommendations"]
            assert listed == expected, "ranks go on from page to page"
            assert served.get("/recommend/", params={**question, "n": 100}).json()["recommendations"] != expected
        cursor, offset = first_posted["next"]["cursor"], first_posted["next"]["offset"]
        assert ids(ask(served, posted | {"offset": offset}, cursor=cursor)) == whole_posted[10:20]
    finally:
        _promote(served, store, "1")


def test_a_cursor_of_a_version_that_is_gone_or_never_was(served: TestClient) -> None:
    gone = served.get("/recommend/", params={"user_id": 1, "offset": 10, "cursor": "7-0a0a0a0a"})
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:movierec:problem:cursor-expired")
    for text in ("../../etc", "1-0123456789abcdef", ""):
        assert served.get("/recommend/", params={"user_id": 1, "cursor": text}).status_code == 422
    assert served.get("/movies/1", params={"cursor": "1-01234567"}).status_code == 422


def test_the_last_page_says_that_the_list_has_ended(served: TestClient) -> None:
    page = ask(served, {"user_id": 1, "candidates": [200, 201, 202], "offset": 0, "include_seen": True})
    assert (len(ids(page)), page["next"]) == (3, None)
    assert "next" not in ask(served, {"user_id": 1})


def test_fresh_ratings_count_beside_those_of_a_user(served: TestClient) -> None:
    known = ask(served, {"user_id": 4, "n": 30})
    fresh = [film["movie_id"] for film in known["recommendations"][:3]]
    body = {"user_id": 4, "ratings": [{"movie_id": film, "rating": 0.5} for film in fresh], "n": 30}
    both = ask(served, body)
    assert both["query"] == {"user_id": 4, "ratings": known["query"]["ratings"] + 3, "matched": "user_id"}
    assert not set(fresh) & set(ids(both))
    assert ids(both) != ids(known)
    assert ids(ask(served, {"user_id": 4, "n": 30, "explain": True})) == ids(known)
    assert served.post("/recommend/", json={"user_id": 99999}).status_code == 404


@pytest.mark.parametrize("fuzzy", [False, True])
def test_an_entry_that_may_mean_several_films_is_ambiguous(served: TestClient, fuzzy: bool) -> None:
    query = ask(served, {"likes": ["Film", "Nothing of the kind", "Film 12"], "fuzzy": fuzzy})["query"]
    assert [(entry["index"], entry["reason"]) for entry in query["unmatched"]] == [(0, "ambiguous"), (1, "not-found")]
    assert len(query["unmatched"][0]["candidates"]) > 1


def test_reasons_stand_on_the_side_of_what_the_person_felt(served: TestClient) -> None:
    films = ask(served, {"user_id": 4, "n": 30, "for_and_against": True})["recommendations"]
    assert any(film["reasons_against"] for film in films)
    for film in films:
        assert all(reason["rating"] >= 4 and reason["contribution"] > 0 for reason in film["reasons_for"])
        assert all(reason["rating"] < 4 and reason["contribution"] < 0 for reason in film["reasons_against"])
    history = MODEL.person(3).history.data.astype(float)
    usual = (history.sum() + 10 * MODEL.catalog.mean_rating) / (len(history) + 10)
    marks = [
        (film["predicted_rating"], film["below_usual"])
        for film in films
        if abs(film["predicted_rating"] - usual) > 0.01
    ]
    assert {below for _, below in marks} == {True, False}
    assert all(below == (predicted < usual) for predicted, below in marks)


def test_two_people_get_one_list_with_what_each_expects(api: Api) -> None:
    people: list[list[Any]] = [[3, 5, {"movie_id": 9, "rating": 1.0}], ["Film 20", {"title": "Film 21", "rating": 4.5}]]
    fair = api.for_two(people, {"n": 10})
    assert isinstance(fair.query, answers.PeopleSubject)
    assert (fair.query.people, fair.query.aggregation) == ([3, 2], "least_misery")
    assert fair.query.expected
    assert fair.query.entries is not None
    assert [[match.movie_id for match in one.titles or ()] for one in fair.query.entries] == [[], [20, 21]]
    digits = api.for_two([[3, "5"], [7]], {}).query
    assert isinstance(digits, answers.PeopleSubject)
    assert digits.people == [1, 1]  # a text of digits is a title
    columns = zip(*(film.expected_ratings or [] for film in fair.recommendations), strict=True)
    for mean, stars in zip(fair.query.expected, columns, strict=True):
        assert mean == pytest.approx(sum(stars) / 10, abs=0.006)
    mean_list = api.for_two(people, {"n": 10, "aggregation": "mean"})
    assert isinstance(mean_list.query, answers.PeopleSubject)
    assert min(fair.query.expected) >= min(mean_list.query.expected or [])
    assert not {3, 5, 9, 20, 21} & {film.movie_id for film in fair.recommendations}


def test_one_pair_is_told_with_interval_place_and_reasons(api: Api, served: TestClient) -> None:
    listed = served.get("/recommend/", params={"user_id": 4, "n": 30}).json()["recommendations"]
    third = api.predict(listed[2]["movie_id"], user_id=4)
    assert third.prediction
    assert third.prediction.expected == listed[2]["predicted_rating"]
    assert third.prediction.low < third.prediction.expected < third.prediction.high
    assert (third.place.rank, third.place.kept_away_by) == (3, [])
    assert api.predict(listed[20]["movie_id"], user_id=4).place.kept_away_by == ["further_down"]
    seen = int(MODEL.person(3).history.indices[0]) + 1
    away = api.predict(seen, user_id=4, options={"year_from": 2100, "genres": ["Horror"]})
    assert away.place.rank is None
    assert {"seen", "year_from"} <= set(away.place.kept_away_by) <= {"seen", "year_from", "genres"}
    posted = api.predict(30, ratings={5: 5.0, 6: 1.0}, options={"min_expected": 5.0})
    assert (posted.query.user_id, posted.query.ratings, posted.query.matched) == (None, 2, "ratings")
    assert "min_expected" in posted.place.kept_away_by
    assert served.get("/predict", params={"user_id": 4, "title": "Film 30"}).json()["movie"]["movie_id"] == 30


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_pair_is_asked_for_with_every_option_of_a_persons_list(served: TestClient, method: str) -> None:
    options: dict[str, Any] = {
        "max_per_director": 1, "max_per": ["genres:40"], "diversity": 0.4, "popularity": 0.2, "recency": -0.2,
        "offset": 0, "n": 5, "include_seen": True, "explain": True, "for_and_against": True, "fuzzy": True,
        "min_ratings": 1, "min_expected": 1.0, "genres": ["Comedy", "Drama"], "candidates": list(range(1, 200)),
    }  # fmt: skip
    of_list = set(RecommendQuery.model_fields if method == "GET" else RecommendBody.model_fields)
    assert of_list - {"title", "movie_id", "people", "aggregation"} <= set(
        PredictQuery.model_fields if method == "GET" else PredictBody.model_fields
    )
    question = {"user_id": 4} | options

    def ask_for(path: str, **film: int) -> dict[str, Any]:
        sent: dict[str, Any] = {"params": question | film} if method == "GET" else {"json": question | film}
        answer: dict[str, Any] = served.request(method, path, **sent).raise_for_status().json()
        return answer

    listed = ids(ask_for("/recommend/"))
    assert [ask_for("/predict", movie_id=film)["place"]["rank"] for film in listed] == [1, 2, 3, 4, 5]
    causes = Counter(
        cause for film in range(1, 60) for cause in ask_for("/predict", movie_id=film)["place"]["kept_away_by"]
    )
    assert {"max_per_director", "genres", "further_down", "diversity"} <= set(causes)
    assert not any(":" in cause for cause in causes)


def test_a_history_of_which_nothing_matched_has_one_list_with_every_option(served: TestClient) -> None:
    def ask_for(path: str, **members: Any) -> dict[str, Any]:
        body = {"likes": ["No Such Film"]} | members
        answer: dict[str, Any] = served.post(path, json=body).raise_for_status().json()
        return answer

    start = ask_for("/recommend/", n=4)
    assert ids(start) == ids(served.post("/recommend/", json={"n": 4}).json())
    for rank, film in enumerate(ids(start), 1):
        predicted = ask_for("/predict", n=4, movie_id=film)
        assert (predicted["query"], predicted["place"]["rank"]) == (start["query"], rank)
    films = ask_for("/recommend/", n=100)["recommendations"]
    further_down = ask_for("/predict", n=4, movie_id=films[20]["movie_id"])["place"]["kept_away_by"]
    assert further_down == ["further_down"]  # the caller asked for no diversity
    least = sorted(film["predicted_rating"] for film in films)[50]
    options = {"min_expected": least, "for_and_against": True, "include_seen": True, "explain": True}
    listed = ask_for("/recommend/", n=100, **options)["recommendations"]
    assert least <= min(film["predicted_rating"] for film in listed)
    assert {(film["below_usual"] is None, *film["reasons_for"], *film["reasons_against"]) for film in listed} == {
        (False,)
    }
    assert all(film["explanation"]["rest"] == film["score"] for film in listed)
    below = next(film["movie_id"] for film in films if film["predicted_rating"] < least)
    assert "min_expected" in ask_for("/predict", movie_id=below, **options)["place"]["kept_away_by"]


def test_what_a_user_rated_is_told_only_where_the_service_may(store: ModelStore) -> None:
    options = Settings(stale_after_seconds=3600)
    with TestClient(create_app(options, store), base_url="http://localhost") as closed:
        answer = closed.get("/predict", params={"user_id": 4, "movie_id": 30}).json()
        assert (answer["reasons_for"], answer["reasons_against"]) == (None, None)
        assert answer["prediction"]
        for option in ("explain", "for_and_against"):
            assert closed.post("/recommend/", json={"user_id": 4, option: True}).status_code == 403
        fresh = {"ratings": [{"movie_id": 2, "rating": 5.0}], "movie_id": 30}
        assert closed.post("/predict", json=fresh).json()["reasons_for"] is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"movie_id": 1, "include_seen": True}, "include_seen: expected in lists for a person alone"),
        ({"min_expected": 3.0}, "min_expected: expected in lists for a person alone"),
        ({"people": [[1]]}, "people: expected the films of two people"),
        ({"people": [[1], [2]], "user_id": 1}, "people: expected the films of two people"),
        ({"people": [[1], [2]], "explain": True}, "explain, for_and_against"),
        ({"people": [[1], []]}, "at least 1 item"),
        ({"user_id": 1, "aggregation": "least_misery"}, "aggregation: expected in lists for two people alone"),
        ({"aggregation": "mean"}, "aggregation: expected in lists for two people alone"),
        ({"user_id": 1, "movie_id": 1}, "at most one of title, movie_id, and user_id"),
        ({"user_id": 1, "max_per": ["directors:0"]}, "should match pattern"),
        ({"user_id": 1, "max_per_director": 0}, "greater than or equal to 1"),
        ({"user_id": 1, "popularity": 1.1}, "less than or equal to 1"),
        ({"user_id": 1, "recency": "NaN"}, "finite number"),
        ({"user_id": 1, "offset": -1}, "greater than or equal to 0"),
        ({"user_id": 1, "min_expected": 6.0}, "less than or equal to 5"),
        (
            {"user_id": 1, "max_per": ["nothing:1"]},
            "Unknown facet to limit; expected one of: genres, directors, actors",
        ),
    ],
)
def test_what_cannot_be_asked_is_named(served: TestClient, body: dict[str, Any], message: str) -> None:
    response = served.post("/recommend/", json=body)
    assert response.status_code == 422
    assert message in response.text


def _promote(client: TestClient, store: ModelStore, version: str) -> None:
    entry = store.version(version)
    store.point("champion", entry)
    confirm(store, entry)
    deadline = time.monotonic() + 30
    while client.get("/model").json()["model"]["version"] != version:
        assert time.monotonic() < deadline
        time.sleep(0.02)
