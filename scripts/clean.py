"""Remove processed data, models, logs, runs and finished stages from the working directory; leave all other files."""

from __future__ import annotations

import sys
from pathlib import Path

from recommender.files import Inventory, entries, marked_files, named, remove_directory
from training.datasets.manifest import processed_files

SHOWN_AT_MOST = 20
PROCESSED, VAR, RUNS = Path("data/processed"), Path("var"), Path("mlruns")
LOCKS = named(r"\.[\w.-]+\.lock")
VERSION = r"versions/[\w.-]+/(.+/)?(meta\.json|served|manifest\.json|[a-z][a-z0-9_]*\.npy)"
SERVICE = named(
    rf"models/(champion|challenger|status\.json|versions|{VERSION})|logs/[a-z]+\.log|training|training/[\w.-]+\.lock"
)
TRACKING = named(r"(mlflow|optuna)\.db(-[a-z]+)?|\.[\w.-]+\.lock|artifacts/[^/]+/([0-9a-f]{32}|models)(/.+)?")


def clean() -> list[str]:
    """Remove the files that movierec wrote, and return the names of those that stay."""
    inventories: list[tuple[Path, Inventory]] = [
        *((path, processed_files) for path in PROCESSED.glob("*")),
        (PROCESSED, LOCKS),
        *((path, marked_files) for path in (VAR / "training").glob("*")),
        (VAR, SERVICE),
        (RUNS, TRACKING),
    ]
    for directory, inventory in inventories:
        if directory.is_dir():
            remove_directory(directory, inventory)
    left = [f"{root}/{name}" for root in (PROCESSED, VAR, RUNS) for name in entries(root)]
    return [name for name in left if name != "mlruns/README.md"]


if __name__ == "__main__":
    if left := clean():
        names = left if len(left) <= SHOWN_AT_MOST else [*left[:SHOWN_AT_MOST], "..."]
        sys.stdout.write("\n  ".join(["Left, for movierec did not write them:", *names]) + "\n")
