"""Real processes that were given secrets: nobody gets in without them, and nothing they say or write shows one."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from serving.logs import without_credentials
from testing.service import Service

CANARY = "canary-7f3a"
GIVEN = {"authorization": f"Bearer {CANARY}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, toy_bundle: Path) -> Iterator[Service]:
    """A service with an admin token, and credentials for a registry that does not answer."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, CANARY)
        patched.setenv("MLFLOW_TRACKING_URI", f"http://{CANARY}:{CANARY}@127.0.0.1:9")
        root = tmp_path_factory.mktemp("guarded")
        made = Service(root, arguments=(), admin_token=CANARY, access_log="true", log_level="DEBUG")
        made.promote(toy_bundle, "1")
        with made as running:
            running.wait(lambda: running.json("/model").get("registry", {}).get("error"))
            yield running


@pytest.mark.parametrize("secret", ["plain", "with/slash", "with@sign", "with'quote", "with:colon"])
def test_no_password_is_left_of_an_address(secret: str) -> None:
    shown = without_credentials(f'{{"error":"no way to postgresql://user:{secret}@host/db","at":"noon"}}')
    assert shown == '{"error":"no way to postgresql://host/db","at":"noon"}'


@pytest.mark.fault(29)
def test_admin_needs_the_token(guarded: Service) -> None:
    url = f"http://127.0.0.1:{guarded.port}/admin/versions"
    assert httpx.get(url, headers=GIVEN).json()["served"] == "1-00000000"
    assert "bearer" in httpx.get(url).headers["www-authenticate"].lower()
    for headers, expected in (
        ({}, 401),
        ({"authorization": f"Basic {CANARY}"}, 401),
        ({"authorization": f"Bearer {CANARY.upper()}"}, 403),
    ):
        answer = httpx.get(url, headers=headers)
        assert answer.status_code == answer.json()["status"] == expected


def provoke(service: Service, bundle: Path) -> None:
    """A damaged version, a killed worker and a broken request."""
    service.wait(lambda: any(line["event"] == "registry_unavailable" for line in service.log()))
    entry = service.install(bundle, "2")
    (entry.bundle / "content.npy").unlink()  # before a worker can have opened it
    service.store.point("champion", entry)
    service.wait(lambda: any(line["event"] == "version_unusable" for line in service.log()))
    os.kill(service.workers()[0].pid, signal.SIGKILL)
    service.wait(lambda: any(line["event"] == "process_ended" for line in service.log()))
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        raw.sendall(b"no request\r\n\r\n")
        assert b"400" in raw.recv(1024)


@pytest.mark.fault(30)
def test_no_secret_is_logged_answered_written_or_listed(guarded: Service, toy_bundle: Path) -> None:
    provoke(guarded, toy_bundle)
    paths = ["/admin/versions", "/admin/nothing", "/recommend/?title=Nothing", "/recommend/?n=x", "/movies/0", "/docs"]
    paths += ["/openapi.json", "/metrics", "/model", "/livez", "/readyz"]
    shown = [guarded.get(path, headers)[1] for path in paths for headers in ({}, GIVEN, {"authorization": "Bearer x"})]
    assert all(shown)
    assert guarded.process is not None
    processes = [guarded.process.pid, *(child.pid for child in psutil.Process(guarded.process.pid).children())]
    shown += [" ".join(psutil.Process(pid).cmdline()).encode() for pid in processes]
    shown += [file.read_bytes() for file in guarded.store.root.rglob("*") if file.is_file()]
    events = {line["event"] for line in guarded.log()}
    assert events >= {"registry_unavailable", "version_unusable", "process_ended", "request"}
    assert CANARY not in guarded.output()
    assert not [text for text in shown if CANARY.encode() in text]
