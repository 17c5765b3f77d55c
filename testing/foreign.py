"""A user's own packages, which happen to be called as ours are."""

from __future__ import annotations

from pathlib import Path

NAMES = ("client", "movierec", "recommender", "serving", "training", "webapp")
COMPLAINT = "a package of the user's was imported"


def plant_foreign_packages(directory: Path) -> None:
    """Write packages of our names into `directory`; each fails when it is imported."""
    for name in NAMES:
        (directory / name).mkdir()
        (directory / name / "__init__.py").write_text(f"raise SystemExit({COMPLAINT!r})\n")
