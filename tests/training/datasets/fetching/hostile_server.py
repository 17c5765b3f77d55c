"""An HTTP server that cuts, slows, lies and refuses, one fault for each path prefix."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class HostileServer(ThreadingHTTPServer):
    """Serves the files of `root` under /<fault>/<file>; `requests` counts what was asked for, `sent` the bytes sent."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.requests: Counter[str] = Counter()
        self.sent = 0
        self.stopped = threading.Event()

    def pause(self, seconds: float) -> None:
        self.stopped.wait(seconds)

    def url(self, fault: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{fault}"


class Handler(BaseHTTPRequestHandler):
    """`sound`; `norange`; `flaky<n>` and `cut<n>`: the first n requests of a file fail; `bent`: one byte changed."""

    server: HostileServer

    def do_GET(self) -> None:
        _, fault, name = self.path.split("/", 2)
        self.server.requests[name] += 1
        path = self.server.root / name.removesuffix(".md5")
        if not path.is_file() or fault == "gone":
            self.send_error(404)
            return
        data = path.read_bytes()
        if name.endswith(".md5"):
            if fault == "nosum":
                self.send_error(404)
                return
            data = f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {path.name}\n".encode()
            self.answer(200, data)
            return
        self.serve(fault, name, data)

    def serve(self, fault: str, name: str, data: bytes) -> None:
        failing = (match := re.fullmatch(r"(flaky|cut)(\d+)", fault)) and self.server.requests[name] <= int(match[2])
        if failing and fault.startswith("flaky"):
            self.send_error(500)
        elif fault == "bent":
            self.answer(200, data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
        elif fault == "slow":
            self.answer(200, data, pause=0.3)
        elif fault == "huge":
            self.send_response(200)
            self.send_header("Content-Length", str(10**12))
            self.end_headers()
            self.wfile.write(data)
        else:
            self.ranged(data, cut=bool(failing), ignore=fault == "norange")

    def ranged(self, data: bytes, cut: bool, ignore: bool) -> None:
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not asked or ignore:
            self.answer(200, data, cut=cut)
            return
        first = int(asked[1]) if asked[1] else max(0, len(data) - int(asked[2]))
        last = min(int(asked[2]) if asked[1] and asked[2] else len(data) - 1, len(data) - 1)
        self.answer(206, data[first : last + 1], cut=cut, span=f"bytes {first}-{last}/{len(data)}")

    def answer(self, status: int, body: bytes, pause: float = 0, cut: bool = False, span: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        try:
            for start in range(0, len(body), 1000):
                if cut and start >= len(body) // 2:
                    self.connection.close()
                    return
                self.wfile.write(body[start : start + 1000])
                self.server.sent += len(body[start : start + 1000])
                self.server.pause(pause)
        except OSError:
            pass  # the client has had enough

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(root: Path) -> Iterator[HostileServer]:
    """A server in a thread of its own."""
    with HostileServer(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()
