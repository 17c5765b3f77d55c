"""What the API tells of the registry: newest versions, figures, verdicts and what was live, from a real registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from client import answers
from recommender.bundle import Metric
from serving.api.app import create_app
from serving.settings import Settings
from serving.versions import witness as keeping
from serving.versions.model_store import ModelStore
from serving.versions.puller import Puller
from serving.versions.registry import Registry, read_only
from serving.versions.snapshot import MOST_BYTES, SNAPSHOT, Snapshot, bounded, figures, read_snapshot, timeline
from serving.versions.witness import Witness
from training.promotion.promote import move_champion
from training.registry import REGISTERED_MODEL, Tracker, register_bundle


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch, mlflow_store: str, toy_bundle: Path) -> Tracker:
    """A registry whose champion is version 2, after version 1."""
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    made = Tracker(mlflow_store)
    for number in (1, 2):
        tags = {"verdict": "promote", "verdict_summary": f"summary of {number}", "dataset": "toy"}
        register_bundle(toy_bundle, tracker=made, tags=tags)
        move_champion(made, "promote", number, expected=number - 1 or None, verdict="promote", reason="better")
    return made


@pytest.fixture
def registry(tracker: Tracker) -> Registry:
    return Registry(tracker.uri, REGISTERED_MODEL)


def snapshot_of(store: ModelStore) -> Snapshot:
    snapshot = read_snapshot(store.root / SNAPSHOT)
    assert snapshot is not None
    return snapshot


def test_the_puller_writes_it_and_the_api_tells_it(tracker: Tracker, registry: Registry, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    with read_only():
        assert Puller(registry, store, Settings(), Witness(registry, store)).pull()
    with TestClient(create_app(Settings(), store), base_url="http://localhost") as client:
        told = answers.Versions.model_validate(client.get("/versions").json())
    assert [version.version for version in told.versions] == ["2", "1"]
    assert told.versions[0].aliases == ["champion"]
    assert told.versions[1].aliases == ["reference"]
    assert told.versions[0].verdict_summary == "summary of 2"
    (figure,) = told.versions[1].figures or []
    assert (figure.protocol, figure.name, figure.value, figure.lo, figure.hi) == (
        "latest20",
        "ndcg_at_10",
        0.5,
        0.4,
        0.6,
    )
    run = tracker.client.get_run(str(told.versions[0].run_id))
    assert told.versions[0].experiment_id == run.info.experiment_id
    key = f"2-{str(told.versions[0].run_id)[:8]}"
    assert [version.stored for version in told.versions] == [key, None]
    assert [(change.kind, change.version, change.before) for change in told.timeline] == [
        ("promote", 1, None),
        ("promote", 2, 1),
    ]
    with TestClient(create_app(Settings(tell_versions=False), store), base_url="http://localhost") as client:
        assert client.get("/versions").status_code == 404


def test_it_is_written_when_something_changed_and_after_a_while(
    tracker: Tracker, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelStore(tmp_path / "models")
    store.claim()
    witness = Witness(registry, store)
    witness.look()
    first = snapshot_of(store)
    witness.look()
    assert snapshot_of(store).taken_at == first.taken_at
    tracker.set_alias("candidate", 1)
    witness.look()
    second = snapshot_of(store)
    assert second.versions[1].aliases == ["candidate", "reference"]
    monkeypatch.setattr(keeping, "PAUSE", 0.0)
    witness.look()
    assert snapshot_of(store).taken_at > second.taken_at


def test_figures_of_many_versions_are_read_a_few_at_a_time(
    tracker: Tracker, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MANIFESTS_AT_ONCE", 1)
    store = ModelStore(tmp_path / "models")
    store.claim()
    witness = Witness(registry, store)
    known = []
    for _ in range(3):
        witness.look()
        known.append([version.figures is not None for version in snapshot_of(store).versions])
    assert known == [[True, False], [True, True], [True, True]]


def test_figures_that_were_out_of_reach_are_read_later(
    tracker: Tracker, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PAUSE", 0.0)
    store = ModelStore(tmp_path / "models")
    store.claim()
    witness = Witness(registry, store)
    artifacts = tmp_path / "mlruns" / "artifacts"
    artifacts.rename(tmp_path / "away")
    witness.look()
    assert [version.figures for version in snapshot_of(store).versions] == [None, None]
    (tmp_path / "away").rename(artifacts)
    witness.look()
    assert all(version.figures for version in snapshot_of(store).versions)


def test_it_stays_under_a_megabyte_and_drops_the_oldest_versions() -> None:
    figure = Metric(protocol="p" * 300, name="n" * 300, value=0.123456789, lo=0.1, hi=0.2)
    version = {
        "version": "1", "run_id": None, "algorithm": "a", "dataset": "d", "aliases": [], "created": 0.0,
        "verdict": None, "verdict_summary": None, "figures": figures([figure] * 500),
    }  # fmt: skip
    versions = [{**version, "version": str(number)} for number in range(100, 0, -1)]
    snapshot = bounded(Snapshot.model_validate({"taken_at": 0.0, "versions": versions, "timeline": []}))
    assert 0 < len(snapshot.model_dump_json()) <= MOST_BYTES
    assert snapshot.versions[0].version == "100"


@pytest.mark.parametrize(
    "tag",
    ["", "[]", "{}", json.dumps({"kind": "promote", "version": "x"}), json.dumps({"kind": "other", "version": 1})],
)
def test_broken_changes_are_left_out(tag: str) -> None:
    event: dict[str, Any] = {"kind": "rollback", "version": 1, "before": 2, "at": "now", "verdict": "v" * 9000}
    tags = {"promotion.000001": tag, "promotion.000002": json.dumps(event), "other": "x"}
    (change,) = timeline(tags)
    assert (change.kind, len(change.verdict)) == ("rollback", 300)


def test_numbers_that_json_cannot_hold_are_left_out() -> None:
    infinite = Metric(protocol="p", name="n", value=float("inf"))
    open_ended = Metric(protocol="p", name="n", value=1.0, lo=float("nan"), hi=2.0)
    assert [(one.value, one.lo, one.hi) for one in figures([infinite, open_ended])] == [(1.0, None, 2.0)]
