"""What every test shares: how Hypothesis behaves, and tracking stores. Nothing heavy is imported here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# Two busy cores make single examples slow at random; a continuous-integration run must not fail by luck.
settings.register_profile("movierec", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("movierec")


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory) -> Path:
    """An empty tracking database; MLflow takes three seconds to make one."""
    from training.tracking import Tracker

    file: Path = tmp_path_factory.mktemp("template") / "mlflow.db"
    Tracker(f"sqlite:///{file}")
    return file


@pytest.fixture
def mlflow_store(migrated_store, tmp_path, monkeypatch) -> str:
    """Address of an empty tracking store of the test's own, which is the working directory's default as well."""
    root = tmp_path / "mlruns"
    root.mkdir()
    shutil.copy(migrated_store, root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{root}/mlflow.db"
