"""The search for parameters: on validation parts only, resumable, and written down with its study."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest
import scipy.sparse as sp

from recommender.errors import MissingInputError, UsageError
from tests.training.small import small_dataset
from training.config import CONFIG_ROOT
from training.datasets.dataset import TagMatrix
from training.models import configure, own
from training.models.factors.als import Als
from training.pipeline.judge import TrainingSplit
from training.pipeline.space import load_space, searched_space
from training.pipeline.tune import Best, Search, finished_trials, require_file, tune, write_parameters
from training.progress import silent
from training.registry import Tracker
from training.splits.cut import splits
from training.splits.protocol import load_protocol


@pytest.fixture
def search():
    return Search("item_knn", small_dataset(), load_protocol("latest20"), "ndcg_at_10", 0, load_space("item_knn"))


def started(run):
    return run.info.start_time


def test_a_search_goes_on_where_it_was_left_and_never_sees_the_test_part(search, mlflow_store, monkeypatch):
    tracker = Tracker(mlflow_store)
    judged = []
    evaluate = TrainingSplit.evaluate

    def noted(split, *rest):
        judged.append(split.split)
        return evaluate(split, *rest)

    monkeypatch.setattr(TrainingSplit, "evaluate", noted)

    first = tune(search, 2, tracker=tracker, progress=silent)
    second = tune(search, 3, tracker=tracker, progress=silent)

    assert (first.trials, second.trials, len(judged)) == (2, 3, 3)
    assert first.study == second.study == search.name
    assert second.value >= first.value
    present = configure("item_knn").model_dump()
    begun = min(tracker.client.search_runs([tracker.experiment("small-tuning")], "tags.kind = 'trial'"), key=started)
    assert {key: float(value) for key, value in begun.data.params.items()} == {
        key: present[key] for key in search.space
    }
    test = splits(search.protocol, search.dataset, 0)[0].test
    assert not any((test & (split.train | split.test)).any() for split in judged)
    runs = tracker.client.search_runs([tracker.experiment("small-tuning")], "tags.kind = 'trial'")
    parents = {run.data.tags["mlflow.parentRunId"] for run in runs}
    assert len(runs) == 3
    assert {tracker.client.get_run(parent).data.tags["study"] for parent in parents} == {search.name}


def test_a_search_that_was_killed_at_once_still_starts_from_what_is_configured(search, mlflow_store, monkeypatch):
    tracker = Tracker(mlflow_store)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(TrainingSplit, "evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            tune(search, 1, tracker=tracker, progress=silent)

    tune(search, 1, tracker=tracker, progress=silent)

    present = configure("item_knn").model_dump()
    runs = tracker.client.search_runs([tracker.experiment("small-tuning")], "tags.kind = 'trial'")
    assert max(runs, key=started).data.params == {key: str(present[key]) for key in search.space}


def test_the_parts_of_a_model_made_of_others_are_fitted_once_for_all_trials(mlflow_store, monkeypatch):
    fitted = []
    fit_als = Als.fit

    def noted(als, data, **how):
        fitted.append(data)
        return fit_als(als, data, **how)

    monkeypatch.setattr(Als, "fit", noted)
    space = {key: each for key, each in load_space("blend").items() if key == "ubiquity"}
    search = Search("blend", small_dataset(), load_protocol("latest20"), "ndcg_at_10", 0, space)
    tune(search, 3, tracker=Tracker(mlflow_store), progress=silent)
    assert len(fitted) == 1


def test_another_search_is_another_study(search):
    others = [
        Search("item_knn", small_dataset(seed=1), search.protocol, search.metric, 0, search.space),
        Search("item_knn", search.dataset, search.protocol, "recall_at_10", 0, search.space),
        Search("item_knn", search.dataset, search.protocol, search.metric, 1, search.space),
        Search("item_knn", search.dataset, search.protocol, search.metric, 0, search.space, ["user_exponent=0"]),
    ]
    assert len({search.name, *(other.name for other in others)}) == 5


def test_written_parameters_keep_the_comments_and_name_the_study(tmp_path):
    file = tmp_path / "als.yaml"
    file.write_text("# Why so many.\nfactors: 64  # a power of two\nalpha: 2.0\n")
    write_parameters(Best("first", "ndcg_at_10", 0.1, 5, {"alpha": 1.0}), "als", tmp_path)
    write_parameters(Best("second", "ndcg_at_10", 0.25, 30, {"factors": 96, "iterations": 12}), "als", tmp_path)
    assert file.read_text() == (
        "# Tuned by study second: ndcg_at_10 0.2500 on validation, 30 trials.\n"
        "# Why so many.\nfactors: 96  # a power of two\nalpha: 1\niterations: 12\n"
    )


def test_a_model_without_ranges_is_answered_with_those_that_have_some():
    with pytest.raises(MissingInputError, match=r"There are some for: .*als"):
        load_space("popularity")


class Declared(Als):
    """A model of one's own that declares what to search."""

    name = "declared"
    tuning: ClassVar[dict[str, dict[str, object]]] = {"factors": {"kind": "int", "range": [4, 8]}}

    def fit(self, data, *, seed, progress):
        return replace(super().fit(data, seed=seed, progress=progress), algorithm="declared")


