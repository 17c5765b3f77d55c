"""The pipeline on a small data set, in a real tracking store."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recommender import home
from recommender.errors import DataError, GateRefusedError, MovierecError, UsageError
from recommender.model import Model
from tests.training.small import EVENTS, TEN, small_dataset, with_ratings
from training.bundling.build import BundleBuilder, compose
from training.config import CONFIG_ROOT
from training.datasets.store import prepare
from training.datasets.synth.files import write_twin
from training.datasets.synth.world import load_synthetic_config
from training.evaluation.difference import Agreement
from training.models import COMPOSITE, NAMES, configure
from training.pipeline import plan, record, stages, train
from training.pipeline.judge import TrainingSplit, fit
from training.pipeline.plan import make_plan
from training.pipeline.record import Recorder
from training.progress import silent
from training.promotion.promote import promote
from training.registry import CHAMPION, Tracker
from training.splits.cut import all_ratings, splits
from training.splits.protocol import load_protocol

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def quick(request, monkeypatch, tmp_path_factory):
    """One training seed, and figures only where a test looks at them."""
    configs = tmp_path_factory.mktemp("configs")
    text = (CONFIG_ROOT / "training.yaml").read_text()
    (configs / "training.yaml").write_text(text.replace("  small: 3\n", "  small: 1\n"))
    monkeypatch.setattr(plan, "CONFIG_ROOT", configs)
    if "figures" not in request.fixturenames:
        monkeypatch.setattr(record, "draw", lambda plan, evaluations, path: path.mkdir())
        monkeypatch.setattr(record, "save_model_figures", lambda *args: None)


@pytest.fixture
def figures():
    """Asks for the real figures."""


@pytest.fixture
def tracker(mlflow_store):
    return Tracker(mlflow_store)


def values(trained):
    return {(metric.protocol, metric.name): metric.value for metric in trained.metrics}


def test_train_all_registers_every_model_and_last_the_composite(tracker, tmp_path):
    dataset = small_dataset()
    trained = train.train("all", dataset, tracker=tracker)

    assert [each.version for each in trained] == list(range(1, len(trained) + 1))
    assert trained[-1].algorithm == "recommender"
    model = Model.load(tracker.bundle(trained[-1].version, tmp_path))
    by_name = {each.algorithm: values(each) for each in trained}
    # The composite answers titles as the blend does and predicts ratings as stars does, and so it was judged.
    assert model.manifest.parameters["item"]["algorithm"] == "blend"
    assert by_name["recommender"]["item2item", "ndcg_at_10"] == by_name["blend"]["item2item", "ndcg_at_10"]
    assert by_name["recommender"]["latest20", "rmse"] == by_name["stars"]["latest20", "rmse"]
    chosen = model.manifest.parameters["user"]["algorithm"]
    assert by_name["recommender"]["latest20", "ndcg_at_10"] == by_name[chosen]["latest20", "ndcg_at_10"]
    # Refitted on everything, and the figures name the run that computed them.
    assert model.catalog.counts.sum() == len(dataset.ratings)
    assert {metric.run_id for metric in model.manifest.metrics} == {trained[-1].run_id}
    assert not list(home.training_stages().glob("small-*-0"))


@pytest.mark.usefixtures("figures")
def test_every_run_tells_what_it_was_made_of(tracker, tmp_path):
    (trained,) = train.train("popularity", small_dataset(), tracker=tracker, seed=3)
    run = tracker.client.get_run(trained.run_id)
    assert run.data.tags.items() >= {"seed": "3", "protocols": "latest20,item2item,temporal"}.items()
    assert run.data.metrics["latest20/ndcg_at_10"] == values(trained)["latest20", "ndcg_at_10"]
    assert not [name for name in run.data.metrics if name.endswith(("_lo", "_hi"))]
    table = json.loads(tracker.artifact(trained.run_id, "intervals.json", tmp_path).read_text())
    assert table["columns"] == ["protocol", "metric", "value", "lo", "hi"]
    (interval,) = [row for row in table["data"] if row[:2] == ["latest20", "ndcg_at_10"]]
    assert interval[3] <= interval[2] <= interval[4]
    assert run.info.run_name == "popularity seed=3"
    assert "refitted on all" in run.data.tags["mlflow.note.content"]
    version = tracker.client.get_model_version("movielens-recommender", str(trained.version))
    assert version.description == run.data.tags["mlflow.note.content"]
    assert tracker.client.get_registered_model("movielens-recommender").description
    assert (
        tracker.client.get_logged_model(version.source.removeprefix("models:/")).params.items() >= {"seed": "3"}.items()
    )
    experiment = tracker.client.get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(experiment.tags["mlflow.sharedViewState.figures"])
    assert view["selectedColumns"][0] == view["orderByKey"] == "metrics.`latest20/ndcg_at_10`"
    artifacts = {each.path for each in tracker.client.list_artifacts(trained.run_id, "figures")}
    assert {"figures/people_metrics.png", "figures/nearest_films.png"} <= artifacts
    evaluations = {each.path for each in tracker.client.list_artifacts(trained.run_id, "evaluations")}
    assert evaluations == {f"evaluations/{name}.npz" for name in ("latest20", "item2item", "temporal")}


# Every model by every protocol, as a training judges them before anything is registered.
METRICS = """
import dataclasses, json, sys
from pathlib import Path
from tests.training.small import EVENTS, TEN, small_dataset, with_ratings
from training.progress import silent
from training.pipeline import judge
from training.pipeline.checkpoints import Workspace
from training.pipeline.plan import make_plan
from training.pipeline.stages import Training

