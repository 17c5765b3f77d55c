"""From files of one's own to an answered call, with the ids, the scale and the words of those files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from recommender.films.ids import RawId
from serving.api.app import create_app
from serving.process.puller_process import puller_of
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from tests.training.datasets.tabular.conftest import books, pairs, write_rows
from training.datasets.store import prepare
from training.datasets.tabular.source import build_source
from training.pipeline.train import train
from training.promotion.promote import promote
from training.registry import Tracker

Serve = Callable[..., TestClient]


@pytest.fixture
def serve(tmp_path: Path, mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Prepares files, trains, promotes, pulls, and gives a client of the service."""
    clients: list[TestClient] = []
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")

    def run(**keys: Any) -> TestClient:
        dataset = prepare("own", source=build_source(keys, "test"), processed_root=tmp_path / "processed")
        tracker = Tracker(mlflow_store)
        (trained,) = train("als", dataset, overrides=["factors=8"], tracker=tracker)
        promote(trained.version, force=True, reason="the only one", tracker=tracker)
        settings = Settings(store_dir=tmp_path / "models", tracking_uri=mlflow_store)
        with puller_of(settings) as puller:
            assert puller.pull()
        client = TestClient(create_app(settings, ModelStore(settings.store_dir)), base_url="http://localhost")
        client.__enter__()
        clients.append(client)
        return client

    yield run
    for client in clients:
        client.__exit__(None, None, None)


def asked(client: TestClient, **query: Any) -> Any:
    answer = client.get("/recommend/", params={"n": 5, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def require_own_taste(client: TestClient, frame: pd.DataFrame, users: str, items: str) -> None:
    """Ask about items and for a user: ids come back as they stand in the files, and similar items are of one taste."""
    taste = dict(zip(frame[items], frame["item"] % 2, strict=True))
    item: RawId = frame[items].iloc[0]
    similar = asked(client, movie_id=item)
    assert similar["query"]["movie_id"] == item
    alike = []
    for query in frame[items].unique()[:10].tolist():
        found = [film["movie_id"] for film in asked(client, movie_id=query)["recommendations"]]
        alike += [taste[one] == taste[query] for one in found]
    assert np.mean(alike) > 0.6
    user: RawId = frame[users].iloc[0]
    person = asked(client, user_id=user)
    assert person["query"]["user_id"] == user
    assert {film["movie_id"] for film in person["recommendations"]} <= set(taste)


def test_purchases_with_text_ids_in_parquet(serve: Serve, tmp_path: Path) -> None:
    bought = pairs()
    bought = bought[bought["liked"]].assign(
        customer=lambda rows: [f"c/{user:03d}" for user in rows["user"]],
        sku=lambda rows: [f"Ü={item} ☃" for item in rows["item"]],
        when=lambda rows: pd.to_datetime(rows["second"], unit="s"),
    )
    path = write_rows(tmp_path / "bought.parquet", bought[["customer", "sku", "when"]])
    client = serve(interactions=path, user="customer", item="sku", time="when")
    require_own_taste(client, bought, "customer", "sku")
    person = asked(client, user_id="c/001")
    assert "predicted_rating" not in person["recommendations"][0], "there are no ratings to predict"
    liked = client.post("/recommend/", json={"likes": [bought["sku"].iloc[0]], "n": 3}).json()
    assert len(liked["recommendations"]) == 3


def test_ten_stars_with_dates_in_a_compressed_csv(serve: Serve, tmp_path: Path) -> None:
    rated = pairs().assign(
        stars=lambda rows: np.where(rows["liked"], 9, 3),
        day=lambda rows: pd.to_datetime(rows["second"], unit="s").dt.date.astype(str),
    )
    rated.loc[:1, "stars"] = [1, 10]
    path = write_rows(tmp_path / "rated.csv.gz", rated[["user", "item", "stars", "day"]])
    client = serve(interactions=path, user="user", item="item", rating="stars", time="day")
    require_own_taste(client, rated, "user", "item")
    body = {"ratings": [{"movie_id": 3, "rating": 10}, {"movie_id": 5, "rating": 1}], "n": 3}
    assert client.post("/recommend/", json=body).status_code == 200
    body["ratings"] = [{"movie_id": 3, "rating": 11}]
    assert "less than or equal to 10" in client.post("/recommend/", json=body).text
    assert [bar["stars"] for bar in client.get("/analytics/summary").json()["histogram"]] == list(range(1, 11))


def test_thumbs_in_json_lines(serve: Serve, tmp_path: Path) -> None:
    thumbs = pairs().assign(thumb=lambda rows: np.where(rows["liked"], 1, -1))
    path = write_rows(tmp_path / "thumbs.jsonl", thumbs)
    client = serve(interactions=path, user="user", item="item", rating="thumb", time="second")
    require_own_taste(client, thumbs, "user", "item")
    assert [bar["stars"] for bar in client.get("/analytics/summary").json()["histogram"]] == [-1, 1]


def test_books_with_authors_publisher_and_description(serve: Serve, tmp_path: Path) -> None:
    read = pairs()
    read = read[read["liked"]].assign(isbn=lambda rows: books()["isbn"].to_numpy()[rows["item"]])
    client = serve(
        interactions=write_rows(tmp_path / "read.tsv.zst", read[["user", "isbn", "second"]], separator="\t"),
        user="user", item="isbn", time="second",
        items=write_rows(tmp_path / "books.csv", books(), separator=";"), title="title", year="published",
        list="authors", category="publisher", text="description", word="book:books",
    )  # fmt: skip
    require_own_taste(client, read, "user", "isbn")
    found = asked(client, title="love of 1 a book", fuzzy=True)["recommendations"]
    assert found[0]["facets"]["publisher"] in (["Ace"], ["Orbit"])
    by_one = asked(client, movie_id="978-0001-X", facet="authors:Bob 0")["recommendations"]
    assert {name for book in by_one for name in book["facets"]["authors"] if name.startswith("Bob")} == {"Bob 0"}
    assert client.get("/recommend/", params={"movie_id": "978-0001-X", "facet": "editor:Ann"}).status_code == 422


def test_three_kinds_of_weighted_events(serve: Serve, tmp_path: Path) -> None:
    seen = pairs()
    events = pd.concat([seen.assign(kind="viewed"), seen[seen["liked"]].assign(kind="bought")])
    path = write_rows(tmp_path / "events.csv", events, separator="|")
    weights = {"viewed": 1, "carted": 3, "bought": 5}
    client = serve(interactions=path, user="user", item="item", event="kind", weights=weights, time="second")
    require_own_taste(client, seen, "user", "item")


def test_ids_above_2_to_the_53(serve: Serve, tmp_path: Path) -> None:
    rated = pairs().assign(
        sku=lambda rows: [str(2**63 + item) for item in rows["item"]],
        account=lambda rows: [f"{user:05d}" for user in rows["user"]],
        stars=lambda rows: np.where(rows["liked"], 5, 2),
    )
    path = write_rows(tmp_path / "large.csv", rated[["account", "sku", "stars", "second"]])
    client = serve(interactions=path, user="account", item="sku", rating="stars", time="second")
    require_own_taste(client, rated, "account", "sku")
