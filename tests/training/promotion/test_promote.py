"""Promotion, rollback and their history, in a real registry."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from recommender.errors import (
    BundleError,
    GateRefusedError,
    LostRaceError,
    MissingInputError,
    MovierecError,
    UsageError,
)
from recommender.model import Model
from tests.conftest import copy_store, fill
from tests.toy import build_arrays, save_toy
from tests.training.promotion.test_gate import evaluations
from tests.training.small import log_evaluation
from training.evaluation.significance import compare
from training.promotion import gate, report
from training.promotion import promote as promotion
from training.promotion.answer_cost import Cost
from training.promotion.promote import champion_stack, history, promote, rollback
from training.registry import CHALLENGER, CHAMPION, REFERENCE, Tracker, register_bundle

ROOT = Path(__file__).parents[3]


def force(number, tracker):
    promote(number, force=True, reason="trial", tracker=tracker)


@pytest.fixture(autouse=True, scope="module")
def quick():
    """An empty picture and fewer draws: they take longer than everything else here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "differences", lambda *args: Figure())
        patch.setattr(gate, "compare", partial(compare, draws=1000))
        patch.setattr(promotion, "measure", lambda bundle: Cost(5.0, 100.0))
        yield


@pytest.fixture
def tracker(mlflow_store):
    return Tracker(mlflow_store)


@pytest.fixture
def register(tracker, tmp_path):
    """Register a version of the toy model with planted evaluations; gives its number."""
    return registrar(tracker, tmp_path / "bundle")


def registrar(tracker, bundle):
    save_toy(bundle)

    def make(people_gain=0.0, titles_gain=0.0, **tags):
        seed = len(tracker.versions())
        judged = {"people_protocol": "temporal", "titles_protocol": "item2item", "judging_key": "same"}
        version = register_bundle(bundle, tracker=tracker, tags={**judged, "configuration": str(seed), **tags})
        for evaluation in evaluations(people_gain, titles_gain, seed=seed).values():
            log_evaluation(tracker, version.run_id, evaluation)
        return version.number

    return make


@pytest.fixture(scope="module")
def with_champion(migrated_store, tmp_path_factory, quick):
    """A store with a champion, version 2, promoted over popularity, version 1."""
    root = tmp_path_factory.mktemp("champion")
    copy_store(migrated_store.parent, root / "mlruns")
    tracker = Tracker(f"sqlite:///{root}/mlruns/mlflow.db")
    register = registrar(tracker, root / "bundle")
    register(-0.3, -0.3, algorithm="popularity")
    promote(register(), tracker=tracker)
    return root / "mlruns"


@pytest.fixture
def champion(with_champion, mlflow_store):
    """Version 2 of a copy of that store. To be asked for before `tracker`, which opens the store."""
    copy_store(with_champion, Path(mlflow_store.removeprefix("sqlite:///")).parent)
    return 2


def aliased(tracker, alias=CHAMPION):
    found = tracker.aliased(alias)
    return found.number if found else None


def test_the_first_champion_must_beat_popularity(register, tracker):
    with pytest.raises(
        GateRefusedError,
        match=r"popularity was not trained on the same data\. Run `movierec train popularity --dataset .+` first",
    ):
        promote(register(), tracker=tracker)
    register(0.0, 0.0, algorithm="popularity")
    with pytest.raises(GateRefusedError, match="worse than popularity"):
        promote(register(-0.2, -0.2), tracker=tracker)
    assert aliased(tracker) is None
    good = register(0.2, 0.2)
    promote(good, tracker=tracker)
    assert aliased(tracker) == aliased(tracker, REFERENCE) == good


def test_better_is_promoted_worse_refused_and_equal_left_undecided(champion, register, tracker):
    worse, equal, better = register(-0.1, -0.1), register(), register(0.1, 0.1)
    with pytest.raises(GateRefusedError, match="was not promoted: it is worse than the champion"):
        promote(worse, tracker=tracker)
    with pytest.raises(GateRefusedError, match="--accept-undecided"):
        promote(equal, tracker=tracker)
    assert (aliased(tracker), aliased(tracker, CHALLENGER)) == (champion, equal)
    promote(better, tracker=tracker)
    assert aliased(tracker) == better
    assert [tracker.version(n).tags["verdict"] for n in (worse, equal, better)] == ["refuse", "undecided", "promote"]


