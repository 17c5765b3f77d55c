"""The example of docs/nginx.conf in front of real processes."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from testing.service import Service, listens
from tests.serving.conftest import ready

EXAMPLE = Path(__file__).parents[3] / "docs/nginx.conf"
TLS_EXAMPLE = EXAMPLE.with_name("nginx-tls.conf")
SELF_SIGNED = (
    "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
)  # fmt: skip
LIST = "/recommend/?title=Star%20Voyage&n=3"


@pytest.fixture(scope="module")
def proxied(live_service: Service) -> Iterator[httpx.Client]:
    """A client of nginx with the example's configuration, on free ports."""
    # so that a slow machine is not slower than the limit
    with (
        nginx(EXAMPLE, live_service, {"rate=20r/s": "rate=1r/s"}) as (_, port),
        client(f"http://127.0.0.1:{port}") as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def below_a_path(tmp_path_factory: pytest.TempPathFactory, full_bundle: Path) -> Iterator[httpx.Client]:
    """A client of nginx with TLS and a path prefix, which trusts nothing but the certificate made here."""
    service = Service(tmp_path_factory.mktemp("prefix"), workers=1, drain_seconds="0", root_path="/films")
    with ready(service, full_bundle), nginx(TLS_EXAMPLE, service, {}) as (root, port):
        trusted = ssl.create_default_context(cafile=str(root / "films.crt"))
        with client(f"https://localhost:{port}", verify=trusted) as opened:
            yield opened


def client(address: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=30, trust_env=False, **options)


@contextmanager
def nginx(example: Path, service: Service, changes: Mapping[str, str]) -> Iterator[tuple[Path, int]]:
    """Run nginx with a configuration of docs/ in front of a service; yield its directory and port."""
    command = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if command is None or shutil.which("openssl") is None:
        pytest.skip("no nginx or openssl here")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    text = example.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{service.port}")
    for own_port in ("127.0.0.1:8080", "127.0.0.1:8443"):
        text = text.replace(own_port, f"127.0.0.1:{port}")
    for old, new in changes.items():
        text = text.replace(old, new)
    # Its own short directory: the workers of a root's nginx are another user, who cannot enter pytest's.
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        root.chmod(0o755)
        (root / "nginx.conf").write_text(text)
        subprocess.run(
            [*SELF_SIGNED, "-keyout", "films.key", "-out", "films.crt"], cwd=root, check=True, capture_output=True
        )
        process = subprocess.Popen([command, "-p", directory, "-c", "nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            service.wait(lambda: process.poll() is not None or listens(port))
            yield root, port
        finally:
            process.terminate()
            process.wait(30)


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


@pytest.mark.fault(53)
def test_links_and_redirects_lead_below_the_path(below_a_path: httpx.Client) -> None:
    suggestion = below_a_path.get("/films/recommend/?title=Star%20Voyagee").json()["suggestions"][0]
    assert suggestion["link"].startswith("/films/recommend/?")
    assert below_a_path.get(suggestion["link"]).json()["query"]["title"] == "Star Voyage"
    posted = {"ratings": [{"title": "Star Voyagee", "rating": 4}], "on_unmatched": "skip", "likes": [1]}
    unmatched = below_a_path.post("/films/recommend/", json=posted).json()["query"]["unmatched"]
    assert {film["link"].partition("?")[0] for film in unmatched[0]["candidates"]} == {"/films/recommend/"}
    redirected = below_a_path.get("/films/movies/1/")
    assert redirected.status_code == 307
    assert redirected.headers["location"] == "/films/movies/1"
    assert below_a_path.get("/films/movies/1").status_code == 200


@pytest.mark.fault(53)
def test_an_answer_of_either_way_is_not_sent_again_below_the_path(below_a_path: httpx.Client) -> None:
    tag = below_a_path.get("/films" + LIST).headers["etag"]
    assert below_a_path.get("/films" + LIST, headers={"if-none-match": tag}).status_code == 304


@pytest.mark.fault(53)
@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_the_documentation_loads_nothing_from_elsewhere(below_a_path: httpx.Client, page: str) -> None:
    text = below_a_path.get(f"/films/{page}").text
    addresses = re.findall(r"(?:src|href|spec-url)=[\"'](.+?)[\"']|url: '(.+?)'", text)
    assert len(addresses) >= 3
    for address in (first or second for first, second in addresses):
        assert address.startswith("/films/")
        assert below_a_path.get(address).status_code == 200
    assert "https://" not in text
    assert below_a_path.get("/films/openapi.json").json()["servers"] == [{"url": "/films"}]
