"""Targets of the Makefile: a moved clone is set up again, and an audit that could not look is not passed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BOOTSTRAP = """#!/bin/sh
set -eu
echo "set up"
printf '#!%s/.venv/bin/python\\n' "$(pwd -P)" > .venv/bin/movierec
touch .venv/.synced
"""


@pytest.mark.fault(47)
@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_make_sets_a_moved_clone_up_again_and_only_then(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for name in (".venv/bin", "scripts"):
        (clone / name).mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", clone)
    for name in ("pyproject.toml", "uv.lock", ".venv/bin/pytest", "scripts/bootstrap.sh"):
        (clone / name).write_text(BOOTSTRAP if name.endswith("sh") else "#!/bin/sh\n")
        (clone / name).chmod(0o755)
        os.utime(clone / name, (0, 0))
    assert [make(clone) for _ in range(3)] == ["set up\n", "", ""]
    moved = clone.rename(tmp_path / "moved")
    assert [make(moved) for _ in range(2)] == ["set up\n", ""]


def make(clone: Path) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", "test"], cwd=clone, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.fault(57)
@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_an_audit_is_strict(tmp_path: Path) -> None:
    """Without the option it says "No known vulnerabilities found" of packages that it could not look up."""
    for name in ("scripts", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "uv.lock", "scripts/bootstrap.sh"):
        (tmp_path / name).touch()
    shown = subprocess.run(["make", "-n", "audit"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "pip-audit --requirement requirements.lock --disable-pip --strict" in shown
