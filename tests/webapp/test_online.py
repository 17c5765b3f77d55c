"""What the Models page shows of people and experiments: a real service with events, and visitors who click."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from online.experiment import Experiment
from serving.versions.experiment import write_experiment
from serving.versions.model_store import ModelStore
from testing.service import Service
from tests.webapp.conftest import Open, drawn
from tests.webapp.test_browser import browser, page, pytestmark, visit, web_page

__all__ = ["browser", "page", "pytestmark"]
VISITORS = 230  # bounds of divided visitors begin at a hundred of each version


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, two_versions: ModelStore) -> Iterator[Service]:
    """A service with events whose second version turns lists round."""
    made = Service(
        tmp_path_factory.mktemp("online"), workers=1, events="true", stale_after_seconds="3600", watch_seconds="0.02"
    )
    for version, slot in (("1", "champion"), ("2", "challenger")):
        bundle = two_versions.root / "versions" / str(two_versions.served_key(slot)) / "bundle"
        made.store.point(slot, made.install(bundle, version))
    with made as running:
        running.wait(lambda: running.status("/recommend/?movie_id=1&model=challenger") == 200)
        yield running


def run_experiment(service: Service, **changes: object) -> None:
    """Run an experiment in which every visitor gets a list and clicks its first film."""
    store = service.store
    keys = {slot: store.served_key(slot) for slot in ("champion", "challenger")}
    fields = {"name": "trial", **keys, "started_at": time.time(), "planned_visitors": 200, "minimum_days": 0} | changes
    write_experiment(store.root, Experiment.model_validate(fields))
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=30, trust_env=False) as api:
        events: list[dict[str, object]] = []
        for number in range(VISITORS):
            visitor = f"{changes.get('mode', 'ab')}-{number}"
            answer = api.get("/recommend/?movie_id=1&n=3", headers={"x-visitor": visitor})
            films = [film["movie_id"] for film in answer.json()["recommendations"]]
            common = {"visitor": visitor, "recommendation_id": answer.headers["x-recommendation-id"]}
            events += [{"kind": "shown", "movie_ids": films, **common}]
            events += [{"kind": "clicked", "movie_id": films[0], **common}]
        service.wait(lambda: api.post("/events", json={"events": events}).status_code == 202)


def test_without_an_experiment_the_page_says_so(open_page: Open) -> None:
    app = open_page("models")
    assert not app.exception
    assert "No experiment has compared two versions yet" in drawn(app)


def test_woven_lists_show_who_won_and_drift(service: Service, page: Page, tmp_path: Path) -> None:
    run_experiment(service, mode="interleave", share=0.99)
    with web_page(tmp_path, service.port) as address:
        visit(page, f"{address}/models")
        expect(page.get_by_role("heading", name="Online: what people did with the lists")).to_be_visible()
        expect(page.get_by_role("heading", name="Share of lists that the challenger won")).to_be_visible()
        expect(page.get_by_text("Champion: version 1")).to_be_visible()
        expect(page.locator("[data-testid=stVegaLiteChart] .mark-area path")).to_have_count(1)
        expect(page.locator("[data-testid=stVegaLiteChart] .mark-line path")).to_have_count(3)
        expect(page.get_by_role("heading", name="How far people are from the training data")).to_be_visible()
        expect(page.get_by_text("Holds: no more dislikes than the champion")).to_be_visible()


def test_divided_visitors_show_the_gain_and_how_it_ended(service: Service, open_page: Open) -> None:
    run_experiment(service, name="divided", window_days=1e-5)
    time.sleep(0.9)  # until the last visitor's window is over
    record = Experiment.model_validate_json((service.store.root / "experiment.json").read_bytes(), extra="ignore")
    write_experiment(
        service.store.root, record.model_copy(update={"ended_at": time.time(), "ended_because": "a trial"})
    )
    app = open_page("models", url=f"http://127.0.0.1:{service.port}")
    assert not app.exception
    text = drawn(app)
    assert "Gain of the challenger" in text
    assert "gain in lists clicked" in text
    assert ": a trial." in text
    assert "Holds: visitors are divided as planned" in text
