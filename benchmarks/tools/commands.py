"""Run `movierec` commands in a directory with its own data and registry."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from recommender.errors import MovierecError
from serving.process.python import module_command

_LOG = "commands.log"


def start(root: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start `movierec` with the arguments `words` in the directory `root`; its output goes to a file there."""
    # Bytecode is cached, as the Makefile has it: without, each start compiles MLflow, pandas and their like again.
    dropped = ("MLFLOW", "MOVIEREC", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment["MOVIEREC_HOME"] = str(root.resolve())
    with (root / _LOG).open("ab") as log:
        command = module_command("movierec.cli.main", *words)
        return subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)


def succeed(root: Path, *words: str) -> None:
    """Run `movierec` to its end. Raises MovierecError with the last printed line if it fails."""
    if start(root, *words).wait():
        raise MovierecError(f"movierec {' '.join(words)}: {_last_line(root / _LOG)}")


def _last_line(path: Path) -> str:
    return (path.read_text().splitlines() or ["It said nothing."])[-1]
