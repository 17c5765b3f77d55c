"""Reliability row 36: the page while the service is down, slow, not ready, or talks nonsense."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from serving.versions.model_store import ModelStore
from testing.service import free_port
from tests.webapp.conftest import Open, drawn, forget, serving
from webapp import source

Reply = tuple[int, bytes]
PAGES = ("overview", "recommendations", "for_you", "film_map", "analytics", "models")


@contextmanager
def answering(reply: Callable[[str], Reply]) -> Iterator[str]:
    """A server that answers every GET by `reply(path)`; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = reply(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.mark.fault(36)
@pytest.mark.parametrize("page", PAGES)
def test_service_down_is_a_message_and_a_retry(open_page: Open, page: str) -> None:
    app = open_page(page, url=f"http://127.0.0.1:{free_port()}")
    assert not app.exception
    assert "does not answer" in drawn(app)
    assert "127.0.0.1" not in app.warning[0].value
    assert any(button.label == "Try again" for button in app.button)


@pytest.mark.fault(36)
def test_retry_works_once_the_service_is_back(open_page: Open, toy_store: ModelStore) -> None:
    port = free_port()
    app = open_page("recommendations", url=f"http://127.0.0.1:{port}", film="Star Voyage")
    assert "does not answer" in drawn(app)
    with serving(toy_store, port):
        next(button for button in app.button if button.label == "Try again").click().run()
        assert "<h3>The Moon Thieves" in drawn(app)
        forget()
    app.run()
    assert "does not answer" in drawn(app)


@pytest.mark.fault(36)
def test_a_slow_service_ends_in_a_message_soon(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIEREC_API_READ_SECONDS", "0.2")

    def slow(path: str) -> Reply:
        time.sleep(2)
        return 200, b"{}"

    with answering(slow) as url:
        started = time.monotonic()
        app = open_page("recommendations", url=url)
        assert time.monotonic() - started < 30
        assert not app.exception
        assert "is slow right now" in drawn(app)


@pytest.mark.fault(36)
def test_no_model_yet_says_what_to_do(open_page: Open) -> None:
    problem = {"type": "urn:movierec:problem:no-model", "status": 503, "detail": "No model version is served yet."}
    with answering(lambda path: (503, json.dumps(problem).encode())) as url:
        app = open_page("overview", url=url)
        assert not app.exception
        assert "not ready" in drawn(app)
        assert "No model version is served yet. Try again in a moment." in drawn(app)


def test_the_first_training_is_told_until_a_model_is_served(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    status = {"running": True, "ended": ["Data (0.9 s): <b>"], "now": "30% of the models are registered"}
    (tmp_path / "status.json").write_text(json.dumps(status))
    monkeypatch.setenv("MOVIEREC_TRAINING_STATUS", str(tmp_path / "status.json"))
    with answering(lambda path: (503, b"{}")) as url:
        text = drawn(open_page("overview", url=url))
        assert "The first models are being trained" in text
        assert "Data (0.9 s): &lt;b&gt;" in text
        assert "30% of the models are registered" in text
        (tmp_path / "status.json").write_text(json.dumps(status | {"running": False}))
        assert "not ready" in drawn(open_page("overview", url=url))


@pytest.mark.fault(36)
@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"model": {"version": 3}}'])
def test_nonsense_is_a_message(open_page: Open, body: bytes) -> None:
    with answering(lambda path: (200, body)) as url:
        app = open_page("analytics", url=url)
        assert not app.exception
        assert "cannot read" in drawn(app)


@pytest.mark.fault(36)
def test_failures_are_not_remembered(api_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from client.errors import WebappError

    monkeypatch.setenv("MOVIEREC_API_URL", f"http://127.0.0.1:{free_port()}")
    forget()
    with pytest.raises(WebappError):
        source.served()
    monkeypatch.setenv("MOVIEREC_API_URL", api_url)
    assert source.served().model.version == "1"
