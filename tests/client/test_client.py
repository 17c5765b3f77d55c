"""The typed client over answers of the service, also over those of a newer one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from client import answers
from client.client import Api, Json, Params
from client.errors import ApiUnexpected

MODEL: Json = {"name": "films", "version": "3", "run_id": None, "algorithm": "als", "stale": False}
FILM: Json = {
    "movie_id": 1, "title": "Toy Story", "year": 1995, "genres": ["Comedy"], "directors": [], "actors": [],
    "average_rating": 3.9, "rating_count": 452,
}  # fmt: skip


def api_that_answers(body: Json) -> Api:
    def answer(path: str, parameters: Params | Json) -> Json:
        return body

    return Api(answer, answer)


def test_members_that_a_newer_service_adds_are_ignored_at_every_depth() -> None:
    body = {"model": {**MODEL, "added": 1}, "movies": [{**FILM, "added": [1]}], "added": None}
    assert api_that_answers(body).search("toy") == [answers.Film.model_validate(FILM)]


def test_a_missing_member_is_named() -> None:
    film = {name: value for name, value in FILM.items() if name != "title"}
    with pytest.raises(ApiUnexpected, match=r"movies\.0\.title"):
        api_that_answers({"model": MODEL, "movies": [film]}).search("toy")


def test_a_data_set_is_read_with_the_figures_that_it_has() -> None:
    body = {"model": MODEL, "dataset": {"name": "toy", "fingerprint": "5f3c", "ratings": 50}, "histogram": []}
    assert api_that_answers(body).dataset() == answers.Snapshot(name="toy", ratings=50)


def test_the_answer_types_need_no_http_client() -> None:
    code = "import client.answers, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "pydantic" in loaded
    assert {"httpx", "httpcore", "fastapi", "numpy"}.isdisjoint(loaded)
