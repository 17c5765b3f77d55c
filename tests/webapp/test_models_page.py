"""The Models page over a real registry."""

from __future__ import annotations

import json

import pytest

from client.errors import RegistryUnavailable
from tests.webapp.conftest import Open, drawn
from webapp.registry import Version, read_versions

NAME = "movielens-recommender"


@pytest.fixture
def registry(mlflow_store: str) -> str:
    """Two registered versions with figures; the second is the champion."""
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_store, registry_uri=mlflow_store)
    experiment = client.create_experiment("toy")
    client.create_registered_model(NAME)
    for algorithm, value in (("popularity", 0.1), ("als", 0.2)):
        run = client.create_run(experiment)
        client.log_param(run.info.run_id, "factors", 32)
        for ending, change in (("", 0.0), ("_lo", -0.05), ("_hi", 0.05)):
            client.log_metric(run.info.run_id, f"latest20/ndcg_at_10{ending}", value + change)
            client.log_metric(run.info.run_id, f"latest20/coverage_at_10{ending}", 0.5 - value + change)
        tags = {"algorithm": algorithm, "dataset": "toy"}
        client.create_model_version(NAME, f"runs:/{run.info.run_id}/model", run.info.run_id, tags=tags)
    client.set_model_version_tag(NAME, "2", "verdict", "promote")
    client.set_model_version_tag(NAME, "2", "verdict_summary", "better: difference +0.1 [+0.05, +0.15]")
    client.set_registered_model_alias(NAME, "champion", "2")
    return mlflow_store


@pytest.fixture
def versions(registry: str) -> list[Version]:
    return read_versions(registry, NAME)


def test_versions_come_with_aliases_figures_and_parameters(versions: list[Version]) -> None:
    assert [(v.number, v.algorithm, v.aliases) for v in versions] == [(2, "als", ("champion",)), (1, "popularity", ())]
    best = next(metric for metric in versions[0].metrics if metric.name == "ndcg_at_10")
    assert (best.protocol, best.value) == ("latest20", 0.2)
    assert best.lo == pytest.approx(0.15)
    assert best.hi == pytest.approx(0.25)
    assert versions[0].parameters == {"factors": "32"}


def test_an_empty_registry_has_no_versions(mlflow_store: str) -> None:
    assert read_versions(mlflow_store, NAME) == []


def test_a_file_that_is_no_store_is_an_error_in_words(tmp_path) -> None:
    (tmp_path / "mlflow.db").write_text("nothing of the kind, and long enough to be read as a page of something")
    with pytest.raises(RegistryUnavailable):
        read_versions(f"sqlite:///{tmp_path}/mlflow.db", NAME)


def test_the_page_compares_the_versions(open_page: Open, registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry)
    app = open_page("models")
    assert not app.exception
    assert app.multiselect("versions-toy").value == [2, 1]
    assert app.selectbox("version").value == 2
    assert len(app.get("vega_lite_chart")) == 3  # nDCG, coverage, and one against the other
    assert "difference +0.1 [+0.05, +0.15]" in drawn(app)
    app.multiselect("versions-toy").set_value([]).run()
    assert "Choose versions that were judged" in drawn(app)


def test_versions_of_different_data_sets_never_share_a_chart(
    open_page: Open, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(registry, registry_uri=registry)
    run = client.create_run(client.create_experiment("other"))
    tags = {"algorithm": "als", "dataset": "other"}
    client.create_model_version(NAME, f"runs:/{run.info.run_id}/model", run.info.run_id, tags=tags)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry)
    app = open_page("models")
    assert app.selectbox("dataset").options == ["toy", "other"]
    assert app.multiselect("versions-toy").value == [2, 1]
    app.selectbox("dataset").set_value("other").run()
    assert app.multiselect("versions-other").options == ["3 · als"]


def test_what_a_promotion_would_change(open_page: Open, duel_url: str) -> None:
    text = drawn(open_page("models", url=duel_url, film="Star Voyage (1977)"))
    assert "<dt>rank-biased overlap</dt>" in text
    assert "<dt>leave</dt><dd>0</dd>" in text  # the toy has fewer films than the lists have room for


def test_without_a_challenger_it_says_how_to_get_one(open_page: Open) -> None:
    assert "MOVIEREC_CHALLENGER_ALIAS" in drawn(open_page("models"))


def test_intervals_come_from_the_table_of_a_run(registry: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(registry, registry_uri=registry)
    run_id = str(client.get_model_version(NAME, "2").run_id)
    columns, row = ["protocol", "metric", "value", "lo", "hi"], ["latest20", "recall_at_10", 0.3, 0.25, 0.375]
    client.log_metric(run_id, "latest20/recall_at_10", 0.3)
    client.log_text(run_id, json.dumps({"columns": columns, "data": [row]}), "intervals.json")
    client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps([{"path": "intervals.json", "type": "table"}]))
    metrics = {metric.name: metric for metric in read_versions(registry, NAME)[0].metrics}
    assert (metrics["recall_at_10"].lo, metrics["recall_at_10"].hi) == (0.25, 0.375)
    assert metrics["ndcg_at_10"].lo == pytest.approx(0.15)  # of an earlier release, whose intervals are metrics


def test_worse_than_popularity_and_promoted_by_force_is_loud(
    open_page: Open, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(registry, registry_uri=registry)
    tags = {
        "warning": "Worse than popularity: ndcg_at_10 by latest20 0.02 against 0.10.",
        "verdict": "forced",
        "verdict_reason": "a trial",
        "verdict_summary": "refuse: worse than the champion",
    }
    for key, value in tags.items():
        client.set_model_version_tag(NAME, "2", key, value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry)
    app = open_page("models")
    assert not app.exception
    assert tags["warning"] in app.error[0].value
    assert "promoted by force (a trial); the gate" in drawn(app)
