"""Hostile and careless input: problems, never a failure, and nothing of it repeated."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from testing.service import Service

MARK = "zq9xw"
PLAIN = "/recommend/?title=Star%20Voyage&n=3"  # answered without FastAPI; the toy has too few films for n=10


def problem(response, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert {"type", "title", "status", "detail"} <= body.keys()
    assert body["status"] == status


@pytest.mark.fault(22)
@pytest.mark.parametrize("n", ["0", "-1", "101", "abc", "NaN", "1e2", "1e30", "10.0", "1_0", "+5", "٣", "", "9" * 400])
def test_a_wrong_count_is_a_problem(live: httpx.Client, n: str) -> None:
    problem(live.get(f"/recommend/?title=Star%20Voyage&n={quote(n)}"), 422)


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    "query",
    [
        f"title=Star%20Voyage&{MARK}=1",
        "title=Star%20Voyage&n=3&n=4",
        f"title={MARK}&title={MARK}",
        "n=3",
        "",
        "title=Star%20Voyage&movie_id=1",
        "movie_id=-1",
        "user_id=1e3",
        f"movie_id={MARK}",
        f"movie_id=1&diversity={MARK}",
        "movie_id=1&diversity=nan",
        "movie_id=1&diversity=1.01",
        "movie_id=1&year_from=20000",
        "movie_id=1&explain=perhaps",
        f"movie_id=1&model={MARK}",
    ],
)
def test_a_wrong_query_is_a_problem_that_repeats_nothing(live: httpx.Client, query: str) -> None:
    response = live.get(f"/recommend/?{query}")
    problem(response, 422)
    assert MARK not in response.text


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    "path",
    [
        "/movies/1",
        "/movies/1/ratings",
        "/movies/1/features",
        "/movies/1/over-time",
        "/movies/1/compare/2",
        "/analytics/summary",
        "/analytics/genres",
        "/map",
        "/model",
    ],
)
def test_an_unknown_parameter_is_a_problem_everywhere(live: httpx.Client, path: str) -> None:
    assert live.get(path).status_code == 200
    problem(live.get(f"{path}?{MARK}=1"), 422)


@pytest.mark.fault(23)
@pytest.mark.parametrize("title", ["", " ", "\u3000", "a" * 201, "a" * 60_000])
def test_a_title_without_sense_is_a_problem(live: httpx.Client, title: str) -> None:
    problem(live.get("/recommend/", params={"title": title}), 422)


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "raw",
    [
        "'%20OR%201=1--",
        "..%2f..%2fetc%2fpasswd",
        "%3Cscript%3E",
        "{{7*7}}",
        "%00",
        "a%0d%0aSet-Cookie:%20x=1",
        "%e2%80%aeevil",
        "%ff%fe",
        "%c3",
        "%ed%a0%80",
        "%zz",
        "%F0%9F%8E%AC",
        "a%E2%81%A6b",
    ],
)
def test_hostile_titles_are_problems_and_inject_nothing(live: httpx.Client, raw: str, live_service: Service) -> None:
    response = live.get(f"/recommend/?title={raw}{MARK}")
    assert response.status_code in {404, 422}
    problem(response, response.status_code)
    assert MARK not in response.text
    assert not any(MARK in value or "\n" in value for value in response.headers.values())
    assert MARK not in live_service.output()


@pytest.mark.fault(24)
def test_hostile_paths_are_problems(live: httpx.Client) -> None:
    for path in ["/movies/..%2f..%2fetc", "/movies/%00", "/movies/1%0d%0a", f"/{MARK}", "/movies/" + "9" * 400]:
        response = live.get(path)
        assert response.status_code in {404, 422}
        assert MARK not in response.text


@pytest.mark.fault(25)
def test_a_misspelt_title_is_suggested_first_and_asked_for_by_its_link(live: httpx.Client) -> None:
    for typed in ("Star Voyge", "Satr Voyage", "Sttar Voyag", "voyage star"):
        missing = live.get("/recommend/", params={"title": typed})
        problem(missing, 404)
        first = missing.json()["suggestions"][0]
        assert first["title"] == "Star Voyage"
        assert live.get(first["link"]).json()["query"]["title"] == "Star Voyage"


def test_a_wrong_method_is_a_problem(full: TestClient) -> None:
    for path, methods in (("/recommend/", "GET, POST"), ("/recommend", "GET, POST"), ("/movies/1", "GET")):
        response = full.delete(path)
        problem(response, 405)
        assert response.headers["allow"] == methods


@pytest.mark.parametrize(
    ("sent", "parameter", "message"),
    [
        ({"json": {"likes": [True]}}, "likes.0", "decimal digits"),
        ({"json": {"likes": [{"a": 1}]}}, "likes.0", "string"),
        ({"json": {MARK: 1}}, None, "/docs"),
        ({"json": {"movie_id": 1, "title": "Heat"}}, None, "expected at most one of"),
        ({"data": {"likes": "1"}}, None, "content-type: application/json"),
    ],
)
def test_a_wrong_body_is_told_in_words_that_help(full: TestClient, sent, parameter, message: str) -> None:
    errors = full.post("/recommend/", **sent).json()["errors"]
    assert {error["parameter"] for error in errors} == {parameter}
    assert any(message in error["message"] for error in errors)


@pytest.mark.parametrize("content", [b"", b"{", b'{"n": 1e999}', b"\xff\xfe", b'{"likes": [' * 500])
def test_a_body_that_is_no_json_is_a_problem(full: TestClient, content: bytes) -> None:
    problem(full.post("/recommend/", content=content, headers={"content-type": "application/json"}), 422)


def test_a_large_body_is_refused_whether_it_says_its_size_or_not(full: TestClient) -> None:
    large = json.dumps({"likes": ["a" * 200] * 15_000}).encode()
    problem(full.post("/recommend/", content=large), 413)
    problem(full.post("/recommend/", content=iter([large[:50_000], large[50_000:]])), 413)
    for length in ("-5", "9" * 5000, "1e3"):
        problem(full.post("/recommend/", headers={"content-length": length}), 413)


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("title=Twins&genre=Drama", "genres"),
        ("titel=Twins", "title"),
        ("title=Twins&minRatings=3", "min_ratings"),
        ("user=3", "user_id"),
        ("title=Twins&ablest=3", None),
        ("title=Twins&" + "g" * 5000 + "=3", None),
    ],
)
def test_a_near_miss_of_a_parameter_is_named_and_never_repeated(full: TestClient, query: str, meant: str) -> None:
    response = full.get(f"/recommend/?{query}")
    problem(response, 422)
    message = next(fault["message"] for fault in response.json()["errors"] if "no such name" in fault["message"])
    assert message.endswith(f"; did you mean `{meant}`?" if meant else "; /docs lists those that there are")
    assert not any(f"{pair.partition('=')[0]}`" in response.text for pair in query.split("&")[1:])


def test_a_near_miss_within_a_body_is_named(full: TestClient) -> None:
    response = full.post("/recommend/", json={"ratings": [{"titel": "Twins", "rating": 3}], "diversty": 1})
    found = {fault["parameter"]: fault["message"] for fault in response.json()["errors"]}
    assert "`title`" in found["ratings.0"]
    assert "`diversity`" in found[None]


@pytest.mark.fault(27)
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "localhost:80:80", "127.0.0.1.nip.io"])
def test_a_foreign_host_is_a_problem(live: httpx.Client, host: str) -> None:
    for path in [PLAIN, "/readyz"]:
        problem(live.get(path, headers={"host": host}), 400)


@pytest.mark.fault(27)
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000"])
def test_own_hosts_are_answered(live: httpx.Client, host: str) -> None:
    assert live.get(PLAIN, headers={"host": host}).status_code == 200


@pytest.mark.fault(27)
def test_a_foreign_origin_is_a_problem_and_no_answer_invites_one(live: httpx.Client) -> None:
    for path in [PLAIN, "/model"]:
        for origin in ["https://evil.example", "null", ""]:
            problem(live.get(path, headers={"origin": origin}), 400)
        own = live.get(path, headers={"origin": "http://localhost:8501"})
        assert own.status_code == 200
        assert not [name for name in own.headers if name.startswith("access-control")]


@pytest.mark.fault(27)
def test_a_named_origin_may_read_answers(store: ModelStore) -> None:
    settings = Settings(allowed_origins=["https://films.example"])
    with TestClient(create_app(settings, store), base_url="http://localhost") as client:
        origin = {"origin": "https://films.example"}
        answer = client.get("/model", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://films.example"
        asked = client.options("/recommend/", headers={**origin, "access-control-request-method": "POST"})
        assert asked.status_code == 204
        assert "POST" in asked.headers["access-control-allow-methods"]
        assert "access-control-allow-origin" not in client.get("/model").headers


def test_request_ids_are_unique_and_a_callers_own_is_kept_where_it_is_harmless(full: TestClient) -> None:
    seen = {full.get(PLAIN).headers["x-request-id"] for _ in range(20)}
    assert len(seen) == 20
    for path in ("/model", PLAIN):
        assert full.get(path, headers={"x-request-id": "trace-1.2_3"}).headers["x-request-id"] == "trace-1.2_3"
        assert full.get(path, headers={"x-request-id": "a b\tc"}).headers["x-request-id"] != "a b\tc"


@pytest.mark.fault(29)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", ["versions", "refresh"])
def test_admin_addresses_do_not_exist_without_a_token(live: httpx.Client, path: str, method: str) -> None:
    assert live.request(method, f"/admin/{path}").status_code in {404, 405}
