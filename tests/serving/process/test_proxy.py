"""The example of docs/nginx.conf in front of real processes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from testing.service import Service

EXAMPLE = Path(__file__).parents[3] / "docs/nginx.conf"
LIST = "/recommend/?title=Star%20Voyage&n=3"


@pytest.fixture(scope="module")
def proxied(live_service: Service) -> Iterator[httpx.Client]:
    """A client of nginx with the example's configuration, on free ports."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("no nginx here")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    text = EXAMPLE.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{live_service.port}")
    text = text.replace("rate=20r/s", "rate=1r/s")  # so that a slow machine is not slower than the limit
    # Its own short directory: the workers of a root's nginx are another user, who cannot enter pytest's.
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        (Path(root) / "nginx.conf").write_text(text.replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
        process = subprocess.Popen([nginx, "-p", root, "-c", "nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            live_service.wait(lambda: process.poll() is not None or _listens(port))
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as opened:
                yield opened
        finally:
            process.terminate()
            process.wait(30)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_it_hands_answers_and_problems_on(proxied: httpx.Client, live: httpx.Client) -> None:
    assert proxied.get(LIST).content == live.get(LIST).content
    assert proxied.get("/recommend/?title=Nothing").headers["content-type"] == "application/problem+json"


def test_posting_needs_a_key_and_operators_addresses_stay_inside(proxied: httpx.Client) -> None:
    assert proxied.post("/recommend/", json={"likes": [1]}).status_code == 401
    assert proxied.post("/recommend/", json={"likes": [1]}, headers={"x-api-key": "change-me"}).status_code == 200
    for path in ("/metrics", "/livez", "/readyz", "/admin/versions"):
        assert proxied.get(path).status_code == 404


def test_one_address_is_held_to_its_rate(proxied: httpx.Client) -> None:
    told = Counter(proxied.get(LIST).status_code for _ in range(400))
    assert set(told) == {200, 429}
    assert told[200] >= 30  # the burst, less what the tests before took of it