judge.SIDE_BY_SIDE = int(sys.argv[2])
plan = dataclasses.replace(make_plan("all", small_dataset(), seed=1), trainings=1)
training = Training(plan, Workspace(Path(sys.argv[1])), silent)
print(json.dumps({
    f"{model.name} {protocol}/{metric.name}": metric.value
    for model in training.finish(training.recipes(), dict)
    for protocol, evaluation in model.evaluations.items()
    for metric in evaluation.metrics
}))
"""


def test_two_processes_with_the_same_seed_give_the_same_figures_of_every_model(tmp_path):
    runs = [start_script(METRICS, tmp_path / str(fits_at_once), fits_at_once) for fits_at_once in (1, 3)]
    first, second = (json.loads(run.communicate()[0]) for run in runs)
    assert {name.split()[0] for name in first} == {*NAMES, COMPOSITE}
    assert len({name.split()[1].split("/")[0] for name in first}) == 3
    assert first == pytest.approx(second, abs=1e-6)


def test_a_finished_stage_is_not_done_again_after_a_crash(tracker, monkeypatch):
    with monkeypatch.context() as first:
        first.setattr(Recorder, "_record", crash)
        with pytest.raises(ZeroDivisionError):
            train.train("popularity", small_dataset(), tracker=tracker)
    assert tracker.versions() == []

    # Nothing is fitted or judged any more, and no bundle built.
    monkeypatch.setattr(TrainingSplit, "evaluate", crash)
    monkeypatch.setattr(BundleBuilder, "save", crash)
    train.train("popularity", small_dataset(), tracker=tracker)
    assert [version.number for version in tracker.versions()] == [1]
    assert not list(home.training_stages().glob("small-*-0")), "what the first training left is gone too"


def test_stages_of_other_code_are_not_gone_on_from(tracker, monkeypatch):
    with monkeypatch.context() as first:
        first.setattr(Recorder, "_record", crash)
        with pytest.raises(ZeroDivisionError):
            train.train("popularity", small_dataset(), tracker=tracker)
    monkeypatch.setattr(train, "code_digest", lambda: "other")
    monkeypatch.setattr(TrainingSplit, "evaluate", crash)
    with pytest.raises(ZeroDivisionError):
        train.train("popularity", small_dataset(), tracker=tracker)


def crash(*args):
    raise ZeroDivisionError


def test_a_refitted_model_that_shows_other_films_is_not_registered(tracker, monkeypatch):
    monkeypatch.setattr(stages, "agreement", lambda *args: Agreement(titles=0.01, people=0.9))
    with pytest.raises(MovierecError, match="only 1% of the films shown for titles"):
        train.train("popularity", small_dataset(), tracker=tracker)
    assert tracker.versions() == []


def test_a_refitted_model_that_shows_fewer_of_the_same_films_is_registered_and_said(tracker, monkeypatch):
    """In a small catalogue with a weak taste even a whole model shows other films after more ratings."""
    monkeypatch.setattr(stages, "agreement", lambda *args: Agreement(titles=0.19, people=0.97))
    monkeypatch.setattr(stages, "SHOWN", 1)  # of 40 films: chance is far below
    said: list[str] = []
    train.train("popularity", small_dataset(), tracker=tracker, say=said.append)
    assert [version.number for version in tracker.versions()] == [1]
    assert any("only 19% of the films shown for titles" in sentence for sentence in said)


def test_settings_of_one_algorithm_do_not_fit_all():
    with pytest.raises(UsageError, match="name that algorithm"):
        make_plan("all", small_dataset(), overrides=["factors=3"])


def test_the_plan_is_another_for_other_data_configuration_or_seed():
    plans = [
        make_plan("als", small_dataset()),
        make_plan("als", small_dataset(seed=1)),
        make_plan("als", small_dataset(), overrides=["factors=3"]),
        make_plan("als", small_dataset(), seed=1),
        make_plan("svd", small_dataset()),
    ]
    assert len({plan.key for plan in plans}) == len(plans)
    assert make_plan("als", small_dataset()).key == plans[0].key


def test_a_trained_and_judged_composite_is_current_until_the_data_change(tracker):
    dataset = small_dataset()
    version = train.train("all", dataset, tracker=tracker)[-1].version
    assert train.current_composite(dataset, tracker=tracker) is None
    promote(version, force=True, reason="test", tracker=tracker)
    assert train.current_composite(dataset, tracker=tracker) == version
    assert train.current_composite(small_dataset(seed=1), tracker=tracker) is None


def test_a_planted_better_model_is_promoted_a_worse_one_refused_and_an_equal_one_not(tracker, tmp_path):
    write_twin(load_synthetic_config(users=300, movies=200, ratings=15_000), tmp_path / "raw", genome=False)
    twin = prepare("twin", raw=tmp_path / "raw", processed_root=tmp_path / "processed")
    (first,), (better,), (equal,) = (
        train.train(name, twin, tracker=tracker, seed=seed)
        for name, seed in (("popularity", 0), ("als", 0), ("als", 1))
    )
    promote(first.version, force=True, reason="something to start from", tracker=tracker)
    assert promote(better.version, tracker=tracker).outcome == "promote"
    with pytest.raises(GateRefusedError, match="worse than the champion"):
        promote(first.version, tracker=tracker)
    assert promote(equal.version, accept_undecided=True, tracker=tracker).outcome in ("promote", "undecided")


# Runs trainings in forked children, so that one interpreter imports for all of them.
TRAININGS = """
import os, signal, sys, time, traceback
from tests.training.small import EVENTS, TEN, small_dataset, with_ratings
from training.pipeline import record
from training.pipeline.train import train
from training.registry import Tracker