def test_an_undecided_challenger_can_be_accepted_and_a_refused_one_only_forced(champion, register, tracker):
    equal, worse = register(), register(-0.1, -0.1)
    promote(equal, accept_undecided=True, tracker=tracker)
    assert (tracker.version(equal).tags["verdict"], aliased(tracker, CHALLENGER)) == ("accepted", None)
    with pytest.raises(GateRefusedError):
        promote(worse, accept_undecided=True, tracker=tracker)
    with pytest.raises(UsageError, match="--reason"):
        promote(worse, force=True, tracker=tracker)
    promote(worse, force=True, reason="a trial", tracker=tracker)
    tags = tracker.version(worse).tags
    assert (tags["verdict"], tags["verdict_reason"]) == ("forced", "a trial")
    assert tags["verdict_summary"].startswith("refuse: worse than the champion")


def test_a_refusal_is_a_sentence_over_a_table_of_what_led_to_it(champion, register, tracker):
    worse = register(-0.1, -0.1)
    with pytest.raises(GateRefusedError) as refused:
        promote(worse, tracker=tracker)
    sentence, lines, table, *notes, advice = str(refused.value).split("\n\n")
    assert [line.partition(":")[0] for line in lines.splitlines()] == ["offline", "experiment", "answers"]
    assert sentence == f"Version {worse} was not promoted: it is worse than the champion, beyond chance."
    head, *rows = table.splitlines()
    assert head.split("  ")[1:2] == ["figure"]
    assert any(row.strip().startswith("temporal/ndcg_at_10") for row in rows)
    assert all("champion" in row for row in rows)
    assert [note.partition(" is not guarded: ")[0] for note in notes] == [
        "temporal/disliked_share_at_10",
        "temporal/least_active_ndcg_at_10",
    ]
    assert f"movierec promote --version {worse} --force --reason TEXT" in advice


def test_the_report_stays_in_the_run_of_the_version(champion, tracker, tmp_path):
    run_id = tracker.version(champion).run_id
    (folder,) = tracker.client.list_artifacts(run_id, "promotion")
    files = {Path(each.path).name for each in tracker.client.list_artifacts(run_id, folder.path)}
    assert files == {"report.md", "verdict.json", "differences.png"}
    kept = json.loads(tracker.artifact(run_id, f"{folder.path}/verdict.json", tmp_path).read_text())
    assert kept["outcome"] == "promote"
    assert {guard["rival"] for guard in kept["guards"]} == {"popularity"}


def test_the_reference_stays_and_stops_small_steps_down(champion, register, tracker):
    first = aliased(tracker, REFERENCE)
    force(register(-0.06, -0.06), tracker)
    with pytest.raises(GateRefusedError, match="worse than the champion and the reference"):
        promote(register(0.1, -0.1), tracker=tracker)
    assert aliased(tracker, REFERENCE) == first == champion


def test_versions_of_another_data_set_are_not_compared(champion, register, tracker):
    tracker.tag_version(champion, {"dataset": "other"})
    challenger = register(0.2, 0.2)
    with pytest.raises(GateRefusedError, match="trained on toy, champion 2 on other"):
        promote(challenger, tracker=tracker)
    force(challenger, tracker)
    assert aliased(tracker) == aliased(tracker, REFERENCE) == challenger


def test_on_newer_data_the_champion_is_represented_by_its_own_configuration(champion, register, tracker):
    newer = {"data_fingerprint": "newer"}
    configuration = tracker.version(champion).tags["configuration"]
    challenger = register(0.1, 0.1, **newer)
    with pytest.raises(GateRefusedError, match="trained on other data or judged in another way"):
        promote(challenger, tracker=tracker)
    register(-0.3, -0.3, algorithm="popularity", **newer)
    refreshed = register(0.0, 0.0, configuration=configuration, **newer)
    promote(challenger, tracker=tracker)
    assert aliased(tracker) == challenger
    rollback(tracker=tracker)
    promote(refreshed, tracker=tracker)  # the champion's own configuration has to beat popularity only
    assert aliased(tracker) == refreshed


