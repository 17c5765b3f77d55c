"""The only reader of MLflow in the service; runs in the puller's process alone, for importing MLflow takes seconds.

The registry is read, never written: a SQLite file is looked for before MLflow is asked, which would create a missing
one, and the puller opens it under `read_only`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import mlflow
import sqlalchemy
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from recommender.errors import BundleIntegrityError, RegistryUnavailableError
from recommender.files import move
from serving.logs import without_credentials

SQLITE = "sqlite:///"
BUNDLE = "artifacts/bundle"  # inside the MLflow model
_LOCK_SECONDS = 2.0  # reads failed with 0 and never with 2 while two processes logged
_NO_SUCH = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}


@dataclass(frozen=True)
class Registered:
    """A registered version that an alias names."""

    version: str
    run_id: str | None
    tags: Mapping[str, str]


class Registry:
    """One registered model at one tracking URI."""

    def __init__(self, tracking_uri: str, name: str) -> None:
        self.name = name
        self._uri = tracking_uri
        self._client: mlflow.MlflowClient | None = None

    def aliased(self, alias: str) -> Registered | None:
        """The version that `alias` names, or None. Raises RegistryUnavailableError."""
        probe(self._uri)
        try:
            found = self._connected().get_model_version_by_alias(self.name, alias)
        except MlflowException as error:
            if error.error_code in _NO_SUCH:
                return None
            raise _unavailable(error) from error
        except (OSError, ImportError, sqlalchemy.exc.SQLAlchemyError) as error:  # a database's driver may be missing
            raise _unavailable(error) from error
        return Registered(str(found.version), found.run_id or None, dict(found.tags))

    def fetch(self, version: str, destination: Path) -> None:
        """Download the bundle of a version to the new directory `destination`.

        Raises RegistryUnavailableError, or BundleIntegrityError where the version has no bundle at its address.
        """
        try:
            source = self._connected().get_model_version_download_uri(self.name, version)
            got = mlflow.artifacts.download_artifacts(
                artifact_uri=f"{source}/{BUNDLE}", dst_path=str(destination.parent), tracking_uri=self._uri
            )
        except (MlflowException, OSError) as error:
            raise BundleIntegrityError(
                f"Version {version} has no bundle at its artifact address ({_first_line(error)}). "
                "Artifact addresses are absolute: a tracking store that was moved must be moved back, or train again."
            ) from error
        if Path(got).resolve() != destination.resolve():
            move(Path(got), destination)

    def _connected(self) -> mlflow.MlflowClient:
        if self._client is None:
            self._client = mlflow.MlflowClient(self._uri, self._uri)
        return self._client


def probe(tracking_uri: str) -> None:
    """Raises RegistryUnavailableError where a SQLite registry is missing, empty or locked; other addresses pass."""
    file = sqlite_file(tracking_uri)
    if file is None:
        return
    if not file.is_file():
        raise RegistryUnavailableError(f"There is no registry at {file}. Train a model, or set MLFLOW_TRACKING_URI.")
    try:
        with closing(sqlite3.connect(_read_only(file), uri=True, timeout=_LOCK_SECONDS)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'registered_models'")
            (known,) = tables.fetchone()
    except sqlite3.Error as error:
        raise _unavailable(error) from error
    if not known:
        raise RegistryUnavailableError(f"{file} holds no MLflow registry. Train a model, or set MLFLOW_TRACKING_URI.")


def sqlite_file(tracking_uri: str) -> Path | None:
    """The file of a SQLite address."""
    return Path(tracking_uri.removeprefix(SQLITE)) if tracking_uri.startswith(SQLITE) else None


def _read_only(file: Path) -> str:
    return f"file:{quote(str(file.resolve()))}?mode=ro"


@contextmanager
def read_only() -> Iterator[None]:
    """Open SQLite files to read alone: one that vanishes after the probe must not be created either."""
    sqlalchemy.event.listen(sqlalchemy.Engine, "do_connect", _connect_read_only)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "do_connect", _connect_read_only)


def _connect_read_only(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
    if dialect.name == "sqlite":
        arguments[0] = _read_only(Path(arguments[0]))
        options["uri"] = True


def _unavailable(error: Exception) -> RegistryUnavailableError:
    return RegistryUnavailableError(f"The registry cannot be read: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return without_credentials((str(error).splitlines() or [type(error).__name__])[0])[:300]
