"""The model bundle: a directory of `manifest.json` and `.npy` arrays.

Saving is atomic (temporary directory, fsync, rename) and files are never edited in place. Loading checks every file's
size and sha256 before anything is mapped, opens arrays with `mmap_mode="r"` and never unpickles. A hash in the same
artifact proves integrity, not origin.

Besides the arrays that the scorers name, a bundle holds `movie_ids` and `user_ids` (raw ids by row, as `IdMap.arrays`
writes them), `neighbour_rows` (n_movies, k) int32 and `neighbour_scores` float32 (each item's nearest items, padded
with -1), and the arrays of `catalog`, `facets`, `titles`, `history` and, if it was fitted on all ratings, `extras`,
each documented in its module.

Bundles are written in format 2. Those of format 1 are read as if they were of format 2 (`recommender.format_one`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StringConstraints, ValidationError

from recommender.about import About
from recommender.errors import BundleFormatError, BundleIntegrityError
from recommender.feedback import MOVIELENS, Feedback
from recommender.files import new_directory, sha256_of, write_bytes
from recommender.films.ids import RawId
from recommender.format_one import FILMS_OF_FORMAT_ONE, upgraded
from recommender.items import FILMS, Items
from recommender.scoring.specs import FactorSpec, ItemSpec, UserSpec
from recommender.spec import Spec

FORMAT: Literal[2] = 2
MANIFEST = "manifest.json"
MANIFEST_BYTES = 16 << 20  # a longer manifest is refused
_QUOTED = 40  # characters of a manifest's values that an error repeats
BUNDLE = "bundle"  # a bundle's directory in the artifacts of a version: artifacts/bundle/manifest.json

# A name becomes a file name: nothing in it may lead out of the bundle.
ArrayName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class FileEntry(Spec):
    """Hash, size, dtype and shape of one array file."""

    sha256: str
    bytes: int
    dtype: str
    shape: list[int]


class DatasetInfo(Spec):
    """The data set that the model was fitted on."""

    name: str
    fingerprint: str
    snapshot: dict[str, Any] = Field(description="films, users, ratings, density, ...: what the overview shows")


class Metric(Spec):
    """One metric under one evaluation protocol, with its 95 % bootstrap interval."""

    protocol: str
    name: str
    value: float
    lo: float | None = None
    hi: float | None = None
    run_id: str | None = Field(None, description="evaluation run that computed it")


class Golden(Spec):
    """A query with the answer that the model gave when it was saved; a loaded bundle must give it again."""

    subject: Literal["movie", "user"]
    id: RawId = Field(description="raw movie or user id")
    movie_ids: list[RawId] = Field(description="answer, best first")
    scores: list[float]


class Manifest(Spec):
    """Content of `manifest.json`: what the model is, its scorers, metrics and files."""

    format: Literal[1, 2] = FORMAT
    movierec: str | None = Field(None, description="version of the code that wrote it; not in format 1")
    algorithm: str
    created: str = Field(description="ISO 8601, UTC")
    git_commit: str | None
    dataset: DatasetInfo
    feedback: Feedback = Field(MOVIELENS, description="scale of the ratings, or that there are only events")
    items: Items = Field(FILMS, description="the word for an item, and its facets")
    genre_names: list[str] | None = Field(None, description="format 1 alone: the genre of each bit")
    parameters: dict[str, Any]
    about: dict[str, About] = Field({}, description="what readers are told of each algorithm in it, by name")
    item_scorer: ItemSpec
    user_scorer: UserSpec
    rating_scorer: FactorSpec | None = Field(None, description="predicted stars, where the model has them")
    content_embedding: str | None = Field(None, description="array (n_movies, d) for diversity, unit rows")
    metrics: list[Metric] = []
    golden: list[Golden] = []
    files: dict[ArrayName, FileEntry] = Field({}, description="by array name")


Arrays = Mapping[str, NDArray[Any]]


def save_bundle(path: Path, manifest: Manifest, arrays: Arrays) -> Manifest:
    """Write a new bundle and return its manifest, completed with every file's hash.

    Raises BundleIntegrityError if `path` exists or an array holds Python objects.
    """
    if os.path.lexists(path):
        raise BundleIntegrityError(f"Expected a new directory for the bundle, found {path.name} in place.")
    with new_directory(path) as scratch:
        files = {name: _write_array(scratch / f"{name}.npy", array) for name, array in arrays.items()}
        complete = manifest.model_copy(update={"files": files, "movierec": code_version()})
        write_bytes(scratch / MANIFEST, complete.model_dump_json(indent=1).encode())
    return complete


def read_manifest_bytes(path: Path) -> bytes:
    """Read the manifest file of a bundle. Raises BundleIntegrityError where it is missing, no file or too long."""
    file = path / MANIFEST
    if not file.exists():
        raise BundleIntegrityError(f"Expected {MANIFEST} in the bundle {path.name}, found none.")
    if not file.is_file():  # a pipe would block
        raise BundleIntegrityError(f"Expected a file {MANIFEST} in the bundle {path.name}, found something else.")
    with file.open("rb") as source:
        content = source.read(MANIFEST_BYTES + 1)
    if len(content) > MANIFEST_BYTES:
        raise BundleIntegrityError(f"{MANIFEST} of the bundle {path.name} is longer than {MANIFEST_BYTES} bytes.")
    return content


def read_manifest(path: Path) -> Manifest:
    """Read a bundle's manifest without checking its files. Raises BundleFormatError or BundleIntegrityError."""
    try:
        raw = json.loads(read_manifest_bytes(path))
    except (ValueError, RecursionError) as error:
        raise BundleIntegrityError(f"{MANIFEST} of the bundle {path.name} is no JSON: {error}.") from error
    number = raw.get("format") if isinstance(raw, dict) else None
    if number not in (1, FORMAT):
        raise BundleFormatError(
            f"Expected bundle format 1 or {FORMAT}, found {number!r}; use a matching movierec version."
        )
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        if unknown := _unknown_scorer(error):
            written_by = str(raw.get("movierec") or "an unknown version")[:_QUOTED]
            raise BundleFormatError(
                f"The bundle {path.name} has a scorer that this movierec {code_version()} does not know: {unknown}. "
                f"It was written by movierec {written_by}; use that version or a later one."
            ) from error
        raise BundleIntegrityError(f"{MANIFEST} of the bundle {path.name} is not valid: {error}.") from error
    return manifest.model_copy(update={"items": FILMS_OF_FORMAT_ONE}) if manifest.format == 1 else manifest


