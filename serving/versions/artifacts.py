"""Download a bundle from the artifact address that a registry names, within rules that a hostile registry cannot bend.

The manifest is read first; only the files that it lists are fetched, each at most as long as it is listed, and no
listing or file name of the artifact store is ever used. Addresses are followed only to where `ArtifactRules` allows.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import SplitResult, unquote, urlsplit

from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.rest_utils import http_request
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from recommender.bundle import MANIFEST, MANIFEST_BYTES, Manifest, read_manifest
from recommender.errors import BundleError, BundleIntegrityError
from serving.logs import without_credentials
from serving.versions.deadline import within

START_SECONDS = 10.0
SLOWEST = 100_000  # bytes a second
_CHUNK = 1 << 20
_LOCAL = ("", "file")
_HTTP = ("http", "https")
_PROXIED = "mlflow-artifacts"  # artifacts that the tracking server hands out itself


@dataclass(frozen=True)
class ArtifactRules:
    """Limits on downloads: allowed addresses beside the registry's own, and the size of a version."""

    sources: tuple[str, ...] = ()  # addresses such as s3://bucket/films; everything below them is allowed
    max_bytes: int = 20 << 30
    max_files: int = 2000


def require_allowed(address: str, tracking_uri: str, rules: ArtifactRules) -> None:
    """Raise BundleError unless the registry at `tracking_uri` may name the artifact address `address`.

    A local registry may name local files; a server may name itself; everything else must be in `rules.sources`.
    """
    if _is_own(address, urlsplit(tracking_uri)) or any(_is_below(address, source) for source in rules.sources):
        return
    safe_address = without_credentials(address)[:200]
    raise BundleError(
        f"The registry names the artifact address {safe_address!r}, which is neither its own nor allowed; nothing was "
        "fetched. If that is where its artifacts lie, allow the address or one above it with "
        'MOVIEREC_ARTIFACT_SOURCES, a JSON list such as ["s3://bucket/films"].'
    )


def fetch_bundle(address: str, tracking_uri: str, destination: Path, rules: ArtifactRules) -> None:
    """Download the bundle at an allowed address to the new directory `destination`.

    Raises BundleError where it is larger than the rules allow or a file is longer than its manifest says, and what
    MLflow or the file system raise.
    """
    require_allowed(address, tracking_uri, rules)
    destination.mkdir(parents=True)
    _fetch_file(address, tracking_uri, destination / MANIFEST, MANIFEST_BYTES)
    manifest = read_manifest(destination)
    _require_size(manifest, rules)
    for name, entry in manifest.files.items():
        _fetch_file(address, tracking_uri, destination / f"{name}.npy", entry.bytes)


def fetch_manifest(address: str, tracking_uri: str, rules: ArtifactRules) -> Manifest:
    """Return the manifest of the bundle at an allowed address. Raises as `fetch_bundle` does."""
    require_allowed(address, tracking_uri, rules)
    with TemporaryDirectory() as scratch:
        _fetch_file(address, tracking_uri, Path(scratch) / MANIFEST, MANIFEST_BYTES)
        return read_manifest(Path(scratch))


def _require_size(manifest: Manifest, rules: ArtifactRules) -> None:
    sizes = [entry.bytes for entry in manifest.files.values()]
    if len(sizes) > rules.max_files or sum(sizes) > rules.max_bytes or min(sizes, default=0) < 0:
        raise BundleError(
            f"The version lists {len(sizes)} files of {sum(sizes)} bytes; expected at most {rules.max_files} files "
            f"(MOVIEREC_MAX_VERSION_FILES) of {rules.max_bytes} bytes (MOVIEREC_MAX_VERSION_BYTES)."
        )


def _fetch_file(address: str, tracking_uri: str, target: Path, limit: int) -> None:
    """Download the file of the same name below `address`, at most `limit` bytes of it, and not slower than SLOWEST."""
    within(2 * START_SECONDS + limit / SLOWEST, lambda: _copy_file(address, tracking_uri, target, limit))


