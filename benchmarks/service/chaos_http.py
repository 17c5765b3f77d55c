"""A tracking server over HTTP, and a proxy before it that is slow, gone, wrong or hostile when it is told to."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from recommender.errors import MovierecError
from serving.process.python import module_command
from testing.service import answers, free_port, server

ARTIFACTS = "/mlflow-artifacts/"  # in the path of what fetches a version's files
JUNK = b"[" * 100_000
_DRIP_SECONDS = 0.02

Misbehaviour = Callable[["_Handler"], object]


class Registry:
    """A tracking server at `uri`, and the same at `proxied_uri` through a proxy that can misbehave."""

    def __init__(self, mlruns: Path) -> None:
        port = free_port()
        self.uri = f"http://127.0.0.1:{port}"
        command = module_command(
            *("mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)),
            *("--backend-store-uri", f"sqlite:///{mlruns}/mlflow.db"),
            *("--serve-artifacts", "--artifacts-destination", str(mlruns / "artifacts")),
        )
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        failure, quiet = MovierecError("The tracking server did not start."), subprocess.DEVNULL
        self._server = ExitStack()
        self._server.enter_context(
            server(command, lambda: answers(f"{self.uri}/health"), failure, env=environment, stdout=quiet, stderr=quiet)
        )
        self.proxy = Proxy(port)
        self.proxied_uri = f"http://127.0.0.1:{self.proxy.server_port}"
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End both."""
        self.proxy.shutdown()
        self.proxy.server_close()
        self._server.close()


class Proxy(ThreadingHTTPServer):
    """Passes requests on to the port `upstream`, unless it misbehaves."""

    daemon_threads = True

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.misbehave: Misbehaviour | None = None
        self.only = ""
        self.whole = threading.Event()  # set when the proxy no longer misbehaves

    @contextmanager
    def misbehaving(self, how: Misbehaviour, only: str = "") -> Iterator[None]:
        """Answer requests whose path contains `only` by `how` until the block ends."""
        self.whole.clear()
        self.misbehave, self.only = how, only
        try:
            yield
        finally:
            self.misbehave = None
            self.whole.set()

    def handle_error(self, *_: object) -> None:
        """Say nothing: callers break off what never ends."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        """Misbehave, or answer as the server does."""
        if self.server.misbehave and self.server.only in self.path:
            self.server.misbehave(self)
        else:
            self.answer(*self.upstream())

    do_POST = do_GET

    def upstream(self) -> tuple[int, bytes]:
        """Return what the server answers."""
        length = int(self.headers.get("content-length") or 0)
        headers = {name: value for name, value in self.headers.items() if name.lower() in {"content-type", "accept"}}
        body = self.rfile.read(length)
        with closing(HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)) as connection:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_for_ever(self, chunk: bytes, pause: float = 0) -> None:
        """Send an answer without an end."""
        self.send_response(200)
        self.end_headers()
        while not self.server.whole.wait(pause):
            self.wfile.write(chunk)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _renamed(handler: _Handler) -> None:
    status, body = handler.upstream()
    handler.answer(status, body.replace(b'"version": "', b'"version": "../../../victim'))


UNREACHABLE: dict[str, Misbehaviour] = {
    "slow, it accepts and says nothing": lambda handler: handler.server.whole.wait(),
    "slow, a byte at a time": lambda handler: handler.send_for_ever(b"[", _DRIP_SECONDS),
    "gone, it closes each connection": lambda handler: handler.connection.close(),
    "wrong, 500": lambda handler: handler.answer(500, b"{}"),
    "wrong, junk": lambda handler: handler.answer(200, JUNK),
    "hostile, it leads elsewhere": lambda handler: handler.answer(302, b"", location="http://127.0.0.1:9/"),
    "hostile, answers without an end": lambda handler: handler.send_for_ever(JUNK),
}
MISLEADING: dict[str, Misbehaviour] = {
    "wrong, it says nothing of what was asked": lambda handler: handler.answer(200, b"{}"),
    "hostile, versions are named like paths": _renamed,
}