def _unknown_scorer(error: ValidationError) -> str | None:
    """Return which scorer is of a kind or version that this code does not know; None where something else is wrong."""
    for fault in error.errors():
        place = [str(step) for step in fault["loc"]]
        if fault["type"] == "union_tag_invalid":
            kind, expected_kinds = fault["ctx"]["tag"][:_QUOTED], fault["ctx"]["expected_tags"]
            return f"{'.'.join(place)} of kind {kind}, expected one of {expected_kinds}"
        if place[-1] == "version":
            return f"{'.'.join(place[:-1])} in version {str(fault['input'])[:_QUOTED]}"
    return None


def code_version() -> str:
    """Return the version of the installed project."""
    try:
        return metadata.version("movierec")
    except metadata.PackageNotFoundError:  # a copy of the code beside a logged model
        return "unknown"


def verify_bundle(path: Path) -> Manifest:
    """Check size and sha256 of every file of a bundle and return its manifest. Raises BundleError."""
    manifest = read_manifest(path)
    for name, entry in manifest.files.items():
        _verify_file(path / f"{name}.npy", entry)
    return manifest


def load_arrays(path: Path, manifest: Manifest) -> dict[str, NDArray[Any]]:
    """Map all arrays of a bundle into memory, read-only, so that processes share the pages; in the form of format 2."""
    arrays = {name: _map_array(path / f"{name}.npy", entry) for name, entry in manifest.files.items()}
    return upgraded(arrays, manifest.genre_names or []) if manifest.format == 1 else arrays


def _map_array(file: Path, entry: FileEntry) -> NDArray[Any]:
    if not file.is_file():  # a pipe would block
        raise BundleIntegrityError(f"Bundle file {file.name} cannot be mapped: it is missing or no plain file.")
    try:
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleIntegrityError(f"Bundle file {file.name} cannot be mapped: {error}.") from error
    if list(mapped.shape) != entry.shape or str(mapped.dtype) != entry.dtype:
        raise BundleIntegrityError(
            f"Bundle file {file.name}: expected {entry.dtype}{entry.shape}, found {mapped.dtype}{list(mapped.shape)}."
        )
    # A plain view of the mapping: indexing an ndarray costs a third of indexing a memmap.
    return np.asarray(mapped)


def _verify_file(file: Path, entry: FileEntry) -> None:
    if not file.is_file() or file.is_symlink():
        raise BundleIntegrityError(f"Bundle file {file.name} is missing.")
    if file.stat().st_size != entry.bytes:
        raise BundleIntegrityError(
            f"Bundle file {file.name}: expected {entry.bytes} bytes, found {file.stat().st_size}."
        )
    if sha256_of(file) != entry.sha256:
        raise BundleIntegrityError(f"Bundle file {file.name}: its sha256 differs from the manifest's.")


def _write_array(file: Path, array: NDArray[Any]) -> FileEntry:
    if array.dtype.hasobject:
        raise BundleIntegrityError(f"Array {file.stem} holds Python objects; a bundle holds plain numbers only.")
    with file.open("wb") as sink:
        np.save(sink, np.ascontiguousarray(array), allow_pickle=False)
        sink.flush()
        os.fsync(sink.fileno())
    return FileEntry(sha256=sha256_of(file), bytes=file.stat().st_size, dtype=str(array.dtype), shape=list(array.shape))
