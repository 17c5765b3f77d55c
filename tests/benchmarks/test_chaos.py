"""What `movierec bench chaos` injects does damage, and its oracle tells a wrong answer from a right one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import pytest

from benchmarks.service.chaos_faults import DAMAGES
from benchmarks.service.chaos_http import ARTIFACTS, MISLEADING, UNREACHABLE, Proxy
from benchmarks.service.chaos_system import Oracle

ANSWER = b'{"model_version": {"version": "3"}}'
GIVE_UP_SECONDS = 0.5


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_each_damage_is_one(tmp_path, name):
    file, other = tmp_path / "store" / "content.npy", tmp_path / "store" / "other.npy"
    file.parent.mkdir()
    file.write_bytes(content := bytes(range(200)))
    other.write_bytes(b"other")
    DAMAGES[name](file, 0.5, other)
    is_unreadable = file.exists() and file.stat().st_mode & 0o777 == 0
    assert is_unreadable or not file.is_file() or file.is_symlink() or file.read_bytes() != content


class Upstream(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    with upstream, Proxy(upstream.server_port) as proxy:
        for server in (upstream, proxy):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield proxy
        proxy.shutdown()
        upstream.shutdown()


def ask(proxy: Proxy, path: str, seconds: float = 60) -> bytes:
    with urlopen(f"http://127.0.0.1:{proxy.server_port}{path}", timeout=seconds) as answer:
        return bytes(answer.read(len(ANSWER)))


@pytest.mark.parametrize("how", [*UNREACHABLE, *MISLEADING])
def test_a_registry_over_http_misbehaves_until_it_is_whole_again(proxy, how):
    with proxy.misbehaving({**UNREACHABLE, **MISLEADING}[how], ARTIFACTS):
        assert ask(proxy, "/api") == ANSWER
        with suppress(OSError, HTTPException):
            assert ask(proxy, f"/api{ARTIFACTS}x", GIVE_UP_SECONDS) != ANSWER
    assert ask(proxy, f"/api{ARTIFACTS}x") == ANSWER


def test_an_answer_is_right_if_the_version_that_it_names_gave_it():
    oracle, answer = Oracle(), {"model": {"version": "1", "stale": False}, "films": [5, 9]}
    oracle.learn("/x", json.dumps(answer).encode())
    stale = {**answer, "model": {"version": "1", "stale": True}}
    assert oracle.is_right("/x", json.dumps(stale).encode())
    wrong_answers: list[object] = [
        {**answer, "films": [9, 5]},
        {**answer, "model": {"version": "2"}},
        {"films": [5, 9]},
    ]
    for wrong in (*wrong_answers, []):
        assert not oracle.is_right("/x", json.dumps(wrong).encode())
    assert not oracle.is_right("/y", json.dumps(answer).encode())
    assert not oracle.is_right("/x", b"")
