"""Read the MLflow model registry; only in the puller's process, because importing MLflow takes seconds.

The registry is read, never written: a SQLite file is looked for before MLflow is asked, which would create a missing
one, and the puller opens it under `read_only`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import mlflow
import sqlalchemy
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from recommender.bundle import Manifest
from recommender.errors import BundleError, BundleIntegrityError, RegistryUnavailableError
from serving.logs import without_credentials
from serving.versions.artifacts import ArtifactRules, fetch_bundle, fetch_manifest
from serving.versions.deadline import SECONDS, within

SQLITE = "sqlite:///"
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_TABLE = "registered_models"
BUNDLE = "artifacts/bundle"  # inside the MLflow model
_MAX_STEPS = 4  # from a version to its model or run, and once more
_LOCK_SECONDS = 2.0  # reads failed with 0 and never with 2 while two processes logged
_CONNECT_SECONDS = 5
Answer = TypeVar("Answer")
_NO_SUCH = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}


@dataclass(frozen=True)
class Registered:
    """A registered version that an alias names."""

    version: str
    run_id: str | None
    tags: Mapping[str, str]


class Registry:
    """One registered model at one tracking URI."""

    def __init__(self, tracking_uri: str, name: str, rules: ArtifactRules | None = None) -> None:
        self.name = name
        self._rules = rules or ArtifactRules()
        self._uri = tracking_uri
        self._client: mlflow.MlflowClient | None = None

    def aliased(self, alias: str) -> Registered | None:
        """Return the version that `alias` names, or None. Raises RegistryUnavailableError."""

        def look(client: mlflow.MlflowClient) -> Registered | None:
            try:
                version = client.get_model_version_by_alias(self.name, alias)
            except MlflowException as error:
                if error.error_code in _NO_SUCH:
                    return None
                raise
            return Registered(str(version.version), version.run_id or None, dict(version.tags))

        return self._ask(look)

    def described(self) -> RegisteredModel:
        """Return the registered model with its aliases and tags. Raises RegistryUnavailableError."""
        return self._ask(lambda client: client.get_registered_model(self.name))

    def newest(self, count: int) -> list[ModelVersion]:
        """Return the newest versions, newest first, with their tags. Raises RegistryUnavailableError."""
        search, order = f"name = '{self.name}'", ["version_number DESC"]
        return self._ask(lambda client: list(client.search_model_versions(search, max_results=count, order_by=order)))

    def _ask(self, question: Callable[[mlflow.MlflowClient], Answer]) -> Answer:
        """Return what the registry answers, within SECONDS. Raises RegistryUnavailableError."""

        def ask() -> Answer:
            self._probe()
            return question(self._connected())

        try:
            return within(SECONDS, ask)
        except (MlflowException, OSError, ImportError, sqlalchemy.exc.SQLAlchemyError) as error:
            raise _unavailable(error) from error  # a database's driver may be missing

    def experiment_id(self, run_id: str | None) -> str | None:
        """Return the id of the experiment that a run belongs to; None where the run is gone or cannot be read."""
        try:
            return str(self._connected().get_run(run_id).info.experiment_id) if run_id else None
        except (MlflowException, OSError, sqlalchemy.exc.SQLAlchemyError):
            return None

    def manifest(self, version: str) -> Manifest:
        """Return the manifest of a version's bundle, within the rules for artifacts. Raises BundleError."""
        try:
            source = within(SECONDS, lambda: self._address(version))
            return fetch_manifest(f"{source}/{BUNDLE}", self._uri, self._rules)
        except (MlflowException, OSError) as error:
            raise BundleIntegrityError(f"Version {version} has no manifest ({_first_line(error)}).") from error

    def fetch(self, version: str, destination: Path) -> None:
        """Download the bundle of a version to the new directory `destination`.

        Raises BundleIntegrityError where the version has no bundle at its address, and BundleError where the rules
        refuse it.
        """
        try:
            source = within(SECONDS, lambda: self._address(version))
            fetch_bundle(f"{source}/{BUNDLE}", self._uri, destination, self._rules)
        except (MlflowException, OSError) as error:
            raise BundleIntegrityError(
                f"Version {version} has no bundle at its artifact address ({_first_line(error)}). "
                "Artifact addresses are absolute: `movierec relocate` mends a tracking store that was moved."
            ) from error

    def _address(self, version: str) -> str:
        return self._resolve_address(self._connected().get_model_version_download_uri(self.name, version))

    def _resolve_address(self, address: str) -> str:
        """Follow `models:/` and `runs:/` to the address of the files, which the rules are about."""
        for _ in range(_MAX_STEPS):
            url = urlsplit(address)
            name, _, rest = url.path.strip("/").partition("/")
            if url.scheme == "runs":
                address = f"{self._connected().get_run(name).info.artifact_uri.rstrip('/')}/{rest}"
            elif url.scheme != "models":
                return address.rstrip("/")
            elif rest:
                address = self._connected().get_model_version_download_uri(name, rest)
            else:
                address = self._connected().get_logged_model(name).artifact_location
        raise BundleError("The registry's artifact address leads from one version or run to another without end.")

    def _probe(self) -> None:
        """Raise RegistryUnavailableError where there is no registry: MLflow would make one in an empty database."""
        if sqlite_file(self._uri) is not None:
            probe(self._uri)
        elif self._client is None and urlsplit(self._uri).scheme.partition("+")[0] in _DATABASES:
            engine = sqlalchemy.create_engine(self._uri, poolclass=sqlalchemy.NullPool)
            if not sqlalchemy.inspect(engine).has_table(_TABLE):
                raise _no_registry("The database")

    def _connected(self) -> mlflow.MlflowClient:
        if self._client is None:
            self._client = mlflow.MlflowClient(self._uri, self._uri)
        return self._client


