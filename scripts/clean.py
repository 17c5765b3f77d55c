"""Remove processed data, models, logs, runs and finished stages from the working directory; leave all other files.

Runs before .venv is made and after it is gone, so that it imports the standard library and modules that need no more.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from recommender.files import Inventory, entries, marked_files, remove_directory
from training.datasets.stored.manifest import processed_files

SHOWN_AT_MOST = 20
PROCESSED, VAR, RUNS = Path("data/processed"), Path("var"), Path("mlruns")
ID, HASH = "[0-9a-f]{32}", "[0-9a-f]{16}"
BUNDLE = r"bundle/(manifest\.json|[a-z][a-z0-9_]*\.npy)"

# model store: its small files are recognised by their content
SMALL_FILE, VERSION = r"models/(champion|challenger|(status|store|registry)\.json)", r"models/versions/[\w-]+"
VERSION_FILE = rf"{VERSION}/(meta\.json|served|{BUNDLE})"
UNFINISHED_VERSION = rf"models/versions/\.partial-{HASH}/(meta\.json|{BUNDLE})"
KEY = r"[0-9]{1,18}-([0-9a-f]{1,8}|unknown)"
META = {"name", "version", "run_id", "algorithm"}
STATUS, SNAPSHOT = {"reachable", "checked_at", "confirmed"}, {"taken_at", "versions", "timeline"}
STAGE_LOCK = rf"training/[\w-][\w.-]*-{HASH}-{HASH}-[0-9]+\.lock"
LOG = r"logs/(api|mlflow|webapp)\.log|demo\.lock"
WHOLE = r"record\.json|stage\.log|var/serve\.log"  # of movierec bench whole

# what a training logs in its run, and MLflow with a model
DATABASE = r"(mlflow|optuna)\.db(-(wal|shm|journal))?"
RUN_LOCK = rf"\.mlflow\.db\.(promotion|creation)\.lock|\.tune-{HASH}\.lock"
FIGURE, EVALUATION = r"figures/[a-z0-9_]+\.png", r"evaluations/[\w-]+\.npz"
REPORT = r"promotion/[0-9]{8}T[0-9]+/(report\.md|verdict\.json|differences\.png)"
RUN_FILE = rf"artifacts/[^/]+/{ID}/artifacts/({FIGURE}|{EVALUATION}|{REPORT})"
MODEL_TEXT = r"MLmodel|(conda|python_env)\.yaml|requirements\.txt|(serving_)?input_example\.json|pyfunc_model\.py"
MODEL_CODE = r"code/recommender/([a-z_]+/)*(\w+\.py|__pycache__/[\w.-]+\.pyc)"
MODEL_FILE = rf"artifacts/[^/]+/models/m-{ID}/artifacts/({MODEL_TEXT}|artifacts/{BUNDLE}|{MODEL_CODE})"


def clean() -> list[str]:
    """Remove the files that movierec wrote, and return the names of those that stay."""
    for root in (*VAR.glob("whole-[0-9]*"), Path()):
        for directory, inventory in _inventories(root):
            if directory.is_dir():
                remove_directory(directory, inventory)
    left = [f"{root}/{name}" for root in (PROCESSED, VAR, RUNS) for name in entries(root)]
    return [name for name in left if name != "mlruns/README.md"]


def _inventories(root: Path) -> list[tuple[Path, Inventory]]:
    """Return the directories below the working directory, or below one of `movierec bench whole`, and what is ours."""
    processed, var, runs = root / PROCESSED, root / VAR, root / RUNS
    return [
        *((path, processed_files) for path in processed.glob("*")),
        (processed, _matching(r"\.[\w-][\w.-]*\.lock")),
        *((path, marked_files("stages")) for path in (var / "training").glob("*")),
        (var / "docs", marked_files("docs")),
        (var, _service_files),
        (runs, _matching(rf"{DATABASE}|{RUN_LOCK}|{RUN_FILE}|{MODEL_FILE}", rf"artifacts(/[^/]+(/{ID}|/models).*)?")),
        *([(root, _matching(WHOLE, "data(/processed)?|var|mlruns"))] if root.name else []),
    ]


def _matching(files: str, empty_folders: str = "") -> Inventory:
    """Return an Inventory that lists files and empty folders whose relative path matches a regular expression."""
    return lambda directory: [
        name
        for name in entries(directory)
        if re.fullmatch(empty_folders if (directory / name).is_dir() else files, name)
    ]


def _service_files(directory: Path) -> Collection[str]:
    """List logs, locks, and the files of the model store that the service wrote, by their content: an Inventory."""
    named = _matching(rf"{LOG}|{STAGE_LOCK}|{UNFINISHED_VERSION}", r"models(/versions)?|logs|training")
    names = entries(directory)
    small = [name for name in names if re.fullmatch(SMALL_FILE, name) and _is_small_file(directory / name)]
    versions = {path.name for path in (directory / "models/versions").glob("*") if _is_version(path)}
    files = [name for name in names if re.fullmatch(VERSION_FILE, name) and name.split("/")[2] in versions]
    return [*(named(directory) or ()), *small, *files]


def _is_version(path: Path) -> bool:
    """Return whether meta.json says what the directory's name says, with a checksum or as older releases wrote it."""
    record = _record(path / "meta.json")
    meta = record.get("meta", record)
    if not isinstance(meta, dict) or not meta.keys() >= META:
        return False
    return path.name == f"{meta['version']}-{str(meta['run_id'] or 'unknown')[:8]}"


def _is_small_file(path: Path) -> bool:
    record = _record(path)
    if path.suffix:
        return record.keys() >= STATUS or record.keys() >= SNAPSHOT or record.get("made_by") == "movierec"
    key = record.get("key") if record else _text(path).strip()
    return re.fullmatch(KEY, str(key)) is not None


def _record(path: Path) -> dict[str, Any]:
    """Return a JSON object without its checksum; empty where there is none or the checksum is wrong."""
    text = _text(path)
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(record, dict):
        return {}
    checksum = record.pop("checksum", None)
    body = text.rpartition(',"checksum":')[0]
    return record if checksum in (None, hashlib.sha256(body.encode()).hexdigest()) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.is_file() else ""
    except (OSError, ValueError):
        return ""


if __name__ == "__main__":
    if left := clean():
        names = left if len(left) <= SHOWN_AT_MOST else [*left[:SHOWN_AT_MOST], "..."]
        sys.stdout.write("\n  ".join(["Left, for movierec did not write them:", *names]) + "\n")
