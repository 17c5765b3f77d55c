"""Download one file over HTTP: bounded retries, a checksum, and no final file unless it is complete."""

from __future__ import annotations

import hashlib
import itertools
import logging
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pooch
import requests
from remotezip import RangeNotSupported, RemoteIOError, RemoteZip
from urllib3.exceptions import HTTPError, MaxRetryError

from recommender.errors import DataError, MissingInputError
from training.datasets.fetching.extract import DamagedArchiveError
from training.progress import Progress, silent

RETRIES = 3
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 30.0  # without a byte
MIN_BYTES_PER_SECOND = 2000  # on average, checked after PATIENCE_SECONDS
PATIENCE_SECONDS = 60.0
_BLOCK = 1 << 16
_RETRY_STATUS = {408, 425, 429}
_MD5 = re.compile(r"\b[0-9a-fA-F]{32}\b")

T = TypeVar("T")

# Errors that another try may mend.
_BROKEN = (requests.RequestException, RemoteIOError, HTTPError, zipfile.BadZipFile, DamagedArchiveError)

pooch.get_logger().setLevel(logging.WARNING)  # the caller reports progress


class Unreachable(MissingInputError):
    """Raised if the server cannot be reached or does not have the file."""


def download(url: str, target: Path, md5: str | None, max_bytes: int, progress: Progress = silent) -> None:
    """Download `url` to the file `target`, unless it is there already with the checksum `md5`.

    Raises Unreachable at once without a network, DataError if every try failed.
    """
    stream = _Stream(max_bytes, progress)
    files = pooch.create(
        path=target.parent,
        base_url="",
        registry={target.name: f"md5:{md5}" if md5 else None},
        urls={target.name: url},
        retry_if_failed=RETRIES,
    )
    try:
        files.fetch(target.name, downloader=stream)
    except (requests.RequestException, ValueError) as error:
        raise DataError(f"{url} could not be fetched whole in {stream.tries} tries: {error}") from error


def published_md5(url: str) -> str | None:
    """Fetch the checksum from the `.md5` file beside `url`, None if there is none. Raises Unreachable or DataError."""

    def read() -> str | None:
        with _get(f"{url}.md5") as response:
            response.raise_for_status()
            return find_md5(response.raw.read(1000).decode("ascii", "replace"))

    try:
        return _with_retries(f"{url}.md5", read)
    except _Gone:
        return None


def find_md5(text: str) -> str | None:
    """Return the first MD5 sum in a text ("MD5 (x.zip) = 0123..." or "0123...  x.zip"), or None."""
    match = _MD5.search(text)
    return match.group().lower() if match else None


def with_remote_archive(url: str, work: Callable[[zipfile.ZipFile], None]) -> None:
    """Call `work` with the zip archive at `url`, whose members are read through HTTP range requests, with retries.

    Raises Unreachable or DataError.
    """

    def once() -> None:
        # raises Unreachable, which RemoteZip does not tell from a connection that breaks
        _get(url, {"Range": "bytes=0-0"}).close()
        with RemoteZip(url, timeout=(CONNECT_SECONDS, SILENCE_SECONDS)) as archive:
            work(archive)

    try:
        _with_retries(url, once)
    except RangeNotSupported as error:
        raise Unreachable(f"{url} cannot be read in part: {error}") from error


def _with_retries(url: str, work: Callable[[], T]) -> T:
    for tries in range(1, RETRIES + 1):
        try:
            return work()
        except _BROKEN:
            time.sleep(tries)
    try:
        return work()
    except _BROKEN as error:
        raise DataError(f"{url} could not be read in {RETRIES + 1} tries: {error}") from error


def check_md5(path: Path, md5: str) -> None:
    """Raise DataError if the file at `path` has another MD5 sum."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "md5").hexdigest()
    if actual != md5:
        raise DataError(f"{path} has the MD5 {actual}, expected {md5}. Remove it and get it again.")


class _Gone(Unreachable):
    """Raised if the server answers that it does not have the file."""


class _Stream:
    """A pooch downloader that gives up on servers that send too much or too slowly."""

    def __init__(self, max_bytes: int, progress: Progress) -> None:
        self.tries = 0
        self._max_bytes = max_bytes
        self._progress = progress

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        self.tries += 1
        with _get(url) as response, Path(output_file).open("wb") as file:
            response.raise_for_status()
            self._copy(response, file, url.rsplit("/", 1)[-1])

    def _copy(self, response: requests.Response, file: BinaryIO, name: str) -> None:
        total = int(response.headers.get("Content-Length", 0))
        started, received = time.monotonic(), 0
        label = f"Downloading {name}" + (f" (try {self.tries})" if self.tries > 1 else "")
        for block in itertools.chain([b""], _blocks(response)):
            received += file.write(block)
            if max(received, total) > self._max_bytes:
                raise DataError(f"{name} is larger than the {self._max_bytes:,} bytes that are accepted.")
            seconds = time.monotonic() - started
            if seconds > PATIENCE_SECONDS and received < MIN_BYTES_PER_SECOND * seconds:
                raise requests.Timeout(f"only {received:,} bytes in {seconds:.0f} s")
            if total:
                self._progress(label, received / total)


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it arrives; `iter_content` would wait for a whole block from a slow server."""
    try:
        while block := response.raw.read1(_BLOCK, decode_content=True):
            yield block
    except HTTPError as error:
        raise requests.ConnectionError(error) from error


def _get(url: str, headers: dict[str, str] | None = None) -> requests.Response:
    """Send a GET request and return the opened response. Raises Unreachable if another try cannot help."""
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, SILENCE_SECONDS))
    except requests.ConnectTimeout as error:
        raise Unreachable(f"{url} cannot be reached: {error}") from error
    except requests.ConnectionError as error:
        if error.args and isinstance(error.args[0], MaxRetryError):  # no connection; not one that broke
            raise Unreachable(f"{url} cannot be reached: {error.args[0].reason}") from error
        raise
    if 400 <= response.status_code < 500 and response.status_code not in _RETRY_STATUS:
        response.close()
        raise _Gone(f"{url} answered {response.status_code} {response.reason}")
    return response
