"""`movierec.load`: a prepared data set by its name, or one made of raw files without leaving anything behind."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from recommender import home
from recommender.errors import MissingInputError, UsageError
from training.datasets.names import is_name
from training.datasets.sources import find_raw
from training.datasets.store import ProcessedDataset, is_prepared, load_dataset, prepare
from training.datasets.stored.manifest import read_manifest
from training.datasets.tabular.source import build_source, read_source

_PATHS = ("credits", "genome", "texts")
_OPTIONS = (*_PATHS, "scale", "like", "max_bad_share")  # of raw files in MovieLens's layouts


def load(source: str | os.PathLike[str], **options: Any) -> ProcessedDataset:
    """Return a data set: `source` is the name of a prepared one, or a path.

    A path leads to a directory of MovieLens's files, to a YAML that describes tables of one's own, or to a prepared
    data set. Raw files are processed in a temporary directory. `options`: those of `movierec data prepare`, such as
    `scale="1:10"`, for raw files alone. Raises MissingInputError, which names the command that makes what is missing,
    DataError and UsageError.
    """
    if not isinstance(source, str | os.PathLike) or not os.fspath(source):  # type: ignore[redundant-expr]
        raise UsageError(f"Expected the name of a prepared data set ({_names()}) or a path, found {source!r}.")
    path = Path(source).expanduser()
    if isinstance(source, str) and is_name(source) and (is_prepared(source) or not path.exists()):
        return _prepared(source, options)
    if not path.exists():
        raise MissingInputError(
            f"There is nothing at {path}. Expected the name of a prepared data set ({_names()}), a directory of "
            "MovieLens's files, or a YAML that describes tables (`movierec data draft` writes one)."
        )
    if read_manifest(path) is not None:
        _refuse(options, str(path))
        return load_dataset(path.resolve().name, path.resolve().parent)
    return _processed(path, options)


def _prepared(name: str, options: dict[str, Any]) -> ProcessedDataset:
    if is_prepared(name):
        _refuse(options, name)
        return load_dataset(name)
    find_raw(name)  # without raw files it names the command that gets them
    raise MissingInputError(
        f"{name} is not prepared yet: run `movierec data prepare {name}`. Prepared data sets: {_names()}."
    )


def _processed(path: Path, options: dict[str, Any]) -> ProcessedDataset:
    name = path.resolve().stem if path.is_file() else path.resolve().name
    name = name if is_name(name) else "data"
    with tempfile.TemporaryDirectory() as scratch:
        if path.is_dir():
            if unknown := [key for key in options if key not in _OPTIONS]:
                raise UsageError(f"Unknown {', '.join(unknown)}; options are {', '.join(_OPTIONS)}.")
            paths = {key: Path(options[key]) for key in _PATHS if options.get(key) is not None}
            return prepare(name, raw=path, processed_root=Path(scratch), **{**options, **paths})
        description = build_source(read_source(path.absolute()) | options, str(path))
        return prepare(name, source=description, processed_root=Path(scratch))


def require_dataset(data: Any) -> None:
    """Raise UsageError for anything but a data set of `load`."""
    if not isinstance(data, ProcessedDataset):
        found = f"movierec.load({data!r}) gives one" if isinstance(data, str) else f"found {type(data).__name__}"
        raise UsageError(f"Expected a data set as movierec.load returns it; {found}.")


def _refuse(options: dict[str, Any], name: str) -> None:
    if options:
        raise UsageError(f"{name} is prepared already; {', '.join(options)} can only be given with raw files.")


def _names() -> str:
    root = home.processed_data()
    names = sorted(path.name for path in root.iterdir() if is_name(path.name)) if root.is_dir() else []
    return ", ".join(name for name in names if is_prepared(name)) or "none yet"
