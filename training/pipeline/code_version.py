"""Identify the code that trains: git commit and hash of the sources."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from pathlib import Path


@cache
def git_commit(*written: str) -> str | None:
    """Return the commit of this checkout, with `-dirty` where files differ from it; None outside of git.

    `written`: files that may differ, because the caller writes them.
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # installed, perhaps inside somebody else's repository
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        others = [f":(exclude){path}" for path in written]
        changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *others)
        return f"{commit}-dirty" if changes else commit
    except (OSError, subprocess.CalledProcessError):
        return None


@cache
def code_digest(*further: str) -> str:
    """Return a hash of the sources of recommender and training; stages that other code made are not reused.

    `further`: hashes of other code that takes part.
    """
    root = Path(__file__).parents[2]
    digest = hashlib.sha256("".join(further).encode())
    for path in sorted(path for package in ("recommender", "training") for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
