"""Places of lists that are left to chance, over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from online.recommendation_id import Recommendation, read_id
from online.signing_keys import read_keys
from online.store import DIRECTORY
from recommender.model import Model, Wanted
from serving.answering.explored import Exploration, explore
from serving.answering.recommend import similar_films
from serving.api.app import create_app
from serving.process.event_writer import prepare
from serving.schemas.recommend import RecommendQuery
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from serving.versions.served import Served
from tests.serving.conftest import copier, meta

CALL = "/recommend/?movie_id=1&n=4"
SOMEBODY = {"x-visitor": "somebody"}
SHARE = 0.25


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory, full_bundle: Path) -> Iterator[TestClient]:
    store = ModelStore(tmp_path_factory.mktemp("explored"))
    store.point("champion", store.install(meta(), copier(full_bundle)))
    settings = Settings(events=True, explore=SHARE, store_dir=store.root)
    prepare(settings)
    with TestClient(create_app(settings, store), base_url="http://localhost") as opened:
        yield opened


def films(answer: Any) -> list[int]:
    recommendations = answer.json()["recommendations"]
    assert [film["rank"] for film in recommendations] == list(range(1, len(recommendations) + 1))
    return [film["movie_id"] for film in recommendations]


def said(client: TestClient, answer: Any) -> Recommendation:
    keys = read_keys(client.app.plain_calls._ids._directory.parent / DIRECTORY)  # type: ignore[attr-defined]
    assert keys is not None
    recommendation = read_id(answer.headers["x-recommendation-id"], keys.keys)
    assert recommendation is not None
    return recommendation


def test_a_share_of_places_is_left_to_chance(explored: TestClient, full_bundle: Path) -> None:
    ranked = films(explored.get(CALL))
    model = Model.load(full_bundle)
    open_films = {int(model.movie_ids.raw(row)) for row in model.similar(model.movie_row(1), Wanted(100)).rows}
    answers = [explored.get(CALL, headers=SOMEBODY) for _ in range(400)]
    seen: Counter[int] = Counter()
    changed = 0
    for answer in answers:
        listed = films(answer)
        assert len(set(listed)) == 4
        strangers = [film for film in listed if film not in ranked]
        seen.update(strangers)
        changed += listed != ranked
        assert answer.headers["cache-control"] == "private"
        assert said(explored, answer).explored == SHARE * 10_000
    assert set(seen) == open_films - set(ranked)
    assert 0.4 < changed / 400 < 0.75  # no place is left to chance in 0.75 ** 4 of the lists
    assert max(seen.values()) < 3 * min(seen.values())  # drawn evenly
    assert len({answer.headers["etag"] for answer in answers}) == 400


def test_the_seed_in_the_id_gives_the_list_again(explored: TestClient) -> None:
    served = explored.app.plain_calls._slot.served  # type: ignore[attr-defined]

    def make(served: Served, options: RecommendQuery) -> bytes:
        return similar_films(served, served.model.movie_row(1), "movie_id", options)

    options = RecommendQuery(movie_id=1, n=4)
    for _ in range(20):
        answer = explored.get(CALL, headers=SOMEBODY)
        recommendation = said(explored, answer)
        exploration = Exploration(recommendation.explored / 10_000, recommendation.seed)
        assert explore(make(served, options), served, options, make, exploration) == answer.content


def test_a_film_by_chance_meets_the_filters(explored: TestClient) -> None:
    address = f"{CALL}&genres=Drama"
    everything = set(films(explored.get("/recommend/?movie_id=1&n=100&genres=Drama")))
    for _ in range(50):
        assert set(films(explored.get(address, headers=SOMEBODY))) <= everything


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        (CALL, {}),
        (f"{CALL}&offset=0", SOMEBODY),
        (f"{CALL}&diversity=0.3", SOMEBODY),
        (f"{CALL}&max_per_genre=2", SOMEBODY),
    ],
)
def test_other_lists_are_as_they_were(explored: TestClient, address: str, headers: dict[str, str]) -> None:
    expected = explored.get(address).json()["recommendations"]
    for _ in range(20):
        answer = explored.get(address, headers=headers)
        assert answer.json()["recommendations"] == expected
        assert said(explored, answer).explored == 0


def test_lists_for_posted_ratings_are_explored(explored: TestClient) -> None:
    body = {"ratings": [{"movie_id": 1, "rating": 5}], "n": 4}
    lists = {tuple(films(explored.post("/recommend/", json=body, headers=SOMEBODY))) for _ in range(30)}
    assert len(lists) > 5
    assert not any(1 in listed for listed in lists)
