"""The container, read from its files: not root, read-only root file system, health check."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def instructions() -> list[tuple[str, str]]:
    """(instruction, its words) of the Dockerfile, continuation lines joined and comments left out."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return [(name.upper(), words) for name, words in lines]


def last_stage() -> list[tuple[str, str]]:
    """The instructions that make the image itself, from the last FROM on."""
    every = instructions()
    start = max(at for at, (name, _) in enumerate(every) if name == "FROM")
    return every[start:]


def words_of(wanted: str) -> list[str]:
    return [words for name, words in last_stage() if name == wanted]


@pytest.mark.fault(32)
def test_the_process_is_not_root():
    assert re.fullmatch(r"[1-9]\d*", words_of("USER")[-1])  # a number: engines can check it without the image's passwd
    order = [name for name, _ in last_stage()]
    assert order.index("USER") > max(at for at, name in enumerate(order) if name in {"RUN", "COPY"})


@pytest.mark.fault(32)
def test_what_is_written_lies_on_a_volume_or_in_tmp():
    environment = dict(pair.split("=", 1) for words in words_of("ENV") for pair in words.split())
    assert environment["MOVIEREC_STORE_DIR"] in words_of("VOLUME")
    assert environment["HOME"] == "/tmp"


@pytest.mark.fault(32)
def test_the_health_check_asks_the_service():
    (check,) = words_of("HEALTHCHECK")
    assert "/livez" in check
    assert f":{words_of('EXPOSE')[-1]}/" in check


@pytest.mark.fault(31)
def test_dependencies_are_installed_by_hash():
    installs = [words for name, words in instructions() if name == "RUN" and "pip install" in words]
    assert installs
    assert all("--require-hashes" in words or "--no-deps" in words for words in installs)


@pytest.mark.fault(30)
def test_the_image_holds_sources_alone():
    copied = [words.split()[:-1] for name, words in instructions() if name == "COPY" and not words.startswith("--from")]
    paths = {path for paths in copied for path in paths}
    assert all((ROOT / path).exists() for path in paths)
    assert paths.isdisjoint({".", "data", "mlruns", "var"})
    assert not any(name == "ADD" for name, _ in instructions())
    context = (ROOT / ".dockerignore").read_text().splitlines()
    assert context[1] == "*"  # whatever else lies about, an .env for instance, never reaches the engine
    assert {line[1:] for line in context if line.startswith("!")} == paths
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["only-include"]) <= paths


@pytest.mark.fault(30)
def test_no_secret_is_written_into_the_image_or_the_compose_file():
    secret = r"(?i)(token|password|secret)\w*\s*[=:]\s*\S"
    assert not re.search(secret, (ROOT / "Dockerfile").read_text() + (ROOT / "compose.yaml").read_text())


@pytest.mark.fault(32)
@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_held_in(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]
    assert not service.get("privileged")
    assert "user" not in service  # the image's own, which is not root
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.parametrize("name", SERVICES)
def test_runs_are_mounted_read_only(name):
    mounts = [mount for mount in SERVICES[name]["volumes"] if "mlruns" in mount]
    assert mounts
    assert all(mount.endswith(":ro") for mount in mounts)


def test_published_ports_lead_to_servers_that_listen_beyond_the_container():
    assert "MOVIEREC_HOST=0.0.0.0" in " ".join(words_of("ENV"))  # the service reads its host from here
    page = SERVICES["webapp"]["command"]
    assert page[page.index("--host") + 1] == "0.0.0.0"
