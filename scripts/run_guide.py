"""Run the commands of a guide as they stand in it: `python -m scripts.run_guide docs/own-data.md`.

Each block marked `sh` or `python` is run in turn in one directory, empty at first, with this environment's `movierec`;
the first that fails ends the run with its output and exit code 1.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


def guide_environment() -> dict[str, str]:
    """Return the environment of a reader who has this environment's `movierec` and set nothing."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "MOVIEREC"))}
    return variables | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"}


def run_guide(guide: Path) -> None:
    """Run every block of the guide; exit with its output where one fails."""
    with tempfile.TemporaryDirectory() as directory:
        for language, block in _BLOCK.findall(guide.read_text()):
            start = time.monotonic()
            command = [*PROGRAMS[language], block]
            done = subprocess.run(
                command, cwd=directory, env=guide_environment(), capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{guide} does not run:\n{block}\n{done.stdout}{done.stderr}")
            sys.stdout.write(f"{time.monotonic() - start:6.1f} s  {block.splitlines()[0][:100]}\n")


if __name__ == "__main__":
    run_guide(Path(sys.argv[1]))