@pytest.mark.parametrize("changed", [{"data_fingerprint": "newer"}, {"judging_key": "other"}])
def test_a_reference_that_cannot_be_compared_is_said_to_be_missing(champion, register, tracker, changed):
    second = register(0.0, 0.0)
    force(second, tracker)
    register(0.0, 0.0, configuration=tracker.version(second).tags["configuration"], **changed)
    challenger = register(0.1, 0.1, **changed)
    promote(challenger, tracker=tracker)
    told = tracker.version(challenger).tags["verdict_summary"]
    assert f"Not compared with the reference: version {champion} was trained on other data" in told


@pytest.mark.fault(18)
def test_rollback_goes_back_step_by_step_and_history_reads_back(champion, register, tracker, mlflow_store):
    second, third = register(), register()
    force(second, tracker)
    force(third, tracker)
    assert rollback(tracker=tracker) == second == aliased(tracker)
    assert rollback(tracker=tracker) == champion == aliased(tracker)
    with pytest.raises(MissingInputError, match="No earlier champion"):
        rollback(tracker=tracker)
    force(third, tracker)
    assert rollback(tracker=tracker) == champion

    told = [(event.kind, event.version, event.before) for event in history(Tracker(mlflow_store))]
    assert told == [
        ("promote", champion, None),
        ("promote", second, champion),
        ("promote", third, second),
        ("rollback", second, third),
        ("rollback", champion, second),
        ("promote", third, champion),
        ("rollback", champion, third),
    ]
    assert champion_stack(history(tracker)) == [champion]


def test_a_version_that_was_champion_twice_does_not_hide_those_in_between(champion, register, tracker):
    second, third = register(), register()
    for number in (second, champion, third):
        force(number, tracker)
    assert [rollback(tracker=tracker) for _ in range(3)] == [champion, second, champion]


def test_rollback_mends_an_alias_that_was_moved_by_hand(champion, register, tracker):
    tracker.set_alias(CHAMPION, register())
    assert rollback(tracker=tracker) == champion == aliased(tracker)


def test_promoting_the_champion_again_is_a_mistake(champion, tracker):
    with pytest.raises(UsageError, match="champion already"):
        force(champion, tracker)


@pytest.mark.fault(17)
@pytest.mark.parametrize("poison", ["nan", "truncated", "constant"])
def test_a_broken_bundle_is_not_promoted_even_by_force(poison, champion, tracker, tmp_path, monkeypatch):
    bundle = tmp_path / "poisoned" / "bundle"
    if poison != "truncated":
        arrays = build_arrays()
        name = "content" if poison == "nan" else "neighbour_scores"
        arrays[name] = np.full_like(arrays[name], np.nan if poison == "nan" else 1.0)
        monkeypatch.setattr("tests.toy.build_arrays", lambda: arrays)
    save_toy(bundle)
    version = register_bundle(bundle, tracker=tracker)
    if poison == "truncated":
        (stored,) = (tmp_path / "mlruns").rglob(f"{_model_of(tracker, version)}/artifacts/artifacts/bundle/content.npy")
        stored.write_bytes(stored.read_bytes()[:-1])
    with pytest.raises((BundleError, GateRefusedError)):
        force(version.number, tracker)
    assert aliased(tracker) == champion
    assert "verdict" not in tracker.version(version.number).tags


def _model_of(tracker, version):
    return tracker.client.get_model_version("movielens-recommender", str(version.number)).source.removeprefix(
        "models:/"
    )


def test_who_compared_with_another_champion_loses(champion, register, tracker, monkeypatch):
    slow, fast = register(), register()
    run_gate = promotion._run_gate

    def overtaken(*judged):
        monkeypatch.setattr(promotion, "_run_gate", run_gate)
        force(fast, tracker)
        return run_gate(*judged)

    monkeypatch.setattr(promotion, "_run_gate", overtaken)
    with pytest.raises(LostRaceError, match=f"compared with champion {champion}.*version {fast} became"):
        force(slow, tracker)
    assert aliased(tracker) == fast
    assert [(event.kind, event.version, event.before) for event in history(tracker)][-2:] == [
        ("promote", fast, champion),
        ("lost", slow, fast),
    ]


