"""What the service is kept free of: training libraries in its workers, and anything that unpickles."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import recommender
import serving

HEAVY = {"httpx", "mlflow", "pandas", "surprise", "implicit", "sklearn", "numba", "sqlalchemy", "matplotlib"}
UNPICKLING = {"pickle", "cPickle", "_pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
FILES = sorted(file for package in (recommender, serving) for file in Path(str(package.__file__)).parent.rglob("*.py"))


@pytest.mark.parametrize("module", ["serving.api.app", "serving.process.worker", "serving.process.supervisor"])
def test_workers_import_none_of_the_training_libraries(module: str) -> None:
    code = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "fastapi" in loaded
    assert HEAVY.isdisjoint(loaded)


@pytest.mark.fault(14)
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_no_file_imports_an_unpickler_or_allows_one(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert UNPICKLING.isdisjoint(alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in UNPICKLING
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


@pytest.mark.fault(14)
def test_a_pickle_in_a_version_is_never_opened(tmp_path: Path) -> None:
    """A version with a pickled array in the place of a real one: refused, its payload not run, nothing unpickled."""
    mark = tmp_path / "mark"
    code = f"""
import json, pickle, sys
from pathlib import Path
import numpy as np
from tests.toy import save_toy

class Payload:
    def __reduce__(self):
        return (open, ({str(mark)!r}, "w"))

root = Path({str(tmp_path)!r})
save_toy(root / "bundle")
evil = root / "bundle" / "content.npy"
np.save(evil, np.array([Payload()], dtype=object), allow_pickle=True)
(root / "bundle" / "evil.pkl").write_bytes(pickle.dumps(Payload()))
manifest = json.loads((root / "bundle" / "manifest.json").read_text())
import hashlib
manifest["files"]["content"] |= {{
    "sha256": hashlib.sha256(evil.read_bytes()).hexdigest(),
    "bytes": evil.stat().st_size,
    "dtype": "object",
    "shape": [1],
}}
(root / "bundle" / "manifest.json").write_text(json.dumps(manifest))

opened = []
sys.addaudithook(lambda event, args: opened.append(args) if event == "pickle.find_class" else None)
from tests.serving.versions.test_puller import FakeRegistry
from serving.versions.model_store import ModelStore
from serving.versions.puller import Puller
from serving.settings import Settings
registry = FakeRegistry()
registry.register("1", root / "bundle")
puller = Puller(registry, ModelStore(root / "models"), Settings())
puller.pull()
assert puller.status.refusals, "it was taken"
assert not opened, opened
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(str(serving.__file__)).parents[1])
    assert not mark.exists()
