"""What the Models page shows of people and experiments: a real service with events, and visitors who click."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from client.answers import ExperimentState
from online.experiment import Experiment
from serving.versions.experiment import write_experiment
from serving.versions.model_store import ModelStore
from serving.versions.pointers import Slot
from testing.service import Service
from tests.webapp.conftest import Open, drawn
from tests.webapp.test_browser import browser, page, pytestmark, visit, web_page
from webapp.elements.online import check_row, experiment_figures, verdict

__all__ = ["browser", "page", "pytestmark"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, two_versions: ModelStore) -> Iterator[Service]:
    """A service with events whose second version turns lists round."""
    made = Service(
        tmp_path_factory.mktemp("online"), workers=1, events="true", stale_after_seconds="3600", watch_seconds="0.02"
    )
    slots: tuple[Slot, Slot] = ("champion", "challenger")
    for version, slot in enumerate(slots, 1):
        bundle = two_versions.root / "versions" / str(two_versions.served_key(slot)) / "bundle"
        made.store.point(slot, made.install(bundle, str(version)))
    with made as running:
        running.wait(lambda: running.status("/recommend/?movie_id=1&model=challenger") == 200)
        yield running


def weave(service: Service) -> None:
    """Run an experiment with woven lists in which each of thirty visitors gets a list and clicks its first film."""
    store = service.store
    keys = {slot: store.served_key(slot) for slot in ("champion", "challenger")}
    fields = {"name": "trial", **keys, "started_at": time.time(), "planned_visitors": 200, "mode": "interleave"}
    write_experiment(store.root, Experiment.model_validate(fields | {"share": 0.99, "rules": {"least_visitors": 10}}))
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=30, trust_env=False) as api:
        events: list[dict[str, object]] = []

        def answer_of(visitor: str) -> httpx.Response:
            return api.get("/recommend/?movie_id=1&n=3", headers={"x-visitor": visitor})

        # until the worker has read the record
        service.wait(lambda: answer_of("visitor-0").headers.get("cache-control", "").startswith("private"))
        for number in range(30):
            visitor = f"visitor-{number}"
            answer = answer_of(visitor)
            films = [film["movie_id"] for film in answer.json()["recommendations"]]
            common = {"visitor": visitor, "recommendation_id": answer.headers["x-recommendation-id"]}
            events += [{"kind": "shown", "movie_ids": films, **common}]
            events += [{"kind": "clicked", "movie_id": films[0], **common}]
        service.wait(lambda: api.post("/events", json={"events": events}).status_code == 202)
        service.wait(lambda: (api.get("/experiment").json().get("experiment") or {}).get("lists") == 30)


def test_without_an_experiment_the_page_says_so(open_page: Open) -> None:
    app = open_page("models")
    assert not app.exception
    assert "No experiment has compared two versions yet" in drawn(app)


def test_woven_lists_show_who_won_and_drift(service: Service, page: Page, tmp_path: Path) -> None:
    weave(service)
    with web_page(tmp_path, service.port) as address:
        visit(page, f"{address}/models")
        expect(page.get_by_role("heading", name="Online: what people did with the lists")).to_be_visible()
        expect(page.get_by_role("heading", name="Share of lists that the challenger won")).to_be_visible()
        expect(page.get_by_text("Champion: version 1")).to_be_visible()
        expect(page.locator("[data-testid=stVegaLiteChart] .mark-area path")).to_have_count(1)
        expect(page.locator("[data-testid=stVegaLiteChart] .mark-line path")).to_have_count(3)
        expect(page.get_by_role("heading", name="How far people are from the training data")).to_be_visible()
        expect(page.get_by_role("cell", name="No more dislikes than the champion")).to_be_visible()


def test_divided_visitors_are_told_as_a_gain_with_its_interval_and_its_end() -> None:
    settings = {
        "name": "trial", "champion": "1-0a", "challenger": "2-0b", "mode": "ab", "share": 0.5, "metric": "click_rate",
        "started_at": 0.0, "window_days": 1.0, "minimum_days": 7.0, "planned_visitors": 200, "like": 4.0,
        "rules": {"error": 0.05, "margin": 0.05, "least_visitors": 100, "least_successes": 10, "least_coverage": 0.8},
        "ended_at": 86_400.0, "ended_because": "version 2 was promoted",
    }  # fmt: skip
    look = {"time": 86_400.0, "champion": 110.0, "challenger": 120.0, "value": 0.02, "lower": -0.01, "upper": 0.05}
    check = {"holds": False, "champion": 0.01, "challenger": 0.2}
    state = ExperimentState.model_validate(
        {"settings": settings, "state": "refuse", "reasons": ["errors out of bounds"], "champion_value": 0.25,
         "lists": 400, "ties": 0, "days": 1.0, "checks": {"errors": check}, "looks": [look]}
    )  # fmt: skip
    assert verdict(state) == (
        "The challenger must not take over: errors out of bounds. It ended on 1970-01-02: version 2 was promoted."
    )
    assert check_row("errors", state.checks["errors"], is_woven=False) == {
        "What must hold": "No more errors than the champion", "Holds": "no", "Champion": "1.0%", "Challenger": "20%",
    }  # fmt: skip
    figures = {label: (value, text) for value, label, text in experiment_figures(state)}
    assert figures["gain in lists clicked"] == ("+0.020", "the champion has 0.250 a list")
    assert figures["95 % interval"] == ("-0.010 to +0.050", "0 is no difference")
    early = state.model_copy(update={"looks": (), "state": "running", "reasons": ("too few visitors",)})
    assert "95 % interval" not in {label for _, label, _ in experiment_figures(early)}
