"""Run the whole arrangement on a real PostgreSQL: a tracking server on one machine, the service on another.

`python -m scripts.try_postgres` starts Debian's PostgreSQL, MLflow over it that hands artifacts out over HTTP, trains
and promotes, and serves as another user from another directory; stops and starts the registry; backs everything up,
loses it, and restores it. Prints each step with its time; ends with exit code 1 at the first that fails, and with 0 and
a line that says so where PostgreSQL is not installed. docs/operations.md shows the same commands.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from recommender.files import move
from scripts.trial import ROOT, fetch, require, run, say, service, started, step, wait, wait_until
from serving.process.python import module_command
from testing.service import free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian puts them
DATABASE_USER, OTHER_USER = "postgres", "nobody"
MOVIEREC = Path(sys.executable).with_name("movierec")
TWIN = ("--users", "300", "--movies", "200", "--ratings", "20000")
QUESTION = "recommend/?movie_id=1&n=3"


class Site(NamedTuple):
    """The machine of the registry."""

    folder: Path  # of the database's files
    artifacts: Path
    password_file: Path  # what libpq reads, so that no address and no command holds the password
    binaries: Path
    database_port: int
    port: int
    user: str | None  # of the database: PostgreSQL refuses to run as root

    @property
    def address(self) -> str:
        """The address of the tracking server."""
        return f"http://127.0.0.1:{self.port}"

    def psql(self, program: str, *words: str | Path) -> str:
        """Run one of PostgreSQL's programs against the server."""
        where = ("--host=127.0.0.1", f"--port={self.database_port}", "--username=mlflow", "--no-password")
        variables = {"PGPASSFILE": str(self.password_file)}
        return run(self.binaries / program, *where, *words, variables=variables, user=self.user)


def main() -> None:
    """Try the arrangement in a scratch directory."""
    if not BINARIES:
        say("PostgreSQL is not installed (apt-get install postgresql): nothing was tried.")
        return
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory).resolve()
        scratch.chmod(0o755)  # the other user passes through
        with step("make an empty database"):
            site = make_database(scratch)
        here = {"MLFLOW_TRACKING_URI": site.address, "MOVIEREC_HOME": str(scratch / "trainer")}
        try_all(site, scratch, here)


def try_all(site: Site, scratch: Path, here: dict[str, str]) -> None:
    """Train, promote, serve elsewhere, stop and start the registry, lose it and restore it."""
    other = scratch / "other"
    with step("install the service for the other machine"):
        movierec, user = other_machine(other)
    there = {"MLFLOW_TRACKING_URI": site.address, "MOVIEREC_STORE_DIR": str(other / "store"), "HOME": str(other)}
    with ExitStack() as serving:
        with registry(site):
            with step("train and promote through the registry"):
                run(MOVIEREC, "data", "synth", *TWIN, variables=here)
                run(MOVIEREC, "data", "prepare", "synthetic", variables=here)
                train_and_promote("1", here)
            with step(f"serve on the other machine (as {user or 'the same user'})"):
                address = serving.enter_context(service(movierec, other, there, user))
                require(served_version(address) == "1", "the other machine does not serve version 1")
            first = answer(address)
        with step("the registry is down: the last version serves on, and says so"):
            wait_until(lambda: not model(address)["registry"]["reachable"], "the outage is not told")
            require(answer(address) == first, "the answer changed while the registry was down")
        with registry(site), step("the registry is back: the next promotion arrives; back up"):
            train_and_promote("2", here)
            wait_until(lambda: served_version(address) == "2", "version 2 does not arrive")
            back_up(site, scratch / "backup")
    with step("lose both, and restore them"):
        lose(site)
        with database(site):
            restore(site, scratch / "backup")
    with registry(site), step("a third machine pulls what was promoted"):
        third = {**there, "MOVIEREC_STORE_DIR": str(other / "third")}
        run(movierec, "pull", "--once", cwd=other, variables=third, user=user)
        with service(movierec, other, third, user) as address:
            require(served_version(address) == "2", "the restored registry serves another version")


def make_database(scratch: Path) -> Site:
    """Make a cluster with one database and one role, whose password is in a file alone."""
    user = DATABASE_USER if os.geteuid() == 0 else None
    password, folder = secrets.token_hex(16), scratch / "database"
    folder.mkdir()
    own(folder, user)
    port = free_port()
    files = {"new_password": password, "password_file": f"127.0.0.1:{port}:*:mlflow:{password}"}
    for name, content in files.items():
        path = scratch / name
        path.touch(mode=0o600)
        path.write_text(f"{content}\n")
        own(path, user)
    login = ("--username=mlflow", "--auth=scram-sha-256", f"--pwfile={scratch / 'new_password'}")
    run(BINARIES[-1] / "initdb", "--pgdata", folder, *login, cwd=folder, user=user)
    site = Site(folder, scratch / "artifacts", scratch / "password_file", BINARIES[-1], port, free_port(), user)
    with database(site):
        site.psql("createdb", "mlflow")
    return site