record.draw = lambda plan, evaluations, path: path.mkdir()
record.save_model_figures = lambda *args: None

def start():
    child = os.fork()
    if not child:
        try:
            train("popularity", small_dataset(), tracker=Tracker(sys.argv[1]))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child

def exit_code(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
KILLED = """
for moment in map(float, sys.argv[2:]):
    child = start()
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    print(exit_code(child))
print(exit_code(start()))
"""
AT_ONCE = "print(*map(exit_code, [start(), start()]))"


def start_script(script, *words):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
    )


def run_trainings(script, *words):
    process = start_script(TRAININGS + script, *words)
    told = process.communicate()[0]
    assert process.returncode == 0
    return [int(word) for word in told.split()]


@pytest.mark.slow
@pytest.mark.fault(9)
def test_a_killed_training_leaves_no_version_and_a_rerun_succeeds(tracker, mlflow_store):
    moments = [0.2, 0.5, 0.9, 1.4, 2.0]
    *killed, rerun = run_trainings(KILLED, mlflow_store, *moments)
    assert set(killed) <= {-signal.SIGKILL, 0}
    assert -signal.SIGKILL in killed
    assert rerun == 0

    after = Tracker(mlflow_store)
    registered = {version.run_id for version in after.versions()}
    ids = [experiment.experiment_id for experiment in after.client.search_experiments()]
    for run in after.client.search_runs(ids):
        assert run.info.status == ("FINISHED" if run.info.run_id in registered else "FAILED")
    assert registered
    assert after.aliased(CHAMPION) is None


@pytest.mark.slow
@pytest.mark.fault(11)
def test_two_trainings_at_once_give_two_whole_versions(tracker, mlflow_store, tmp_path):
    assert run_trainings(AT_ONCE, mlflow_store) == [0, 0]
    versions = tracker.versions()
    assert [version.number for version in versions] == [2, 1]
    for version in versions:
        Model.load(tracker.bundle(version.number, tmp_path / str(version.number))).check_golden()


def test_all_leaves_models_of_ratings_out_where_there_are_events_alone():
    events = with_ratings(small_dataset(), EVENTS)
    configs = make_plan("all", events).configs
    assert set(NAMES) - set(configs) == set(plan.left_out(events)) == {"svd", "stars"}
    assert plan.left_out(small_dataset()) == {}
    recipes = {name: fit(name, configs[name]) for name in ("content", "popularity")}
    split = TrainingSplit("refit", events, make_plan("all", events).people, all_ratings(events), silent)
    composed = stages.composite(recipes["content"], recipes["popularity"], None).make(split.fits(0))
    assert composed.rating_spec is None


