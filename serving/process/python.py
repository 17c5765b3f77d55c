"""How Python programs are started, so that they run our packages and nothing of the working directory."""

from __future__ import annotations

import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `python -m module arguments...` with this interpreter.

    With -P the working directory stays off the import path: a folder of the user's called `serving`, `training` or
    `webapp` would otherwise be imported in the place of ours.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
