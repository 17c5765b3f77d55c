"""Events over HTTP: ids of lists, what is taken and refused, dismissals, erasure; with real processes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from online.recommendation_id import Subject, read_id
from online.signing_keys import read_keys
from online.store import DIRECTORY, EventReader, events_file
from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from testing.service import Service
from tests.serving.conftest import ready

TOKEN = {"authorization": "Bearer correct-horse"}
PLAIN = "/recommend/?movie_id=1&n=3"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, full_bundle: Path) -> Iterator[Service]:
    root = tmp_path_factory.mktemp("events")
    made = Service(root, events="true", admin_token="correct-horse", stale_after_seconds="3600")
    with ready(made, full_bundle) as running:
        yield running


@pytest.fixture
def api(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=30, trust_env=False) as opened:
        yield opened


def said(service: Service, answer: httpx.Response):
    keys = read_keys(service.store.root / DIRECTORY)
    assert keys is not None
    return read_id(answer.headers["x-recommendation-id"], keys.keys)


def stored(service: Service):
    reader = EventReader(events_file(service.store.root))
    events = [event for _, event in reader.events()]
    reader.close()
    return events


def films(answer: httpx.Response) -> list[int]:
    return [film["movie_id"] for film in answer.json()["recommendations"]]


def send_in_the_end(service: Service, event: Mapping[str, Any]) -> None:
    """Send an event until it is acknowledged, whatever dies meanwhile."""
    deadline = time.monotonic() + 60
    status = 0
    while status != 202:
        assert time.monotonic() < deadline
        with suppress(httpx.TransportError):
            url = f"http://127.0.0.1:{service.port}/events"
            status = httpx.post(url, json=event, timeout=30, trust_env=False).status_code
            assert status in {202, 503}


def send(
    api: httpx.Client, event: Mapping[str, Any], expected: int = 202, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Send one event, again while the writer is not there yet."""
    deadline = time.monotonic() + 60
    while (answer := api.post("/events", json=event, headers=headers)).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer.status_code == expected, answer.text
    return dict(answer.json())


def test_ids_say_what_a_list_was_for_and_differ(service: Service, api: httpx.Client) -> None:
    filtered = f"{PLAIN}&min_ratings=1"
    assert len({api.get(filtered).headers["x-recommendation-id"] for _ in range(2)}) == 2
    plain, again = api.get(PLAIN), api.get(PLAIN)
    assert plain.headers["etag"] == again.headers["etag"]
    by_title = api.get("/recommend/", params={"title": plain.json()["query"]["title"], "n": 3, "explain": "true"})
    by_user, posted = api.get("/recommend/?user_id=1&n=3"), api.post("/recommend/", json={"movie_id": 1, "n": 3})
    kinds = [said(service, answer)[1:4] for answer in (plain, by_title, by_user, posted)]
    assert kinds[0] == kinds[1] == kinds[3]
    assert kinds[0][0] == Subject.ITEM
    assert kinds[0][2] == 3
    assert kinds[2][0] == Subject.USER
    options = [f"{PLAIN}&min_ratings=1", f"{PLAIN}&diversity=0.5"]
    with_options = [said(service, api.get(address)) for address in options]
    assert {one.subject_kind for one in with_options} == {Subject.REQUEST}
    assert with_options[0].subject != with_options[1].subject
    assert len({said(service, answer).version for answer in (plain, by_user, posted)}) == 1


def test_only_lists_have_ids(api: httpx.Client) -> None:
    unchanged = api.get(PLAIN, headers={"if-none-match": api.get(PLAIN).headers["etag"]})
    assert unchanged.status_code == 304
    for answer in (unchanged, api.get("/movies/1"), api.get("/recommend/?title=No such film")):
        assert "x-recommendation-id" not in answer.headers


def test_each_event_is_checked_by_itself_and_the_valid_ones_are_kept(service: Service, api: httpx.Client) -> None:
    shown = api.get(PLAIN)
    token = shown.headers["x-recommendation-id"]
    events: list[dict[str, Any]] = [
        {"kind": "shown", "visitor": "kim", "movie_ids": films(shown), "recommendation_id": token, "event_id": "s"},
        {"kind": "clicked", "visitor": "kim", "movie_id": 2, "recommendation_id": token, "position": 2},
        {"kind": "rated", "visitor": "kim", "movie_id": 2, "rating": 4.5, "time": 1e9, "event_id": "r"},
        {"kind": "rated", "visitor": "kim", "movie_id": 2, "rating": 4.5, "event_id": "r"},
        {"kind": "rated", "visitor": "kim", "movie_id": 2, "rating": 9},
        {"kind": "clicked", "visitor": "kim", "movie_id": 2, "recommendation_id": token[:-6] + "AAAAAA"},
        {"kind": "watched", "visitor": "k" * 65, "movie_id": 2},
        {"kind": "watched", "visitor": "kim", "user_id": 1, "movie_id": 2},
        {"kind": "watched", "user_id": 1, "movie_id": 2},
        {"kind": "watched", "visitor": "kim", "movie_id": 2, "time": time.time() + 90_000},
        {"kind": "watched", "visitor": "kim", "movie_id": 2, "name": "Kim"},
        {"kind": "clicked", "visitor": "kim", "movie_id": 2},
    ]
    answer = send(api, {"events": events})
    assert (answer["accepted"], answer["new"]) == (4, 3)
    assert [one["index"] for one in answer["rejected"]] == list(range(4, 12))
    assert [one["errors"][0]["parameter"] for one in answer["rejected"]][:2] == ["rating", "recommendation_id"]
    mine = [event for event in stored(service) if event.visitor == "kim"]
    assert [event.kind for event in mine] == ["shown", "clicked", "rated"]
    assert mine[0].items == tuple(map(str, films(shown)))
    assert [mine[1].position, mine[2].time, mine[2].rating] == [2, 1e9, 4.5]
    assert send(api, events[4], 422)["rejected"][0]["errors"][0]["parameter"] == "rating"


