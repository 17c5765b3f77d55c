"""The answers of /recommend/, for films and for people."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from client.answers import Recommendations, Tags
from recommender.model import Model, Wanted
from serving.answering import history
from serving.answering.history import SPELLINGS
from serving.api import plain_calls
from serving.api.app import Service
from tests.toy import MOVIE_IDS, user_item

LONG_WAY = {"If-None-Match": '"another"'}  # a header that the short way leaves to FastAPI


def recommend(client, **parameters):
    response = client.get("/recommend/", params=parameters)
    assert response.status_code == 200, response.text
    Recommendations.model_validate(response.json())
    return response.json()


def ids(body):
    return [film["movie_id"] for film in body["recommendations"]]


def test_a_title_answers_exactly_the_documented_members(full: TestClient) -> None:
    body = recommend(full, title="star voyage", n=3)
    assert list(body) == ["query", "model", "recommendations"]
    assert body["query"] == {"title": "Star Voyage", "movie_id": 1, "matched": "exact"}
    assert body["model"] == {
        "name": "movielens-recommender",
        "version": "1",
        "run_id": "0123456789abcdef",
        "algorithm": "toy",
        "stale": False,
    }
    first = body["recommendations"][0]
    assert list(first) == [
        "rank", "movie_id", "title", "year", "genres", "directors", "actors", "score", "average_rating", "rating_count"
    ]  # fmt: skip
    assert [film["rank"] for film in body["recommendations"]] == [1, 2, 3]
    assert set(ids(body)) <= {2, 3, 4, 5, 6}


def test_the_short_and_the_long_way_answer_alike(full: TestClient) -> None:
    for title in [
        "Star Voyage",
        "moon thieves",
        "Café Éternel",
        "CAFE ETERNEL",
        "Letters from Lyon (1994)",
        "2001 Kisses",
    ]:
        for query in [
            f"title={quote(title)}",
            f"title={quote(title)}&n=4",
            f"n=2&title={quote(title)}",
            f"title={quote(title).replace('%20', '+')}",
            "movie_id=1",
            "movie_id=0016&n=4",
        ]:
            plain = full.get(f"/recommend/?{query}")
            long_way = full.get(f"/recommend/?{query}", headers=LONG_WAY)
            assert plain.status_code == long_way.status_code == 200
            assert plain.content == long_way.content
            assert {**plain.headers, "x-request-id": ""} == {**long_way.headers, "x-request-id": ""}
            without_slash = full.get(f"/recommend?{query}")
            assert (without_slash.content, without_slash.headers["etag"]) == (plain.content, plain.headers["etag"])


@given(
    st.sampled_from(["title", "movie_id"]),
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(["Twins", "Star Voyage", "star+voyage", "Star%20Voyage", "%ff", "%00", "a" * 201, " ", "é"]),
        st.sampled_from(["1", "16", "-1", "+1", "1.0", "²", "999", "9" * 18]),
    ),
    st.sampled_from(["", "&n=1", "&n=0", "&n=100", "&n=101", "&n=007", "&n=+5", "&m=1", "&n=3&n=4", "&"]),
)
def test_the_two_ways_agree_on_anything(full: TestClient, by: str, name: str, rest: str) -> None:
    url = f"/recommend/?{by}={quote(name, safe='%+')}{rest}"
    plain, long_way = full.get(url), full.get(url, headers=LONG_WAY)
    assert plain.status_code == long_way.status_code
    assert plain.content == long_way.content
    assert plain.status_code in {200, 404, 409, 422}


def test_a_film_never_recommends_itself_or_its_second_entry(full: TestClient) -> None:
    for movie_id in MOVIE_IDS.tolist():
        found = ids(recommend(full, movie_id=movie_id, n=100))
        assert movie_id not in found
        assert 16 not in found
        assert movie_id != 16 or 11 not in found


def test_a_misspelt_title_is_suggested_with_a_link_that_works(full: TestClient) -> None:
    response = full.get("/recommend/", params={"title": "Star Voyge", "n": 3})
    assert response.status_code == 404
    suggestion = response.json()["suggestions"][0]
    assert (suggestion["movie_id"], suggestion["title"], suggestion["year"]) == (1, "Star Voyage", 1977)
    followed = full.get(suggestion["link"]).json()
    assert followed["query"] == {"title": "Star Voyage", "movie_id": 1, "matched": "movie_id"}
    assert len(followed["recommendations"]) == 3


def test_fuzzy_resolves_a_misspelt_title_and_says_so(full: TestClient) -> None:
    assert recommend(full, title="Star Voyge", fuzzy=True)["query"] == {
        "title": "Star Voyage", "movie_id": 1, "matched": "fuzzy"
    }  # fmt: skip


def test_two_films_of_one_title_are_both_offered(full: TestClient) -> None:
    response = full.get("/recommend/", params={"title": "Twins"})
    assert response.status_code == 409
    assert {(film["movie_id"], film["year"]) for film in response.json()["candidates"]} == {(4, 1988), (6, 1996)}
    assert recommend(full, title="Twins (1996)")["query"]["movie_id"] == 6


def test_filters_choose_among_all_films_in_the_order_of_the_scores(full: TestClient, full_bundle) -> None:
    model = Model.load(full_bundle)
    body = recommend(full, movie_id=1, n=100, genres=["comedy", "horror"], year_from=1990, min_ratings=1, exclude=[3])
    row = model.movie_row(1)
    scores = model.item_scorer.similar(np.array([row]))[0]
    allowed = [
        r for r in np.argsort(-scores, kind="stable").tolist()
        if r != row and model.catalog.canonical[r] == r
        and {"Comedy", "Horror"} & set(model.catalog.film(r).genres)
        and (model.catalog.film(r).year or 0) >= 1990
        and model.catalog.film(r).rating_count >= 1 and model.catalog.film(r).movie_id != 3
    ]  # fmt: skip
    assert ids(body) == [model.catalog.film(r).movie_id for r in allowed]
    assert ids(body)


def test_year_to_leaves_films_without_a_year_out(full: TestClient) -> None:
    assert 14 not in ids(recommend(full, movie_id=11, n=100, year_to=2020))
    assert 14 in ids(recommend(full, movie_id=11, n=100))


def test_an_unknown_genre_is_a_problem_that_names_the_known_ones(full: TestClient) -> None:
    response = full.get("/recommend/", params={"movie_id": 1, "genres": "Polka"})
    assert response.status_code == 422
    assert response.json()["type"] == "urn:movierec:problem:unknown-genre"
    assert "Sci-Fi" in response.text
    assert "Polka" not in response.text


def test_diversity_changes_the_list_and_keeps_its_first(full: TestClient) -> None:
    straight, mixed = recommend(full, movie_id=2, n=4), recommend(full, movie_id=2, n=4, diversity=0.8)
    assert ids(straight)[0] == ids(mixed)[0]
    assert ids(straight) != ids(mixed)


def test_a_user_gets_own_taste_and_nothing_rated(full: TestClient) -> None:
    rated = set(MOVIE_IDS[user_item()[0].indices].tolist())
    body = recommend(full, user_id=1, n=100)
    assert body["query"] == {"user_id": 1, "ratings": len(rated), "matched": "user_id"}
    assert not rated & set(ids(body))
    assert ids(body)[0] < 10  # a space lover


def test_an_unknown_user_is_told_what_to_do(full: TestClient) -> None:
    response = full.get("/recommend/", params={"user_id": 999})
    assert response.status_code == 404
    assert "POST" in response.json()["detail"]


def post(client, body):
    response = client.post("/recommend/", json=body)
    assert response.status_code == 200, response.text
    Recommendations.model_validate(response.json())
    return response.json()


def test_a_new_person_is_folded_in_and_own_films_never_come_back(full: TestClient, full_bundle) -> None:
    body = post(full, {"ratings": [{"movie_id": 1, "rating": 5}, {"title": "moon thieves", "rating": 4}], "n": 3})
    matched = {"list": "ratings", "index": 1, "movie_id": 2, "title": "The Moon Thieves", "matched": "without_article"}
    assert body["query"].pop("titles") == [matched]
    assert body["query"] == {"user_id": None, "ratings": 2, "matched": "ratings", "unmatched": []}
    assert not {1, 2} & set(ids(body))
    model = Model.load(full_bundle)
    expected = model.for_profile(np.array([0, 1]), np.array([5, 4], dtype=np.float32), Wanted(n=3))
    assert ids(body) == [model.catalog.film(int(row)).movie_id for row in expected.rows]


def test_posting_a_users_ratings_answers_what_the_user_gets(full: TestClient) -> None:
    own = user_item()[1]
    ratings = [
        {"movie_id": int(MOVIE_IDS[row]), "rating": float(stars)}
        for row, stars in zip(own.indices, own.data, strict=True)
    ]
    posted, known = post(full, {"ratings": ratings, "n": 5}), recommend(full, user_id=2, n=5)
    assert ids(posted) == ids(known)
    scores = [[film["score"] for film in body["recommendations"]] for body in (posted, known)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_likes_by_id_and_title_count_and_stars_count_more(full: TestClient) -> None:
    liked = post(full, {"likes": [1, "The Moon Thieves"]})
    assert liked["query"]["ratings"] == 2
    assert ids(liked) == ids(post(full, {"ratings": [{"movie_id": 1, "rating": 5}, {"movie_id": 2, "rating": 5}]}))
    assert post(full, {"likes": [1], "ratings": [{"movie_id": 1, "rating": 0.5}]})["query"]["ratings"] == 1


def test_rating_a_second_entry_hides_the_film_itself(full: TestClient) -> None:
    assert 11 not in ids(post(full, {"likes": [16], "n": 100}))


def test_a_second_entry_stands_for_its_film(full: TestClient) -> None:
    asked = {"movie_id": 16, "likes": [1], "n": 100}
    assert full.post("/predict", json=asked).json()["movie"]["movie_id"] == 11
    assert full.post("/predict", json=asked).json()["place"]["kept_away_by"] == []
    assert 11 in ids(recommend(full, movie_id=12, n=100))
    assert 11 not in ids(recommend(full, movie_id=12, n=100, exclude=16))
    assert post(full, {"likes": [11, 16]})["query"]["ratings"] == 1


def test_without_any_film_there_is_a_start_list_of_well_liked_films(full: TestClient) -> None:
    body = post(full, {"n": 4})
    assert body["query"]["matched"] == "start"
    assert len(ids(body)) == 4
    assert {movie_id < 10 for movie_id in ids(body)} == {True, False}  # something for either taste


def test_each_entry_of_a_history_is_matched_by_itself(full: TestClient) -> None:
    ratings = [{"title": title, "rating": 5} for title in ("Star Voyage", "Star Voyge", "Twins", "moon thieves")]
    query = post(full, {"ratings": [*ratings, {"movie_id": 999, "rating": 2}], "likes": ["Twins", 2]})["query"]
    assert query["ratings"] == 2
    assert [(entry["index"], entry["movie_id"]) for entry in query["titles"]] == [(0, 1), (3, 2)]
    left_out = [(entry["list"], entry["index"], entry["reason"]) for entry in query["unmatched"]]
    assert left_out == [
        ("likes", 0, "ambiguous"),
        ("ratings", 1, "not-found"),
        ("ratings", 2, "ambiguous"),
        ("ratings", 4, "unknown-id"),
    ]
    first_candidates = [entry["candidates"][0] for entry in query["unmatched"][:3]]
    assert first_candidates[1]["movie_id"] == 1
    assert all(candidate["rating_count"] is not None for candidate in first_candidates)


def test_a_text_of_digits_is_a_title_and_no_id(full: TestClient) -> None:
    assert "unmatched" not in post(full, {"likes": [1]})["query"]
    query = post(full, {"likes": ["1", 2]})["query"]
    assert [(entry["index"], entry["reason"]) for entry in query["unmatched"]] == [(0, "not-found")]
    assert full.post("/predict", json={"likes": ["1"], "movie_id": 2}).json()["query"]["matched"] == "start"


def test_a_history_of_unknown_titles_alone_is_a_start_list_that_says_so(full: TestClient) -> None:
    query = post(full, {"likes": ["Star Voyge"]})["query"]
    assert (query["matched"], query["ratings"], len(query["unmatched"])) == ("start", 0, 1)
    assert post(full, {"likes": ["Star Voyge"], "fuzzy": True})["query"]["ratings"] == 1


@pytest.mark.parametrize(
    ("likes", "status", "member"),
    [(["Twins"], 409, "candidates"), (["Star Voyge"], 404, "suggestions"), ([1, 999], 404, "unmatched")],
)
def test_a_history_may_rather_fail_than_leave_out(full: TestClient, likes, status: int, member: str) -> None:
    response = full.post("/recommend/", json={"likes": likes, "on_unmatched": "fail"})
    assert response.status_code == status
    assert response.json()[member]
    assert response.json()["unmatched"][0]["list"] == "likes"


@pytest.mark.fault(43)
def test_a_long_history_is_looked_up_whole_and_searched_for_in_part(full: TestClient) -> None:
    titles = ["Star Voyage", *(f"Star Voyge {number}" for number in range(9_998)), "Moon Thieves"]
    query = post(full, {"likes": titles})["query"]
    assert [entry["index"] for entry in query["titles"]] == [0, 9_999]
    reasons = [entry["reason"] for entry in query["unmatched"]]
    assert reasons == ["not-found"] * SPELLINGS + ["not-searched"] * (9_998 - SPELLINGS)
    assert full.post("/recommend/", json={"likes": [*titles, 1]}).status_code == 422
    halves = {"likes": [1] * 5_001, "ratings": [{"movie_id": 1, "rating": 3}] * 5_000}
    assert full.post("/recommend/", json=halves).status_code == 422


@pytest.mark.fault(43)
@pytest.mark.parametrize(("entries", "rests"), [(64, False), (65, True)])
def test_a_long_history_rests_between_its_entries(full: TestClient, monkeypatch, entries: int, rests: bool) -> None:
    slept: list[float] = []
    clock = itertools.count(0.0, 1.0)
    monkeypatch.setattr(history, "time", SimpleNamespace(perf_counter=lambda: next(clock), sleep=slept.append))
    post(full, {"likes": [1] * entries})
    assert slept == ([2.0] * entries if rests else [])


def test_part_of_a_title_finds_the_film_or_says_which_it_may_be(full: TestClient) -> None:
    one = full.get("/recommend/", params={"title": "thieves", "fuzzy": True})
    assert one.json()["query"]["movie_id"] == 2
    several = full.get("/recommend/", params={"title": "Twin", "fuzzy": True})
    assert several.status_code == 409
    assert "movie_id" in several.json()["detail"]
    counts = [film["rating_count"] for film in several.json()["candidates"]]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    "body",
    [
        {"ratings": [{"movie_id": 1, "rating": 5.5}]},
        {"ratings": [{"movie_id": 1, "rating": "NaN"}]},
        {"ratings": [{"movie_id": 1, "title": "Heat", "rating": 3}]},
        {"ratings": [{"rating": 3}]},
        {"likes": [""]},
        {"likes": [1], "title": "Twins"},
        {"title": "Twins", "movie_id": 1},
        {"n": 0},
        {"candidates": []},
        {"diversity": 2},
        {"year_from": 2000, "year_to": 1990},
        {"surprise": True},
        {"model": "challenger"},  # that is a parameter of the address
        {"ratings": [{"movie_id": 1, "rating": 3}] * 10_001},
        {"on_unmatched": "guess"},
        [],
        "text",
    ],
)
def test_a_wrong_body_is_a_problem(live: httpx.Client, body) -> None:
    response = live.post("/recommend/", json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def explanations(body):
    return [(film["score"], film["explanation"]) for film in body["recommendations"]]


@pytest.mark.parametrize("question", [{"movie_id": 1}, {"user_id": 1}])
def test_reasons_add_up_to_the_score(full: TestClient, question) -> None:
    for score, told in explanations(recommend(full, **question, n=5, explain=True)):
        total = sum(reason["contribution"] for reason in told["reasons"]) + told["rest"]
        assert total == pytest.approx(score, abs=1e-5)
        assert told["reasons"]


def test_reasons_of_a_film_are_what_both_films_share(full: TestClient) -> None:
    body = recommend(full, movie_id=1, n=5, explain=True)
    told = {film["movie_id"]: film["explanation"]["reasons"] for film in body["recommendations"]}
    assert {(r["kind"], r["name"]) for r in told[2]} == {
        ("genre", "Sci-Fi"), ("director", "Ada Stern"), ("actor", "Max Rocket")
    }  # fmt: skip


def test_reasons_of_a_person_are_films_the_person_rated(full: TestClient) -> None:
    body = post(full, {"ratings": [{"movie_id": 1, "rating": 5}, {"movie_id": 11, "rating": 1}], "explain": True})
    reasons = body["recommendations"][0]["explanation"]["reasons"]
    assert {(r["kind"], r["movie_id"], r["rating"]) for r in reasons} == {("film", 1, 5.0), ("film", 11, 1.0)}
    assert reasons[0]["movie_id"] == 1  # the strongest first


def test_a_tag_is_not_both_boosted_and_suppressed(full: TestClient) -> None:
    for path, more in (("/recommend/", {"movie_id": 2}), ("/predict", {"movie_id": 2, "likes": [1]})):
        answer = full.post(path, json={"tag_boost": ["Horror"], "tag_suppress": ["genre:horror"], **more})
        assert answer.status_code == 422
        assert "tag_boost and tag_suppress both name genre:horror" in answer.json()["detail"]


def test_steering_moves_films_with_the_tag_up_and_is_a_reason(full: TestClient) -> None:
    plain = recommend(full, movie_id=2, n=10)
    steered = recommend(full, movie_id=2, n=10, tag_boost="Horror", explain=True)
    assert ids(steered).index(5) < ids(plain).index(5)
    assert ids(recommend(full, movie_id=2, n=10, tag_suppress="genre:Horror"))[-1] == 5
    for score, told in explanations(steered):
        assert sum(r["contribution"] for r in told["reasons"]) + told["rest"] == pytest.approx(score, abs=1e-5)
        assert told["reasons"][-1]["kind"] == "steering"


def test_an_unknown_tag_is_a_problem_and_tags_can_be_found(full: TestClient) -> None:
    assert full.get("/recommend/", params={"movie_id": 1, "tag_boost": "zydeco"}).status_code == 422
    found = Tags.model_validate(full.get("/tags", params={"q": "STERN"}).json()).tags
    assert [(tag.kind, tag.name, tag.movies) for tag in found] == [("director", "Ada Stern", 2)]


def test_answers_carry_a_tag_and_are_not_sent_twice(full: TestClient) -> None:
    first = full.get("/recommend/", params={"title": "Star Voyage"})
    for path in ("/recommend/", "/recommend"):
        again = full.get(path, params={"title": "Star Voyage"}, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]
    other = full.get("/recommend/", params={"title": "Star Voyage", "n": 2})
    assert other.headers["etag"] != first.headers["etag"]


def test_kept_answers_stay_within_their_bytes(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks in ever new ways must not fill the worker's memory."""
    monkeypatch.setattr(plain_calls, "CACHE_BYTES", 6000)
    service = client.app
    assert isinstance(service, Service)
    for n in range(1, 4):
        for movie_id in range(1, 6):
            query = f"movie_id={movie_id}&n={n}"
            for is_kept in (False, True):  # from the second time on
                assert client.get(f"/recommend/?{query}").status_code == 200
                cache = service.plain_calls._cache
                assert (query.encode() in cache) == is_kept
            assert 0 < sum(len(query) + len(answer.body) for query, answer in cache.items()) <= 6000


def test_a_connection_sends_at_once_what_the_application_would(client: TestClient) -> None:
    service = client.app
    assert isinstance(service, Service)
    assert service.at_once is not None
    for query in ("movie_id=1&n=3", "title=Star%20Voyage&n=2", "n=1&title=Star+Voyage"):
        expected = client.get(f"/recommend/?{query}", headers={"x-request-id": "one"})
        headers = [(b"host", b"localhost"), (b"x-request-id", b"one")]
        scope = {"method": "GET", "path": "/recommend/", "query_string": query.encode(), "headers": headers}
        answer = service.at_once(scope)
        assert answer is not None
        head, _, body = answer.partition(b"\r\n\r\n")
        assert (head, body) == (b"\r\n".join(b"%b: %b" % header for header in expected.headers.raw), expected.content)
        for other in (
            {"method": "HEAD"},
            {"path": "/movies/search"},
            {"headers": [*headers, (b"origin", b"http://x")]},
        ):
            assert service.at_once(scope | other) is None