@pytest.fixture
def declared(monkeypatch):
    monkeypatch.setattr(own, "_adopted", {})
    return own.adopt(Declared)


def test_a_model_of_ones_own_is_tuned_in_the_ranges_that_it_declares(declared, mlflow_store, monkeypatch):
    search = Search(declared, small_dataset(), load_protocol("latest20"), "ndcg_at_10", 0, load_space(declared))
    best = tune(search, 2, tracker=Tracker(mlflow_store), progress=silent)
    assert [set(trial.parameters) <= {"factors"} for trial in best.history] == [True, True]
    assert 4 <= best.parameters["factors"] <= 8
    with pytest.raises(UsageError, match="put the best into its class"):
        require_file(declared)
    monkeypatch.setattr(Declared, "tuning", {"factors": {"kind": "int"}})
    with pytest.raises(UsageError, match=r"declared\.tuning"):
        load_space(declared)
    monkeypatch.delattr(Declared, "tuning")
    with pytest.raises(MissingInputError, match=r"declared has no ranges to search\. Declare some: tuning ="):
        load_space(declared)


def test_a_metric_that_the_protocol_lacks_is_refused():
    load_protocol("latest20").check_metric("ndcg_at_10")
    load_protocol("latest20").check_metric("rmse")
    for wrong in ("nope", "ndcg", "ndcg_at_5", "rmse_at_10"):
        with pytest.raises(UsageError, match=f"Protocol latest20 has no {wrong}; it has ndcg_at_10"):
            load_protocol("latest20").check_metric(wrong)


@pytest.mark.parametrize("model", sorted(path.stem for path in (CONFIG_ROOT / "tuning").glob("*.yaml")))
def test_every_range_names_a_parameter_that_exists(model):
    assert load_space(model)


def test_a_resumed_study_keeps_its_run_in_an_experiment_of_its_own(search, mlflow_store):
    tracker = Tracker(mlflow_store)
    for trials in (1, 2):
        best = tune(search, trials, tracker=tracker, progress=silent)
    runs = tracker.client.search_runs([tracker.experiment("small-tuning")])
    (parent,) = [run for run in runs if run.data.tags["kind"] == "tuning"]
    children = [run.data.tags["mlflow.parentRunId"] for run in runs if run.data.tags["kind"] == "trial"]
    assert children == [parent.info.run_id] * 2
    assert (parent.info.status, parent.data.tags["trials"]) == ("FINISHED", "2")
    assert [trial.number for trial in best.history] == [0, 1]
    assert best.history == finished_trials(search, tracker)


def test_no_trial_begins_after_the_timeout(search, mlflow_store):
    best = tune(search, 5, timeout=0, tracker=Tracker(mlflow_store), progress=silent)
    assert best.trials == len(best.history) == 1


def test_a_study_that_has_not_begun_has_no_trials(search, mlflow_store):
    assert finished_trials(search, Tracker(mlflow_store)) == ()


def test_parameters_without_effect_are_not_searched():
    dataset = small_dataset()
    space, left_out = searched_space("ease", dataset, ["content_weight=0", "user_exponent=0.1"])
    assert set(space) == {"regularization", "item_exponent"}
    assert left_out == {
        "content_weight": "--set fixes it",
        "user_exponent": "--set fixes it",
        "content_exponent": "content_weight is 0",
    }
    assert searched_space("item_knn", dataset)[0]["neighbours"].range == (20, 39)
    bare = replace(dataset, tags=TagMatrix(sp.csr_matrix((40, 0)), [], {}))
    assert not {"content_weight", "content_exponent"} & searched_space("ease", bare)[0].keys()
    ones = replace(dataset, ratings=dataset.ratings.assign(rating=1.0))
    assert set(searched_space("ials", ones)[1]) == {"weight_slope"}
    with pytest.raises(UsageError, match="No parameter of item_knn is left to search"):
        searched_space("item_knn", dataset, [f"{key}=1" for key in load_space("item_knn")])
