"""What every test shares: how Hypothesis behaves, and tracking stores. Nothing heavy is imported here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Two busy cores make single examples slow at random; a continuous-integration run must not fail by luck.
settings.register_profile("movierec", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("movierec")


# Files whose tests wait or train most: they start first, so that none of them runs alone at the end.
LONGEST = (
    *("webapp/test_browser", "test_chain", "versions/test_registry_faults", "cli/test_parents", "pipeline/test_train"),
    *("process/test_processes", "test_old_store", "promotion/test_promote", "process/test_slow_readers"),
    *(
        "test_own_data",
        "versions/test_store_damage",
        "webapp/test_failures",
        "webapp/test_other_data",
        "test_format_two",
    ),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first."""
    places = {f"/{name}.py": place for place, name in enumerate(LONGEST)}

    def place_of(item: pytest.Item) -> int:
        return next((place for end, place in places.items() if str(item.path).endswith(end)), len(places))

    items.sort(key=place_of)


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory) -> Path:
    """An empty tracking database; MLflow takes three seconds to make one."""
    from training.registry import Tracker

    file: Path = tmp_path_factory.mktemp("template") / "mlflow.db"
    Tracker(f"sqlite:///{file}")
    return file


@pytest.fixture
def mlflow_store(migrated_store, tmp_path, monkeypatch) -> str:
    """Address of an empty tracking store of the test's own, which is the working directory's default as well."""
    root = tmp_path / "mlruns"
    root.mkdir(exist_ok=True)
    shutil.copy(migrated_store, root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{root}/mlflow.db"


def copy_store(store: Path, copy: Path) -> None:
    """Copy the directory of a tracking store; the addresses of its artifacts become those of the copy."""
    from training.registry.relocation import relocate

    shutil.copytree(store, copy, dirs_exist_ok=True)
    relocate(copy / "mlflow.db")


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, int], None]]:
    """Mounts a file system of so many bytes at a directory; skips where this machine does not let a test do that."""
    mounted: list[Path] = []

    def mount(directory: Path, size: int) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can mount a small file system to fill")
        directory.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no small file system can be mounted to fill: {done.stderr.strip()}")
        mounted.append(directory)

    yield mount
    for directory in mounted:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(disk: Path, left: int) -> None:
    """Leave so many bytes free."""
    (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free - left))
