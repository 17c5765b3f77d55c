"""From a registry to the store: what is taken, what is refused, and what a lost registry changes."""

from __future__ import annotations

import grp
import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from online.experiment import Experiment
from recommender.bundle import read_manifest, save_bundle
from recommender.errors import UsageError
from serving.settings import Settings
from serving.versions import puller as pulling
from serving.versions.experiment import read_experiment, write_experiment
from serving.versions.model_store import ModelStore
from serving.versions.puller import Puller
from serving.versions.sharing import GROUP_UMASK
from serving.versions.turn import Turn
from tests.serving.versions.fake_registry import FakeRegistry
from tests.toy import build_arrays, build_manifest


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def local(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def make(registry: Any, local: ModelStore, **settings: Any) -> Puller:
    return Puller(registry, local, Settings(**settings))


def served(local: ModelStore) -> str | None:
    entry = local.current("champion")
    return entry.meta.version if entry else None


@contextmanager
def polling(puller: Puller) -> Iterator[None]:
    """Let a puller look at its registry again and again during the block."""
    stop = threading.Event()
    thread = threading.Thread(target=puller.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def poisoned(path: Path, **arrays: Any) -> Path:
    save_bundle(path, build_manifest(), build_arrays() | arrays)
    return path


def test_it_follows_the_alias_and_fetches_once(registry, local, toy_bundle) -> None:
    puller = make(registry, local)
    registry.register("1", toy_bundle)
    assert puller.pull()
    assert puller.pull()
    registry.register("2", toy_bundle)
    puller.pull()
    assert served(local) == "2"
    registry.register("1", toy_bundle)  # a rollback needs no download
    puller.pull()
    assert served(local) == "1"
    assert registry.fetched == ["1", "2"]
    assert local.status().confirmed == {"champion": local.served_key("champion")}


def test_a_version_of_another_run_is_fetched_though_its_run_id_begins_alike(registry, local, toy_bundle) -> None:
    puller = make(registry, local)
    registry.register("1", toy_bundle)
    puller.pull()
    registry.aliases["champion"] = replace(registry.aliases["champion"], run_id="00000000ffff")
    puller.pull()
    assert registry.fetched == ["1", "1"]
    assert local.current("champion").meta.run_id == "00000000ffff"


@pytest.mark.fault(16)
def test_a_lost_registry_changes_nothing_but_the_status(registry, local, toy_bundle) -> None:
    puller = make(registry, local)
    registry.register("1", toy_bundle)
    puller.pull()
    registry.down = True
    assert not puller.pull()
    assert served(local) == "1"
    status = local.status()
    assert (status.reachable, status.error, status.confirmed) == (False, "gone", {})


@pytest.mark.fault(17)
def test_a_deleted_alias_leaves_the_last_version_serving(registry, local, toy_bundle) -> None:
    puller = make(registry, local)
    registry.register("1", toy_bundle)
    puller.pull()
    registry.aliases.clear()
    assert puller.pull()
    assert served(local) == "1"
    assert local.status().confirmed == {}


NAN = build_arrays()["content"].copy()
NAN[0, 0] = np.nan


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("arrays", "settings", "reason"),
    [
        ({"content": NAN}, {}, "not finite"),
        ({"neighbour_scores": np.ones((12, 5), np.float32)}, {}, "same score"),
        ({"neighbour_rows": np.full((12, 5), -1, np.int32), "content": np.zeros((12, 2), np.float32)}, {}, ""),
        ({"neighbour_rows": np.full((12, 5), 99, np.int32)}, {}, "points outside"),
        ({"history_movies": build_arrays()["history_movies"] + 12}, {}, "points outside"),
        ({"user_factors": np.zeros((10, 3), np.float32)}, {}, "for people"),
        ({"catalog_text": np.zeros(3, np.uint8)}, {}, "Array catalog_text: expected offsets"),
        ({"facets_items": build_arrays()["facets_items"] + 12}, {}, "points outside"),
        ({"catalog_years": np.zeros(3, np.int16)}, {}, "catalog_years"),
        ({}, {"minimum_movies": 1000}, "at least 1000 films"),
        ({}, {"expected_dataset": "ml-100k"}, "data set ml-100k"),
    ],
)
def test_a_bad_model_is_refused_and_the_old_one_serves_on(
    registry, local, toy_bundle, tmp_path, arrays, settings, reason
) -> None:
    registry.register("1", toy_bundle)
    make(registry, local).pull()
    registry.register("2", poisoned(tmp_path / "bad", **arrays))
    make(registry, local, **settings).pull()
    assert served(local) == "1"
    (refusal,) = local.status().refusals
    assert refusal.version == "2"
    assert reason in refusal.reason
    assert [entry.meta.version for entry in local.entries()] == ["1"]


@pytest.mark.fault(17)
@pytest.mark.parametrize("verdict", ["promote", "forced", "accepted"])
def test_a_version_that_the_gate_let_through_is_served(registry, local, toy_bundle, verdict: str) -> None:
    registry.register("1", toy_bundle, verdict=verdict)
    make(registry, local).pull()
    assert served(local) == "1"


@pytest.mark.fault(17)
@pytest.mark.parametrize("verdict", ["", "refuse", "undecided"])
def test_a_version_that_the_gate_did_not_let_through_is_served_only_where_allowed(
    registry, local, toy_bundle, verdict: str
) -> None:
    registry.register("1", toy_bundle)
    make(registry, local).pull()
    registry.register("2", toy_bundle, verdict=verdict)
    make(registry, local).pull()
    assert served(local) == "1"
    assert "gate" in local.status().refusals[0].reason
    make(registry, local, allow_unjudged=True).pull()
    assert served(local) == "2"


@pytest.mark.fault(13)
def test_every_damaged_file_is_refused(registry, local, toy_bundle, tmp_path) -> None:
    registry.register("1", toy_bundle)
    make(registry, local).pull()
    versions = itertools.count(2)
    for name in [*read_manifest(toy_bundle).files, "manifest"]:
        for damage in ("flipped", "cut", "missing"):
            bad = tmp_path / f"{name}-{damage}"
            shutil.copytree(toy_bundle, bad)
            file = bad / ("manifest.json" if name == "manifest" else f"{name}.npy")
            content = bytearray(file.read_bytes())
            content[-1] ^= 1
            if damage == "missing":
                file.unlink()
            else:
                file.write_bytes(content if damage == "flipped" else content[:-1])
            version = str(next(versions))
            registry.register(version, bad)
            puller = make(registry, local)
            puller.pull()
            assert puller.status.refusals[-1].version == version
            assert served(local) == "1"


@pytest.mark.parametrize("damage", ["cut", "missing", "flipped"])
def test_a_damaged_local_copy_is_fetched_again(registry, local, toy_bundle, damage: str) -> None:
    registry.register("1", toy_bundle)
    make(registry, local).pull()
    entry = local.current("champion")
    assert entry is not None
    file = entry.bundle / "content.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink()
    if damage != "missing":
        file.write_bytes(content if damage == "flipped" else content[:-1])
    if damage == "flipped":  # seen when the version is taken again, for instance after a rollback
        local.point("champion", None)
    make(registry, local).pull()
    assert registry.fetched == ["1", "1"]
    assert file.read_bytes() == (toy_bundle / "content.npy").read_bytes()
    assert served(local) == "1"


def test_a_refused_version_is_tried_again_after_a_pause(registry, local, toy_bundle, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pulling, "RETRY_BASE", 0.02)
    puller = make(registry, local)
    registry.register("1", tmp_path / "not-there-yet")
    puller.pull()
    assert served(local) is None
    puller.pull()
    assert registry.fetched == ["1"]  # not at once
    registry.bundles["1"] = toy_bundle
    time.sleep(0.05)
    puller.pull()
    assert served(local) == "1"


def test_the_challenger_follows_its_alias_and_goes_with_it(registry, local, toy_bundle) -> None:
    puller = make(registry, local, challenger_alias="challenger")
    registry.register("1", toy_bundle)
    registry.register("2", toy_bundle, alias="challenger", verdict="undecided")
    puller.pull()
    assert local.served_key("challenger") is not None
    del registry.aliases["challenger"]
    puller.pull()
    assert local.served_key("challenger") is None
    assert served(local) == "1"


def test_it_polls_until_told_to_stop(registry, local, toy_bundle) -> None:
    registry.register("1", toy_bundle)
    with polling(make(registry, local, poll_seconds=0.01)):
        wait_until(lambda: served(local) == "1")


def is_locked(store: Path) -> bool:
    turn = Turn(store)
    is_ours = turn.take()
    turn.give_up()
    return not is_ours


@pytest.mark.fault(59)
def test_of_two_pullers_one_stands_by_until_the_other_ends(local, toy_bundle, capsys) -> None:
    local.claim()
    first, second = FakeRegistry(), FakeRegistry()
    first.register("1", toy_bundle)
    second.register("2", toy_bundle)
    with polling(make(first, local, poll_seconds=0.01)):
        wait_until(lambda: served(local) == "1")
        with polling(make(second, local, poll_seconds=0.01)):
            wait_until(lambda: "another_process_pulls" in capsys.readouterr().out)
            assert served(local) == "1"
            assert second.fetched == []
    with polling(make(second, local, poll_seconds=0.01)):
        wait_until(lambda: served(local) == "2")


@pytest.mark.fault(59)
def test_a_store_that_is_made_anew_is_pulled_into(registry, local, toy_bundle) -> None:
    registry.register("1", toy_bundle)
    with polling(make(registry, local, poll_seconds=0.01)):
        wait_until(lambda: served(local) == "1")
        shutil.rmtree(local.root.rename(local.root.with_name("gone")))  # at once: the puller writes into it
        wait_until(lambda: served(local) == "1")
        wait_until(lambda: is_locked(local.root))


def test_old_versions_leave_the_store(registry, local, toy_bundle) -> None:
    puller = make(registry, local, keep_versions=2)
    for number in range(1, 5):
        registry.register(str(number), toy_bundle)
        puller.pull()
    assert {entry.meta.version for entry in local.entries()} == {"3", "4"}


@pytest.mark.fault(44)
def test_a_store_that_cannot_be_written_ends_no_puller_and_heals(registry, local, toy_bundle) -> None:
    registry.register("1", toy_bundle)
    puller = make(registry, local)
    assert puller.pull()
    shutil.rmtree(local.root / "versions")
    (local.root / "versions").write_text("")  # whoever the user is, no directory can be made here
    assert not puller.pull()
    assert not puller.pull()
    assert "cannot be kept" in str(puller.status.error)
    (local.root / "versions").unlink()
    assert puller.pull()
    assert served(local) == "1"


@pytest.mark.fault(44)
def test_whatever_a_look_raises_is_told_and_the_next_look_may_succeed(registry, local, toy_bundle, monkeypatch) -> None:
    registry.register("1", toy_bundle)
    puller = make(registry, local)
    with monkeypatch.context() as broken:
        broken.delattr(FakeRegistry, "aliased")
        assert not puller.pull()
    assert "AttributeError" in str(local.status().error)
    assert puller.pull()


@pytest.mark.fault(45)
def test_a_store_is_shared_with_a_group_and_with_nobody_else(registry, local, toy_bundle, monkeypatch) -> None:
    registry.register("1", toy_bundle)
    make(registry, local).pull()  # as it was before the setting
    group = grp.getgrgid(os.getegid()).gr_name
    before = os.umask(GROUP_UMASK)
    try:
        shared = ModelStore(local.root, group)
        registry.register("2", toy_bundle)
        make(registry, shared).pull()
    finally:
        os.umask(before)
    assert served(local) == "2"
    copied = local.current("champion").bundle  # keeps the modes of what the fake registry copied
    paths = [path for path in local.root.rglob("*") if not path.is_relative_to(copied)]
    assert {path.stat().st_mode & 0o7777 for path in paths if path.is_dir()} == {0o2750}
    assert {path.stat().st_mode & 0o7777 for path in paths if path.is_file()} == {0o640}
    with pytest.raises(UsageError, match="MOVIEREC_STORE_GROUP 'nobody-here'"):
        ModelStore(local.root, "nobody-here").claim()


@pytest.mark.parametrize("usual", [None, "canary"])  # the challenger that is compared without an experiment
def test_an_experiment_brings_its_challenger_and_takes_it_away(registry, local, toy_bundle, usual) -> None:
    puller = make(registry, local, events=True, challenger_alias=usual)
    registry.register("1", toy_bundle)
    registry.register("2", toy_bundle, alias="challenger")
    puller.pull()
    assert (served(local), local.served_key("challenger")) == ("1", None)
    keys = [f"{version}-{f'{version:>032}'[:8]}" for version in "12"]
    running = Experiment(name="trial", champion=keys[0], challenger=keys[1], started_at=1.0, planned_visitors=100)
    write_experiment(local.root, running)
    puller.pull()
    assert local.served_key("challenger") == keys[1]
    write_experiment(local.root, running.model_copy(update={"ended_at": 2.0}))
    puller.pull()
    assert local.is_empty("challenger")


@pytest.mark.fault(38)
def test_a_damaged_experiment_is_written_anew(registry, local, toy_bundle) -> None:
    registry.register("1", toy_bundle)
    puller = make(registry, local, events=True)
    experiment = Experiment(name="trial", champion="1-a", challenger="2-b", started_at=1.0, planned_visitors=100)
    local.claim()
    write_experiment(local.root, experiment)
    puller.pull()
    record = local.root / "experiment.json"
    for content in (record.read_bytes()[:-9], b"", None):
        record.unlink()
        if content is not None:
            record.write_bytes(content)
        puller.pull()
        assert read_experiment(local.root) == experiment
