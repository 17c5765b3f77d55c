"""HTTP as bytes: a request goes out as it is written, and the whole answer comes back untouched, headers too.

Only the standard library: what is tested here must not depend on the project's code or on a client's ideas of HTTP.
"""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

REQUESTS_PER_CONNECTION = 20  # so that a replay meets every worker
TIMEOUT_SECONDS = 60.0
_CHUNK = 1 << 16
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"^content-length: (\d+)\r?$", re.MULTILINE | re.IGNORECASE)
_CLOSES = re.compile(rb"^connection: close\r?$", re.MULTILINE | re.IGNORECASE)
_BODILESS = re.compile(rb"HTTP/1\.1 (?:204|304) ")


class Response(NamedTuple):
    """Status line with headers, and body."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])


class Client:
    """Sends requests one after the other to a local port, over connections that it renews now and then."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._requests = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._requests = None, 0

    def send(self, request: bytes) -> Response:
        """The answer to a request. Raises ConnectionError where the connection ends first."""
        if self._requests >= REQUESTS_PER_CONNECTION:
            self.close()
        self._requests += 1
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), TIMEOUT_SECONDS)
        try:
            self._socket.sendall(request)
            response = _receive(self._socket, has_body=not request.startswith(b"HEAD "))
        except OSError:
            self.close()
            raise
        if _CLOSES.search(response.head):
            self.close()
        return response

    def get(self, target: str, headers: str = "") -> Response:
        """The answer to a plain GET; `headers`: further lines, each with its end."""
        return self.send(f"GET {target} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n".encode())


def _receive(connection: socket.socket, *, has_body: bool) -> Response:
    received = b""
    while _HEAD_END not in received:
        received += _read(connection)
    head, _, body = received.partition(_HEAD_END)
    length = _LENGTH.search(head)
    if not has_body or _BODILESS.match(head):
        return Response(head, body)
    if length is None:
        raise ConnectionError(f"Expected an answer with a content-length, found {head.decode('latin-1')!r}.")
    while len(body) < int(length[1]):
        body += _read(connection)
    return Response(head, body)


def _read(connection: socket.socket) -> bytes:
    chunk = connection.recv(_CHUNK)
    if not chunk:
        raise ConnectionError("The service closed the connection before the answer was whole.")
    return chunk
