"""Everything local lies below the working directory, or below MOVIEREC_HOME."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender import home
from serving.settings import Settings as ServiceSettings
from training.datasets.sources import find_raw
from training.datasets.store import load_dataset
from training.registry import default_uri

PLACES = {
    "data/raw": home.raw_data,
    "data/processed": home.processed_data,
    "mlruns": home.runs,
    "var/models": home.served_models,
    "var/training": home.training_stages,
    "var/logs": home.logs,
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    for name in ("MOVIEREC_HOME", "MLFLOW_TRACKING_URI", "MOVIEREC_TRACKING_URI", "MOVIEREC_STORE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", PLACES)
def test_without_a_setting_places_are_relative_to_the_working_directory(name):
    assert PLACES[name]() == Path(name)


@pytest.mark.parametrize("name", PLACES)
def test_the_variable_moves_every_place(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MOVIEREC_HOME", str(tmp_path / "films"))
    assert PLACES[name]() == tmp_path / "films" / name
    monkeypatch.setenv("MOVIEREC_HOME", "~/films")
    assert PLACES[name]() == Path.home() / "films" / name


@pytest.mark.parametrize("moved", [False, True])
def test_training_and_service_agree_on_the_registry(moved, tmp_path, monkeypatch):
    base = tmp_path / "films" if moved else tmp_path
    if moved:
        monkeypatch.setenv("MOVIEREC_HOME", "films")
    addresses = [default_uri(), ServiceSettings().tracking_uri]
    assert addresses == [f"sqlite:///{base}/mlruns/mlflow.db"] * 2
    assert ServiceSettings().store_dir.resolve() == base / "var" / "models"


def test_a_registry_named_in_the_environment_goes_before_the_home(monkeypatch):
    monkeypatch.setenv("MOVIEREC_HOME", "films")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert {default_uri(), ServiceSettings().tracking_uri} == {"http://127.0.0.1:9"}


def test_data_sets_are_found_where_the_variable_says_at_the_time_of_the_call(tmp_path, monkeypatch):
    (tmp_path / "films/data/raw/mine").mkdir(parents=True)
    monkeypatch.setenv("MOVIEREC_HOME", str(tmp_path / "films"))
    assert find_raw("mine") == tmp_path / "films/data/raw/mine"
    with pytest.raises(Exception, match="films/data/processed/mine"):
        load_dataset("mine")
