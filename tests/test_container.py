"""The container, read from its files: not root, read-only root file system, health check."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
COMPOSED = {name: yaml.safe_load((ROOT / name).read_text()) for name in ("compose.yaml", "compose.clone.yaml")}
SERVICES = [(file, name) for file, content in COMPOSED.items() for name in content["services"]]


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
    assert environment["MOVIEREC_STORE_DIR"] in words_of("VOLUME")[0].split()
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
def test_no_secret_is_written_into_the_image_or_a_compose_file():
    # A secret's value; the path of a file with it, and a command that reads that file, are none.
    secret = r"(?i)(token|password|secret)\w*(?<!_FILE)[ \t]*[=:][ \t]*(?!\$|/run/secrets/)\S"
    for name in ("Dockerfile", *COMPOSED):
        assert not re.search(secret, (ROOT / name).read_text()), name


@pytest.mark.fault(32)
@pytest.mark.parametrize(("file", "name"), SERVICES)
def test_each_service_is_held_in(file: str, name: str) -> None:
    service = COMPOSED[file]["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert not service.get("privileged")
    # The image's own user, which is not root; PostgreSQL's image would start as root and change.
    assert service.get("user") == ("70:70" if name == "postgres" else None)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "healthcheck" in service or (name == "api" and words_of("HEALTHCHECK"))


@pytest.mark.parametrize("name", COMPOSED["compose.clone.yaml"]["services"])
def test_runs_are_mounted_read_only(name: str) -> None:
    mounts = [mount for mount in COMPOSED["compose.clone.yaml"]["services"][name]["volumes"] if "mlruns" in mount]
    assert mounts
    assert all(mount.endswith(":ro") for mount in mounts)


def test_each_service_is_reached_by_a_name_that_it_accepts() -> None:
    services = COMPOSED["compose.yaml"]["services"]
    registry = services["api"]["environment"]["MLFLOW_TRACKING_URI"].removeprefix("http://")
    command = " ".join(services["registry"]["command"])
    assert registry in command.partition("--allowed-hosts ")[2].split(",")
    assert "@postgres/" in command
    api = services["webapp"]["environment"]["MOVIEREC_API_URL"].removeprefix("http://").partition(":")[0]
    assert api in services["api"]["environment"]["MOVIEREC_ALLOWED_HOSTS"]
    assert {registry.partition(":")[0], api, "postgres"} <= set(services)


@pytest.mark.parametrize("file", COMPOSED)
def test_published_ports_lead_to_servers_that_listen_beyond_the_container(file: str) -> None:
    assert "MOVIEREC_HOST=0.0.0.0" in " ".join(words_of("ENV"))  # the service reads its host from here
    page = COMPOSED[file]["services"]["webapp"]["command"]
    assert page[page.index("--host") + 1] == "0.0.0.0"