def probe(tracking_uri: str) -> None:
    """Raise RegistryUnavailableError if a SQLite registry is missing, empty or locked; other addresses pass."""
    file = sqlite_file(tracking_uri)
    if file is None:
        return
    if not file.is_file():
        raise RegistryUnavailableError(f"There is no registry at {file}. Train a model, or set MLFLOW_TRACKING_URI.")
    try:
        with closing(sqlite3.connect(_read_only(file), uri=True, timeout=_LOCK_SECONDS)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", [_TABLE])
            (table_count,) = tables.fetchone()
    except sqlite3.Error as error:
        raise _unavailable(error) from error
    if not table_count:
        raise _no_registry(str(file))


def sqlite_file(tracking_uri: str) -> Path | None:
    """Return the file of a SQLite address, or None for another kind of address."""
    return Path(tracking_uri.removeprefix(SQLITE)) if tracking_uri.startswith(SQLITE) else None


def _read_only(file: Path) -> str:
    return f"file:{quote(str(file.resolve()))}?mode=ro"


@contextmanager
def read_only() -> Iterator[None]:
    """Make SQLAlchemy open databases read-only in the block, so that none is created or filled, and limit waits."""
    sqlalchemy.event.listen(sqlalchemy.Engine, "do_connect", _connect_read_only)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "do_connect", _connect_read_only)


def _connect_read_only(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
    if dialect.name == "sqlite":
        arguments[0] = _read_only(Path(arguments[0]))
        options["uri"] = True
    elif dialect.name == "postgresql":
        limits = f"-c default_transaction_read_only=on -c statement_timeout={1000 * _CONNECT_SECONDS}"
        options["options"] = f"{options.get('options', '')} {limits}".strip()
        options["connect_timeout"] = _CONNECT_SECONDS
    elif dialect.driver in ("pymysql", "mysqldb"):
        options["init_command"] = "SET SESSION TRANSACTION READ ONLY"
        options["connect_timeout"] = options["read_timeout"] = _CONNECT_SECONDS


def _no_registry(place: str) -> RegistryUnavailableError:
    return RegistryUnavailableError(f"{place} holds no MLflow registry. Train a model, or set MLFLOW_TRACKING_URI.")


def _unavailable(error: Exception) -> RegistryUnavailableError:
    return RegistryUnavailableError(f"The registry cannot be read: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return without_credentials((str(error).splitlines() or [type(error).__name__])[0])[:300]
