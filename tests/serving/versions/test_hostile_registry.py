"""A registry server that lies: nothing outside the store changes, nothing is fetched from elsewhere, and it is told."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from mlflow.store.artifact import artifact_repository_registry
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from recommender.errors import BundleError
from serving.process import puller_process
from serving.process.puller_process import puller_of
from serving.settings import Settings
from serving.versions import artifacts, bounded
from serving.versions.artifacts import ArtifactRules, require_allowed
from serving.versions.model_store import ModelStore
from serving.versions.ownership import mark_store

RUN = "0123456789abcdef0123456789abcdef"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
ENDLESS = 400 << 20  # bytes; a caller that reads them all has no limit


class Server(ThreadingHTTPServer):
    """As much of MLflow's REST interface as a puller calls, with answers that a test chooses."""

    daemon_threads = True

    def __init__(self, files: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files  # served below the artifacts' address
        self.version, self.run_id = "1", RUN
        self.source = "mlflow-artifacts:/good"
        self.places: dict[str, str] = {}  # artifact addresses by id of model or run
        self.redirect = ""  # prefix that artifacts are sent away to
        self.endless = ""  # name of a file, or a call, whose answer never ends
        self.dripping = ""  # name of a file whose bytes come one by one until `released`
        self.released = threading.Event()
        self.asked: list[str] = []
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        self.server.asked.append(place.path)
        if place.path.startswith(ARTIFACTS):
            self._artifact(unquote(place.path.removeprefix(ARTIFACTS)), parse_qs(place.query))
            return
        call = place.path.removeprefix("/api/2.0/mlflow/")
        if call == self.server.endless:
            self._send_for_ever()
            return
        identity = parse_qs(place.query).get("run_id", [call.rpartition("/")[2]])[0]
        where = self.server.places.get(identity, "")
        version = {"name": "movielens-recommender", "version": self.server.version, "run_id": self.server.run_id}
        tags = [{"key": "verdict", "value": "promote"}, {"key": "algorithm", "value": "toy"}]
        answers: dict[str, Any] = {
            "registered-models/alias": {"model_version": version | {"source": self.server.source, "tags": tags}},
            "registered-models/get": {"registered_model": {"name": "movielens-recommender"}},
            "model-versions/get-download-uri": {"artifact_uri": self.server.source},
            "runs/get": {"run": {"info": {"run_id": identity, "artifact_uri": where}, "data": {}}},
            f"logged-models/{identity}": {"model": {"info": {"model_id": identity, "artifact_uri": where}, "data": {}}},
        }
        self._send(json.dumps(answers[call]).encode() if call in answers else None)

    def _artifact(self, path: str, query: dict[str, list[str]]) -> None:
        if self.server.redirect:
            self.send_response(302)
            self.send_header("location", f"{self.server.redirect}{self.path}")
            self.end_headers()
            return
        if "path" in query:  # a listing, which a trusting caller asks for
            base = self.server.files / query["path"][0]
            found = sorted(base.iterdir()) if base.is_dir() else []
            files = [{"path": file.name, "is_dir": file.is_dir(), "file_size": 1} for file in found]
            self._send(json.dumps({"files": files}).encode())
            return
        if self.server.endless and path.endswith(self.server.endless):
            self._send_for_ever()
            return
        file = self.server.files / path.lstrip("/")
        if self.server.dripping and path.endswith(self.server.dripping):
            self._drip(file.read_bytes())
            return
        self._send(file.read_bytes() if file.is_file() else None)

    def _send(self, content: bytes | None) -> None:
        self.send_response(404 if content is None else 200)
        self.send_header("content-length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def _send_for_ever(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while self.server.sent < ENDLESS:
                self.server.sent += self.wfile.write(b" " * (1 << 16))
        except OSError:
            self.close_connection = True

    def _drip(self, content: bytes) -> None:
        """Send a file whole, but no faster than a byte in 50 ms for 10 s."""
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        try:
            for position in range(200):
                self.wfile.write(content[position : position + 1])
                if self.server.released.wait(0.05):
                    break
            self.wfile.write(content[position + 1 :])
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(files: Path) -> Iterator[Server]:
    with Server(files) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def files(tmp_path: Path, toy_bundle: Path) -> Path:
    """What the registry's artifact store holds: one good version."""
    shutil.copytree(toy_bundle, tmp_path / "files" / "good" / "artifacts" / "bundle")
    return tmp_path / "files"


@pytest.fixture
def hostile(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name, value in puller_process._ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with serving(files) as server:
        yield server


@pytest.fixture
def elsewhere(files: Path) -> Iterator[Server]:
    """Another host's server with the same files."""
    with serving(files) as server:
        yield server


def pull(hostile: Server, root: Path, **settings: Any) -> list[str]:
    """Versions in the store after one pull of a new puller."""
    store = root / "deep" / "models"
    with puller_of(Settings(tracking_uri=hostile.url, store_dir=store, **settings)) as puller:
        puller.pull()
        return sorted(entry.meta.version for entry in puller._store.entries())


def reason(root: Path) -> str:
    """Why the latest version was refused, as the workers read it."""
    return ModelStore(root / "deep" / "models").status().refusals[-1].reason


def content(root: Path) -> dict[str, bytes | None]:
    """Every file outside the store."""
    inside = root / "deep" / "models"
    paths = [path for path in root.rglob("*") if inside not in (path, *path.parents)]
    return {str(path): path.read_bytes() if path.is_file() else None for path in paths}


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("version", "run_id"),
    [
        ("../../../victim", RUN),
        ("1/../../../../victim", RUN),
        ("/victim", RUN),
        ("..", RUN),
        ("", RUN),
        ("٣", RUN),
        ("1\n", RUN),
        ("1" * 5000, RUN),
        ("1", "/../../victim"),
        ("1", "a/../../"),
        ("1", "run with spaces"),
        ("1", "\0" * 32),
    ],
)
def test_a_version_or_run_that_is_no_number_never_becomes_a_path(
    hostile: Server, tmp_path: Path, version: str, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / f"victim-{RUN[:8]}"
    victim.mkdir()
    (victim / "thesis.txt").write_text("years of work")
    (tmp_path / "deep" / "models" / "versions" / "1").mkdir(parents=True)
    mark_store(tmp_path / "deep" / "models")
    before = content(tmp_path)
    hostile.version, hostile.run_id = version, run_id
    assert pull(hostile, tmp_path) == []
    assert content(tmp_path) == before
    assert "Expected a version of digits" in reason(tmp_path)
    assert "version_refused" in capsys.readouterr().out
    assert not any("artifacts" in path for path in hostile.asked)


@pytest.mark.fault(41)
def test_a_refused_name_leaves_the_served_version_alone(hostile: Server, tmp_path: Path) -> None:
    assert pull(hostile, tmp_path) == ["1"]
    hostile.version = "../../../victim"
    assert pull(hostile, tmp_path) == ["1"]


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    "source",
    [
        "file://{files}/good",
        "file://localhost{files}/good",
        "{files}/good",
        "file:///etc",
        "{elsewhere}" + ARTIFACTS + "/good",
        "mlflow-artifacts://{elsewhere_host}/good",
        "models:/m-away",
        "models:/m-circle",
        f"runs:/{RUN}/good",
        "s3://bucket/good",
        "dbfs:/good",
        "mlflow-artifacts:/good/../good",
        "mlflow-artifacts:/%252e%252e/files/good",
        "{hostile}" + ARTIFACTS + "/good?x=",
    ],
)
def test_artifacts_are_fetched_from_the_registry_itself_alone(
    hostile: Server, elsewhere: Server, files: Path, tmp_path: Path, source: str
) -> None:
    hostile.source = source.format(
        files=files, hostile=hostile.url, elsewhere=elsewhere.url, elsewhere_host=elsewhere.url.removeprefix("http://")
    )
    hostile.places = {"m-away": f"file://{files}/good", "m-circle": "models:/m-circle", RUN: str(files)}
    assert pull(hostile, tmp_path) == []
    assert ("without end" if "circle" in source else "MOVIEREC_ARTIFACT_SOURCES") in reason(tmp_path)
    assert elsewhere.asked == []
    assert not any(path.startswith(ARTIFACTS) for path in hostile.asked)


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    "source", ["mlflow-artifacts:/good", "{hostile}" + ARTIFACTS + "/good", "models:/m-good", f"runs:/{RUN}/good"]
)
def test_the_registrys_own_addresses_are_followed(hostile: Server, tmp_path: Path, source: str) -> None:
    hostile.source = source.format(hostile=hostile.url)
    hostile.places = {"m-good": "mlflow-artifacts:/good", RUN: "mlflow-artifacts:/"}
    assert pull(hostile, tmp_path) == ["1"]


@pytest.mark.fault(41)
def test_a_redirect_is_not_followed(hostile: Server, elsewhere: Server, tmp_path: Path) -> None:
    hostile.redirect = elsewhere.url
    assert pull(hostile, tmp_path) == []
    assert "302" in reason(tmp_path)
    assert elsewhere.asked == []


@pytest.mark.fault(41)
def test_a_setting_allows_other_addresses(hostile: Server, elsewhere: Server, files: Path, tmp_path: Path) -> None:
    hostile.source = f"file://{files}/good"
    assert pull(hostile, tmp_path, artifact_sources=[f"file://{files}/goo"]) == []
    assert pull(hostile, tmp_path, artifact_sources=[f"file://{files}"]) == ["1"]
    hostile.version, hostile.source = "2", f"{elsewhere.url}{ARTIFACTS}/good"
    assert pull(hostile, tmp_path, artifact_sources=[elsewhere.url]) == ["1", "2"]


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("address", "source", "allowed"),
    [
        ("s3://bucket/films/1", "s3://bucket/films", True),
        ("s3://bucket/films", "s3://bucket/films/", True),
        ("s3://any/films", "s3://", True),
        ("s3://bucket/films2", "s3://bucket/films", False),
        ("s3://bucket2/films", "s3://bucket/films", False),
        ("s3://bucket/films/../secrets", "s3://bucket/films", False),
        ("s3://bucket/films/%2e%2e/secrets", "s3://bucket/films", False),
        ("gs://bucket/films", "s3://bucket/films", False),
    ],
)
def test_an_allowed_address_allows_what_is_below_it(address: str, source: str, allowed: bool) -> None:
    with ExitStack() as stack:
        if not allowed:
            stack.enter_context(pytest.raises(BundleError, match="MOVIEREC_ARTIFACT_SOURCES"))
        require_allowed(address, "postgresql://registry/mlflow", ArtifactRules((source,)))