def test_members_that_give_one_name_to_different_arrays_are_not_composed():
    data = small_dataset()
    split = TrainingSplit("refit", data, make_plan("all", data).people, all_ratings(data), silent)
    content = fit("content", configure("content")).make(split.fits(0))
    other = replace(content, algorithm="mine", arrays={name: 2 * array for name, array in content.arrays.items()})
    assert compose("recommender", item=content, user=content).arrays.keys() == content.arrays.keys()
    with pytest.raises(UsageError, match=r"name content_\w+ to different arrays, one of them mine"):
        compose("recommender", item=content, user=other)


def test_the_training_key_of_movielens_does_not_depend_on_how_a_like_is_written():
    """Versions that were judged by likes of 4 stars stay comparable."""
    made = make_plan("popularity", small_dataset())
    explicit = replace(made, people=made.people.model_copy(update={"relevance": 4.0}))
    assert made.people.relevance == "like"
    assert (made.key, made.judging_key) == (explicit.key, explicit.judging_key)
    other = replace(made, dataset=replace(made.dataset, feedback=TEN))
    assert made.judging_key != other.judging_key


def without_times():
    dataset = small_dataset()
    return replace(dataset, fingerprint="without times", ratings=dataset.ratings.assign(timestamp=0))


def test_data_without_times_are_judged_by_protocols_that_need_none(tracker):
    said: list[str] = []
    dataset = without_times()
    (popularity,) = train.train("popularity", dataset, tracker=tracker, say=said.append)
    (ease,) = train.train("ease", dataset, tracker=tracker)
    assert [sentence.partition(":")[0] for sentence in said] == [
        f"Not judged by {name}" for name in ("temporal", "latest20", "rolling", "item2item")
    ]
    assert all("no times" in sentence for sentence in said)
    assert {protocol for protocol, _ in values(popularity)} == {"random20", "item2item-random"}
    assert "no times" in tracker.version(ease.version).tags["protocols_left_out"]
    verdict = promote(ease.version, tracker=tracker, accept_undecided=True)
    assert {guard.comparison.protocol for guard in verdict.guards} == {"random20", "item2item-random"}
    assert tracker.aliased(CHAMPION).number == ease.version


def test_a_protocol_that_needs_times_says_so():
    with pytest.raises(DataError, match="Protocol latest20 cannot judge these data: it orders ratings by time"):
        splits(load_protocol("latest20"), without_times(), 0)


def test_data_without_a_like_are_refused_for_what_they_lack(tracker):
    dataset = small_dataset()
    ones = replace(dataset, fingerprint="ones", ratings=dataset.ratings.assign(rating=1.0))
    with pytest.raises(DataError, match="latest20 judges by likes, ratings of at least 4; there are none"):
        train.train("popularity", ones, tracker=tracker)


def test_one_user_is_enough_for_a_model(tracker, tmp_path):
    (trained,) = train.train("popularity", small_dataset(people=1), tracker=tracker)
    assert len(Model.load(tracker.bundle(trained.version, tmp_path)).catalog.counts) == 40


@pytest.mark.parametrize("algorithm", ["als", "ials", "svd", "content"])
def test_a_slip_in_the_number_of_factors_is_a_usage_error(algorithm):
    with pytest.raises(UsageError, match=r"factors: .*4096, found 100000"):
        make_plan(algorithm, small_dataset(), overrides=["factors=100000"])


def test_a_run_is_named_for_what_differs_from_the_shipped_configuration():
    changed = make_plan("als", small_dataset(), overrides=["factors=3", "alpha=2.25"], seed=1)
    assert changed.changes("als") == "factors=3 seed=1"
    assert make_plan("als", small_dataset()).changes("als") == ""
    nested = make_plan("ensemble", small_dataset(), overrides=["als.factors=3"])
    assert nested.changes("ensemble") == "als.factors=3"


def test_a_model_that_does_worse_than_popularity_is_warned_of_in_run_and_version(tracker):
    hardly_any = ["factors=1", "iterations=1", "regularization=1000000"]
    (worse,) = train.train("als", small_dataset(), tracker=tracker, overrides=hardly_any)
    (better,) = train.train("item_knn", small_dataset(), tracker=tracker)
    warning = tracker.version(worse.version).tags["warning"]
    assert warning.startswith("Worse than popularity: ndcg_at_10 on the test part of latest20")
    tags = tracker.client.get_run(worse.run_id).data.tags
    assert tags["warning"] == warning
    assert warning in tags["mlflow.note.content"]
    assert "warning" not in tracker.version(better.version).tags
    assert not [version for version in tracker.versions() if version.algorithm == "popularity"]
