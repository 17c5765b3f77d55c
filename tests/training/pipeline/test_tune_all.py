"""One budget of time for the parameters of all models: best first, and written down with the studies."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import cast

import pytest

from tests.training.small import small_dataset
from training.models import configure
from training.pipeline.checkpoints import Workspace
from training.pipeline.plan import make_plan
from training.pipeline.record import Recorder
from training.pipeline.train import train
from training.pipeline.tune import Best
from training.pipeline.tune_all import TUNED, charged, next_model, tune_all, tuned_plan
from training.progress import Clock, silent
from training.registry import Tracker


def best(value, study="study", metric="ndcg_at_10", **parameters):
    return Best(study, metric, value, 1, parameters)


def test_the_better_a_model_the_more_of_the_time_it_gets():
    outcomes = {"als": best(0.1), "ease": best(0.3), "ials": best(0.2)}
    spent = dict.fromkeys(outcomes, 1.0)
    for _ in range(70):
        spent[next_model(outcomes, spent)] += 1
    assert [round(spent[name] / 73 * 7) for name in ("ease", "ials", "als")] == [4, 2, 1]


def test_what_the_first_trial_waits_for_is_not_charged_to_its_model():
    spent = charged({"low_pass": [60.0, 1.0, 2.0], "ease": [5.0], "als": []})
    assert spent == {"low_pass": 3.0, "ease": 5.0}
    assert next_model({"low_pass": best(0.1), "ease": best(0.2)}, spent) == "ease"
    assert next_model({"low_pass": best(0.1), "ease": best(0.2)}, spent | {"ease": 7.0}) == "low_pass"


def test_a_metric_that_should_be_low_gives_the_time_to_the_lowest():
    outcomes = {"als": best(0.8, metric="rmse"), "ease": best(0.9, metric="rmse")}
    assert next_model(outcomes, {"als": 1.0, "ease": 1.0}) == "als"


def test_every_model_is_tried_and_no_trial_begins_after_the_time(mlflow_store):
    plan = make_plan("all", small_dataset())
    seconds = count()
    outcomes = tune_all(plan, 20, tracker=Tracker(mlflow_store), progress=silent, clock=lambda: next(seconds))
    assert set(outcomes) == set(TUNED)
    trials = sum(outcome.trials for outcome in outcomes.values())
    assert len(TUNED) < trials < 10

    ticks = count()
    again = tune_all(plan, 20, tracker=Tracker(mlflow_store), progress=silent, clock=lambda: next(ticks))
    assert sum(outcome.trials for outcome in again.values()) > trials, "the studies did not go on"


def test_the_plan_takes_what_was_found_and_so_does_the_ensemble():
    plan = tuned_plan(make_plan("all", small_dataset()), {"als": best(0.1, "als-study", alpha=3.5)})
    assert plan.configs["als"].model_dump()["alpha"] == 3.5
    assert plan.configs["ensemble"].model_dump()["als"]["alpha"] == 3.5
    assert plan.configs["ease"] == configure("ease")
    assert plan.studies == {"als": "als-study", "ensemble": "als-study"}
    assert plan.changes("als") == "alpha=3.5"
    assert plan.changes("recommender", ["blend", "als", "stars"]) == "als.alpha=3.5"
    assert plan.changes("recommender", ["blend", "ease"]) == ""
    assert plan.key != make_plan("all", small_dataset()).key


def test_the_composite_names_the_studies_and_changes_of_what_it_is_composed_of(tmp_path):
    best_of = {"als": best(0.1, "als-study", alpha=3.5), "ease": best(0.2, "ease-study", dislike=0.5)}
    plan = tuned_plan(make_plan("all", small_dataset()), best_of)
    recorder = Recorder(plan, Workspace(tmp_path), cast(Tracker, None), silent, Clock())
    assert recorder._tags(manifest("ensemble", als={}, ease={}))["study"] == "als-study, ease-study"
    assert "study" not in recorder._tags(manifest("blend", als={}, content={}))
    roles = {role: {"algorithm": name} for role, name in (("item", "blend"), ("user", "ensemble"), ("rating", "stars"))}
    tags = recorder._tags(manifest("recommender", **roles))
    assert (tags["study"], tags["changes"]) == (
        "als-study, ease-study",
        "ensemble.als.alpha=3.5 ensemble.ease.dislike=0.5",
    )
    single = recorder._tags(manifest("recommender", **roles | {"user": {"algorithm": "ease"}}))
    assert (single["study"], single["changes"]) == ("ease-study", "ease.dislike=0.5")


def manifest(algorithm, **parameters):
    """What the tags of a version are read from."""
    counts, of = SimpleNamespace(shape=(40,)), SimpleNamespace(name="small", fingerprint="small")
    files = {"catalog_counts": counts}
    return SimpleNamespace(algorithm=algorithm, parameters=parameters, dataset=of, files=files, about={})


def test_a_training_registers_what_was_found_with_its_study(mlflow_store):
    tracker = Tracker(mlflow_store)
    said: list[str] = []
    (trained,) = train("low_pass", small_dataset(), tune_seconds=0.5, tracker=tracker, say=said.append)
    tags = next(version.tags for version in tracker.versions() if version.number == trained.version)
    assert tags["study"].startswith("low_pass-small-")
    assert any(f"of study {tags['study']}" in sentence for sentence in said)


@pytest.mark.parametrize(("text", "seconds"), [(None, 0), ("90", 90), ("90s", 90), ("15m", 900), ("1.5h", 5400)])
def test_times_on_the_command_line(text, seconds):
    from movierec.cli.common.inputs import duration

    assert duration(text) == seconds