@pytest.mark.fault(41)
def test_an_address_of_another_scheme_is_fetched_through_mlflow_where_it_is_allowed(
    hostile: Server, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = artifact_repository_registry._artifact_repository_registry._registry
    monkeypatch.setitem(known, "toy", lambda *_, **__: LocalArtifactRepository(str(files / "good/artifacts/bundle")))
    hostile.source = "toy://bucket/good"
    assert pull(hostile, tmp_path) == []
    assert pull(hostile, tmp_path, artifact_sources=["toy://bucket"]) == ["1"]


@pytest.mark.fault(41)
@pytest.mark.parametrize("name", ["manifest.json", "content.npy"])
def test_a_file_that_never_ends_is_broken_off(hostile: Server, tmp_path: Path, name: str) -> None:
    hostile.endless = name
    assert pull(hostile, tmp_path) == []
    assert f"{name} is longer" in reason(tmp_path)
    assert hostile.sent < ENDLESS / 4
    assert list((tmp_path / "deep" / "models" / "versions").iterdir()) == []


@pytest.mark.fault(41)
def test_an_answer_of_the_registry_that_never_ends_is_broken_off(
    hostile: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST_BYTES", 1 << 20)
    hostile.endless = "registered-models/alias"
    assert pull(hostile, tmp_path) == []
    status = ModelStore(tmp_path / "deep" / "models").status()
    assert not status.reachable
    assert hostile.sent < ENDLESS / 4
    hostile.endless = ""
    assert pull(hostile, tmp_path) == ["1"]


@pytest.mark.fault(46)
def test_a_file_whose_bytes_come_one_by_one_is_broken_off(
    hostile: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile.dripping = "manifest.json"
    with monkeypatch.context() as impatient:
        impatient.setattr(artifacts, "START_SECONDS", 0.5)
        assert pull(hostile, tmp_path) == []
    assert "manifest.json comes slower" in reason(tmp_path)
    hostile.released.set()
    assert pull(hostile, tmp_path) == ["1"]


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("count", "size", "settings"),
    [
        (3000, 1, {}),
        (1, 10**15, {}),
        (1, -1, {}),
        (11, 10, {"max_version_files": 10}),
        (1, 11, {"max_version_bytes": 10}),
    ],
)
def test_a_version_of_too_many_files_or_bytes_is_refused_before_they_are_fetched(
    hostile: Server, files: Path, tmp_path: Path, count: int, size: int, settings: dict[str, int]
) -> None:
    file = files / "good" / "artifacts" / "bundle" / "manifest.json"
    manifest = json.loads(file.read_bytes())
    entry = manifest["files"]["content"] | {"bytes": size}
    file.write_text(json.dumps(manifest | {"files": {f"array_{number}": entry for number in range(count)}}))
    assert pull(hostile, tmp_path, **settings) == []
    assert "expected at most" in reason(tmp_path)
    assert not any(path.endswith(".npy") for path in hostile.asked)
