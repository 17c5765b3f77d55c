"""A saved and reloaded toy model for every test of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.model import Model
from tests.toy import save_toy


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "toy"
    save_toy(path)
    return path


@pytest.fixture(scope="session")
def toy(toy_path: Path) -> Model:
    return Model.load(toy_path)
