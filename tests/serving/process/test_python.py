"""Children run our packages, whatever lies in the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.foreign import plant_foreign_packages
from testing.service import Service


def test_service_and_puller_import_nothing_of_the_working_directory(
    toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_foreign_packages(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    service = Service(tmp_path, arguments=(), workers=1)
    service.promote(toy_bundle, "1")
    with service:
        service.wait(lambda: service.status("/readyz") == 200)
        service.wait(lambda: any(line["event"] in ("registry_unavailable", "process_ended") for line in service.log()))
        assert "process_ended" not in {line["event"] for line in service.log()}, service.output()