# Two processes that have both judged against the same champion before either moves it, many times over.
RACE = """
import multiprocessing, os, sys
from recommender.errors import LostRaceError
from training.promotion import promote as promotion
from training.promotion.gate import Verdict
from training.registry import CHAMPION, Tracker

ROUNDS = int(sys.argv[2])
barrier = multiprocessing.get_context("fork").Barrier(2)
promotion.check_bundle = lambda *args: None

def planted_verdict(tracker, version, champion, online):
    barrier.wait(60)
    return Verdict("promote", ["planted"])

promotion._run_gate = planted_verdict

def racer(which):
    tracker = Tracker(sys.argv[1])
    for _ in range(ROUNDS):
        barrier.wait(60)
        champion = tracker.aliased(CHAMPION).number
        barrier.wait(60)
        try:
            promotion.promote([n for n in (1, 2, 3) if n != champion][which], tracker=tracker)
            os.write(1, b"won\\n")
        except LostRaceError:
            os.write(1, b"lost\\n")

children = []
for which in range(2):
    child = os.fork()
    if not child:
        racer(which)
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@pytest.mark.fault(12)
def test_of_two_promotions_at_once_one_wins_and_history_names_both(register, tracker, mlflow_store):
    rounds = 100 if os.environ.get("CI") else 20
    for _ in range(3):
        register()
    tracker.set_alias(CHAMPION, 1)
    done = subprocess.run(
        [sys.executable, "-c", RACE, mlflow_store, str(rounds)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == ["lost"] * rounds + ["won"] * rounds
    events = history(tracker)
    assert len(events) == 2 * rounds
    for won, lost in zip(events[::2], events[1::2], strict=True):
        assert (won.kind, lost.kind, lost.before) == ("promote", "lost", won.version)
        assert won.version != lost.version
    assert aliased(tracker) == events[-2].version


def test_a_store_has_one_lock_however_its_address_is_spelled(tracker, monkeypatch):
    monkeypatch.setattr(promotion, "LOCK_SECONDS", 0.0)
    with (
        promotion.lock(tracker),
        pytest.raises(LostRaceError, match="has not ended"),
        promotion.lock(Tracker("sqlite:///mlruns/mlflow.db")),
    ):
        pass


@pytest.mark.fault(10)
def test_a_full_disk_fails_the_run_and_leaves_the_champion(champion, tracker, tmp_path, monkeypatch):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    save_toy(tmp_path / "bundle")
    store = (tmp_path / "mlruns" / "mlflow.db").stat().st_size
    monkeypatch.setattr("training.registry.run._PYFUNC_FILE", _large_file(tmp_path, 4 * store))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * store, limits[1]))
    try:
        with pytest.raises(MovierecError, match=r"Is the disk full\?"):
            register_bundle(tmp_path / "bundle", tracker=tracker)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert aliased(tracker) == champion == tracker.versions()[0].number
    assert tracker.client.search_runs([tracker.experiment("toy")])[0].info.status == "FAILED"


@pytest.mark.fault(10)
def test_on_a_full_disk_the_champion_stays_and_can_be_loaded(small_disk, tmp_path, request, monkeypatch):
    save_toy(tmp_path / "bundle")
    small_disk(tmp_path / "mlruns", 16 << 20)
    champion, tracker = request.getfixturevalue("champion"), request.getfixturevalue("tracker")  # on the small disk
    monkeypatch.setattr("training.registry.run._PYFUNC_FILE", _large_file(tmp_path, 1 << 20))
    fill(tmp_path / "mlruns", left=1 << 19)
    with pytest.raises(MovierecError, match=r"disk is full(.|\n)*Is the disk full\?"):
        register_bundle(tmp_path / "bundle", tracker=tracker)
    assert aliased(tracker) == champion == tracker.versions()[0].number
    assert tracker.client.search_runs([tracker.experiment("toy")])[0].info.status == "RUNNING"  # no room for more
    assert len(Model.load(tracker.bundle(champion, tmp_path)).catalog.counts)


def _large_file(tmp_path, size):
    file = tmp_path / "pyfunc_model.py"
    file.write_bytes(b"#" * size)
    return file