def test_events_of_a_user_need_the_token(service: Service, api: httpx.Client) -> None:
    event = {"kind": "watched", "user_id": 1, "movie_id": 3, "event_id": "of-1"}
    assert send(api, event, 422)["rejected"][0]["errors"][0]["parameter"] == "user_id"
    send(api, event, 403, {"authorization": "Bearer wrong"})
    assert send(api, event, headers=TOKEN)["new"] == 1
    assert [event.items for event in stored(service) if event.user_id == "1"] == [("3",)]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"events": []}', b'{"events": [1]}', b'{"events": [{}], "n": 1}'])
def test_what_is_no_batch_is_refused_whole(api: httpx.Client, body: bytes) -> None:
    answer = api.post("/events", content=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.post("/events", json={"events": [{}] * 1001}).json()["errors"][0]["parameter"] == "events"


def test_a_full_batch_arrives_and_a_larger_body_does_not(api: httpx.Client) -> None:
    events = [{"kind": "watched", "visitor": "v" * 64, "movie_id": 2, "event_id": f"{n:0>64}"} for n in range(1000)]
    send(api, {"events": [{**event, "recommendation_id": "x" * 200} for event in events]}, 422)
    assert api.post("/events", content=b"x" * 2_000_000).status_code == 413
    assert api.post("/recommend/", content=b"x" * 2_200_000).status_code == 413


def test_dismissed_films_vanish_for_that_visitor_alone(api: httpx.Client) -> None:
    before = api.get(PLAIN)
    gone, ana = films(before)[0], {"x-visitor": "ana"}
    assert films(api.get(PLAIN, headers=ana)) == films(before)
    send(api, {"kind": "dismissed", "visitor": "ana", "movie_id": gone})
    for _ in range(8):  # whichever worker answers
        with httpx.Client(base_url=api.base_url, trust_env=False) as other:
            mine = other.get(PLAIN, headers={**ana, "if-none-match": before.headers["etag"]})
        assert gone not in films(mine)
        assert mine.headers["cache-control"] == "private"
        assert mine.headers["etag"] != before.headers["etag"]
    assert api.get(PLAIN, headers={**ana, "if-none-match": mine.headers["etag"]}).status_code == 304
    for others in ({"x-request-id": "r"}, {"x-visitor": "ben"}):
        answer = api.get(PLAIN, headers=others)
        assert films(answer) == films(before)
        assert "cache-control" not in answer.headers
    assert gone not in films(api.post("/recommend/", json={"movie_id": 1}, headers=ana))
    assert api.get(PLAIN, headers={"x-visitor": "a b"}).status_code == 422


def test_erased_visitors_leave_no_bytes(service: Service, api: httpx.Client) -> None:
    key = "visitor-77aa01"
    send(api, {"events": [{"kind": "dismissed", "visitor": key, "movie_id": 2}] * 5})
    address = f"/events?visitor={key}"
    assert api.delete(address).status_code == 401
    assert api.delete(address, headers={"authorization": "Bearer no"}).status_code == 403
    assert api.delete(address, headers=TOKEN).json() == {"removed": 5}
    left = b"".join(path.read_bytes() for path in (service.store.root / DIRECTORY).glob("events*"))
    assert key.encode() not in left
    assert key not in service.output()


@pytest.mark.parametrize("what", ["processes killed", "events removed"])
def test_events_are_taken_again_after(service: Service, what: str) -> None:
    send_in_the_end(service, {"kind": "watched", "visitor": "eve", "movie_id": 1, "event_id": what.replace(" ", "-")})
    if what == "events removed":
        shutil.rmtree(service.store.root / DIRECTORY)
    else:
        for process in service.workers():  # and the writer
            process.kill()
    send_in_the_end(service, {"kind": "watched", "visitor": "eve", "movie_id": 1, "event_id": "after"})
    kept = {event.event_id for event in stored(service) if event.visitor == "eve"}
    assert kept >= {"after"} | ({what.replace(" ", "-")} if what == "processes killed" else set())
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", trust_env=False) as api:
        service.wait(lambda: (service.store.root / DIRECTORY / "signing_keys.json").exists())
        service.wait(lambda: said(service, api.get(f"{PLAIN}&min_ratings=1")) is not None)


def test_too_many_events_are_told_when_to_come_again(tmp_path: Path, store: ModelStore) -> None:
    settings = Settings(events=True, events_per_second=100.0, store_dir=tmp_path / "models")
    with TestClient(create_app(settings, store), base_url="http://localhost") as client:
        batch = {"events": [{"kind": "watched", "visitor": "v", "movie_id": 1}] * 600}
        first, second = (client.post("/events", json=batch) for _ in range(2))
    assert (first.status_code, first.headers["retry-after"]) == (503, "1")  # there is no writer here
    assert second.status_code == 429
    assert 1 <= int(second.headers["retry-after"]) <= 2


def test_switched_off_there_is_nothing_of_it(client: TestClient) -> None:
    assert "x-recommendation-id" not in client.get(PLAIN).headers
    assert client.post("/events", json={}).status_code == 404
    assert client.delete("/events?visitor=v").status_code == 404
