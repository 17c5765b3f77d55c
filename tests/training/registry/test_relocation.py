"""A tracking store that was moved: mended by one command, or left as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from movierec.cli.main import app
from recommender.bundle import verify_bundle
from recommender.errors import MissingInputError, RegistryUnavailableError
from serving.versions.registry import Registry
from tests.toy import save_toy
from training.registry import REGISTERED_MODEL, Tracker, Version, register_bundle
from training.registry.relocation import relocate


@pytest.fixture
def registered(mlflow_store: str, tmp_path: Path) -> Version:
    save_toy(tmp_path / "bundle")
    return register_bundle(tmp_path / "bundle", tracker=Tracker(mlflow_store), tags={"verdict": "promote"})


@pytest.fixture
def moved(registered: Version, tmp_path: Path) -> Path:
    """The file of a store with version 1, in another directory than it was made in."""
    return (tmp_path / "mlruns").rename(tmp_path / "moved here, ü") / "mlflow.db"


@pytest.mark.fault(47)
def test_one_command_mends_a_moved_store(
    moved: Path, registered: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{moved}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(RegistryUnavailableError, match="movierec relocate"):
        Tracker(uri).bundle(registered.number, tmp_path / "before")
    relocated = CliRunner().invoke(app, ["relocate"])
    assert relocated.exit_code == 0, relocated.output
    verify_bundle(Tracker(uri).bundle(registered.number, tmp_path / "after"))
    Registry(uri, REGISTERED_MODEL).fetch(str(registered.number), tmp_path / "pulled")
    verify_bundle(tmp_path / "pulled")
    assert Tracker(uri).experiment("toy") == "1"
    assert relocate(moved) == 0


@pytest.mark.fault(47)
def test_without_the_artifacts_nothing_is_changed(moved: Path) -> None:
    shutil.rmtree(moved.parent / "artifacts")
    content = moved.read_bytes()
    with pytest.raises(MissingInputError, match="nothing was changed"):
        relocate(moved)
    assert moved.read_bytes() == content