@contextmanager
def database(site: Site) -> Iterator[None]:
    """Run PostgreSQL until the block ends."""
    sockets = ("-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1")
    command: list[str | Path] = [site.binaries / "postgres", "-D", site.folder, "-p", str(site.database_port), *sockets]
    log = site.folder.with_name("postgres.log")
    with started(command, log, site.folder, user=site.user) as process:
        wait(lambda: "ready to accept connections" in log.read_text(), log, process)
        yield


@contextmanager
def registry(site: Site) -> Iterator[None]:
    """Run PostgreSQL, and MLflow over it, until the block ends. The address of the database holds no password."""
    store = f"postgresql+psycopg://mlflow@127.0.0.1:{site.database_port}/mlflow"
    places = ("--backend-store-uri", store, "--artifacts-destination", str(site.artifacts), "--serve-artifacts")
    command = module_command("mlflow", "server", *places, "--port", str(site.port), "--workers", "1")
    log = site.folder.with_name("mlflow.log")
    readable = site.folder.with_name("mlflow_password_file")
    shutil.copy(site.password_file, readable)  # libpq takes a file of its own user alone
    with database(site), started(command, log, ROOT, {"PGPASSFILE": str(readable)}) as process:
        wait(lambda: fetch(f"{site.address}/health"), log, process)
        yield


def other_machine(folder: Path) -> tuple[Path, str | None]:
    """Install the service alone for another user where there is one; return its command and the user."""
    folder.mkdir()
    user = OTHER_USER if os.geteuid() == 0 else None
    own(folder, user)
    python = "/usr/bin/python3" if user and Path("/usr/bin/python3").exists() else sys.executable
    run("uv", "build", "--wheel", "--quiet", "--out-dir", folder / "dist", ROOT)
    run("uv", "venv", "--quiet", "--python", python, folder / "venv")
    pip = ("uv", "pip", "install", "--quiet", "--no-deps", "--python", folder / "venv" / "bin" / "python")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements-serve.lock")
    run(*pip, next((folder / "dist").glob("*.whl")))
    return folder / "venv" / "bin" / "movierec", user


def train_and_promote(version: str, here: dict[str, str]) -> None:
    """Register a version through the tracking server, which takes its artifacts, and promote it."""
    trained = run(MOVIEREC, "train", "item_knn", "--dataset", "synthetic", "--json", variables=here)
    require(str(json.loads(trained)["version"]) == version, f"Expected version {version}, found {trained}")
    run(MOVIEREC, "promote", "--version", version, "--force", "--reason", "trial", variables=here)


def back_up(site: Site, backup: Path) -> None:
    """Write the database and the artifacts to one directory: the database first, so that no artifact is missing."""
    backup.mkdir()
    own(backup, site.user)
    site.psql("pg_dump", "--format=custom", f"--file={backup / 'mlflow.dump'}", "mlflow")
    shutil.copytree(site.artifacts, backup / "artifacts")


def lose(site: Site) -> None:
    """Remove the database, and the artifacts from where they were."""
    with database(site):
        site.psql("dropdb", "mlflow")
    move(site.artifacts, site.artifacts.with_name("lost"))


def restore(site: Site, backup: Path) -> None:
    """Make the database and the artifacts again from a backup."""
    site.psql("createdb", "mlflow")
    site.psql("pg_restore", "--dbname=mlflow", "--exit-on-error", backup / "mlflow.dump")
    shutil.copytree(backup / "artifacts", site.artifacts)


def own(path: Path, user: str | None) -> None:
    """Give a path to a user."""
    if user is not None:
        shutil.chown(path, user)


def model(address: str) -> dict[str, Any]:
    """Return what the service says of its version and registry."""
    told: dict[str, Any] = json.loads(fetch(f"{address}/model") or b"{}")
    return told


def served_version(address: str) -> str:
    """Return the version that the service says it serves."""
    return str(model(address)["model"]["version"])


def answer(address: str) -> list[Any]:
    """Return the films that are recommended."""
    films: list[Any] = json.loads(fetch(f"{address}/{QUESTION}"))["recommendations"]
    require(len(films) == 3, f"expected three films, found {films}")
    return films


if __name__ == "__main__":
    main()