def _copy_file(address: str, tracking_uri: str, target: Path, limit: int) -> None:
    began, length = time.monotonic(), 0
    with _stream(address, tracking_uri, target.name) as chunks, target.open("xb") as sink:
        for chunk in chunks:
            length += len(chunk)
            if length > limit:
                raise BundleIntegrityError(f"Bundle file {target.name} is longer than expected; broken off.")
            if time.monotonic() > began + START_SECONDS + length / SLOWEST:
                raise BundleIntegrityError(f"Bundle file {target.name} comes slower than {SLOWEST} bytes a second.")
            sink.write(chunk)


def _stream(address: str, tracking_uri: str, name: str) -> AbstractContextManager[Iterator[bytes]]:
    if urlsplit(address).scheme in _LOCAL:
        return _from_file(Path(local_file_uri_to_path(address)) / name)
    repository = get_artifact_repository(address, tracking_uri=tracking_uri)
    if isinstance(repository, HttpArtifactRepository):
        return _from_server(repository.artifact_uri, name)
    return _from_elsewhere(repository, name)


@contextmanager
def _from_file(file: Path) -> Iterator[Iterator[bytes]]:
    with open(file, "rb", opener=_open_no_link) as source:
        yield iter(lambda: source.read(_CHUNK), b"")


def _open_no_link(path: str, flags: int) -> int:
    """Open a file of its own: a link may lead anywhere, and a pipe would block."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BundleIntegrityError(f"Expected a plain file {Path(path).name} at the artifact address.")
    return descriptor


@contextmanager
def _from_server(url: str, name: str) -> Iterator[Iterator[bytes]]:
    """Download without redirects; MLflow's own download follows redirects and presigned addresses to anywhere."""
    credentials = get_default_host_creds(url)
    with closing(http_request(credentials, f"/{name}", "GET", stream=True, allow_redirects=False)) as response:
        if response.status_code != HTTPStatus.OK:
            raise BundleIntegrityError(
                f"The artifact store answers {response.status_code} for {name}; expected 200, without a redirect."
            )
        yield iter(partial(_read_some, response.raw), b"")


def _read_some(source: HTTPResponse) -> bytes:
    """Return what has come, at most _CHUNK bytes; b"" at the end. requests waits until so many have come."""
    try:
        return source.read1(_CHUNK, decode_content=True)
    except HTTPError as error:
        raise BundleIntegrityError(f"The artifact store broke off: {error}") from error


@contextmanager
def _from_elsewhere(repository: ArtifactRepository, name: str) -> Iterator[Iterator[bytes]]:
    """Download from an address of another scheme, which a setting allows; MLflow downloads whole files."""
    with (
        TemporaryDirectory() as scratch,
        _from_file(Path(repository.download_artifacts(name, dst_path=scratch))) as chunks,
    ):
        yield chunks


def _is_own(address: str, tracking: SplitResult) -> bool:
    url = urlsplit(address)
    if url.scheme in _LOCAL:
        return not url.netloc and (tracking.scheme in _LOCAL or tracking.scheme.startswith("sqlite"))
    if tracking.scheme not in _HTTP or not _is_plain(url):
        return False
    host = tracking.netloc.rpartition("@")[2]  # without credentials
    proxied = url.scheme == _PROXIED and url.netloc in ("", host)
    return proxied or (url.scheme, url.netloc) == (tracking.scheme, host)


def _is_below(address: str, source: str) -> bool:
    """Return whether an address is the allowed one or below it; without a host it allows every host."""
    url, allowed = urlsplit(address), urlsplit(source)
    above = allowed.path.rstrip("/")
    return (
        (url.scheme or "file") == allowed.scheme
        and allowed.netloc in ("", url.netloc)
        and (url.path == above or url.path.startswith(f"{above}/"))
        and _is_plain(url)
    )


def _is_plain(url: SplitResult) -> bool:
    """Return whether the path has no step upwards, however encoded, no query and no control characters."""
    path = unquote(unquote(url.path))
    return not (url.query or url.fragment or ".." in path.split("/") or any(sign < " " for sign in path))
