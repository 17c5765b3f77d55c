"""Read the model registry. Only this module of the web page uses MLflow, and imports it on first use."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from client.answers import Metric
from client.errors import RegistryUnavailable

CHAMPION, CHALLENGER = "champion", "challenger"
INTERVALS = "intervals.json"  # the table in a run's artifacts
_TABLES_TAG = "mlflow.loggedArtifacts"
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Version:
    """A registered model version with the parameters and metrics of its run."""

    number: int
    run_id: str
    experiment_id: str
    created: datetime
    aliases: tuple[str, ...]
    algorithm: str
    dataset: str
    verdict: str
    verdict_summary: str
    parameters: Mapping[str, str]
    metrics: tuple[Metric, ...]
    verdict_reason: str = ""  # that of whoever promoted it by force
    warning: str = ""  # where it does worse than popularity
    sentence: str = ""  # what the algorithm does

    @property
    def label(self) -> str:
        """Number and algorithm, as charts and lists name the version."""
        return f"{self.number} · {self.algorithm}"


def load_client() -> None:
    """Import MLflow ahead of its first use; the import takes seconds."""
    import mlflow

    del mlflow


def has_store(tracking_uri: str) -> bool:
    """Return whether the tracking URI names a server or a SQLite file that exists."""
    return not tracking_uri.startswith(_SQLITE) or Path(tracking_uri.removeprefix(_SQLITE)).is_file()


def read_versions(tracking_uri: str, name: str) -> list[Version]:
    """Return every registered version of the model `name`, newest first; an empty list where there is none.

    Raises RegistryUnavailable.
    """
    require_store(tracking_uri)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = MlflowClient(tracking_uri, registry_uri=tracking_uri)
        entries = client.search_model_versions(f"name = '{name}'", max_results=1000)
        aliases = client.get_registered_model(name).aliases if entries else {}
        versions = [_version(client, entry, aliases) for entry in entries]
    except (MlflowException, SQLAlchemyError) as error:
        raise RegistryUnavailable(f"MLflow says: {str(error)[:200]}") from error
    return sorted(versions, key=lambda version: -version.number)


def require_store(tracking_uri: str) -> None:
    """Raise RegistryUnavailable if the SQLite file is missing, because MLflow would create an empty one."""
    if not has_store(tracking_uri):
        raise RegistryUnavailable(
            "There is no MLflow store where this page looks for it. Train a model (movierec train all), or set "
            "MLFLOW_TRACKING_URI."
        )


def read_metrics(
    values: Mapping[str, float], intervals: Mapping[str, tuple[float, float]] = MappingProxyType({})
) -> tuple[Metric, ...]:
    """Convert the flat metrics of a run, named `protocol/name`, to metrics with their `intervals` of the same names.

    Runs of earlier releases hold intervals as metrics whose names end in `_lo` and `_hi`.
    """
    metrics = []
    for key, value in sorted(values.items()):
        protocol, slash, name = key.partition("/")
        if slash and not name.endswith(("_lo", "_hi")):
            lo, hi = intervals.get(key) or (values.get(f"{key}_lo"), values.get(f"{key}_hi"))
            metrics.append(Metric(protocol=protocol, name=name, value=value, lo=lo, hi=hi))
    return tuple(metrics)


@lru_cache(maxsize=1000)
def _intervals(tracking_uri: str, run_id: str) -> Mapping[str, tuple[float, float]]:
    """Return the intervals of a run's metrics from its table; none where it has no table."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        with tempfile.TemporaryDirectory() as scratch:
            file = MlflowClient(tracking_uri).download_artifacts(run_id, INTERVALS, scratch)
            table = json.loads(Path(file).read_text(encoding="utf-8"))
    except (MlflowException, OSError, ValueError):
        return {}
    rows = (dict(zip(table["columns"], values, strict=True)) for values in table["data"])
    return {f"{row['protocol']}/{row['metric']}": (row["lo"], row["hi"]) for row in rows}


def _run(client: Any, run_id: str | None) -> Any:
    """Return the run of a version, or None where it was deleted."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id) if run_id else None
    except MlflowException:
        return None


def _version(client: Any, entry: Any, aliases: Mapping[str, str]) -> Version:
    tags, run = entry.tags, _run(client, entry.run_id)
    has_table = run is not None and _TABLES_TAG in run.data.tags
    intervals = _intervals(client.tracking_uri, entry.run_id) if has_table else {}
    return Version(
        number=int(entry.version),
        run_id=entry.run_id or "",
        experiment_id=run.info.experiment_id if run else "",
        created=datetime.fromtimestamp(entry.creation_timestamp / 1000, UTC),
        aliases=tuple(sorted(alias for alias, number in aliases.items() if int(number) == int(entry.version))),
        algorithm=tags.get("algorithm", "unknown"),
        dataset=tags.get("dataset", "unknown"),
        verdict=tags.get("verdict", "not judged"),
        verdict_summary=tags.get("verdict_summary", ""),
        verdict_reason=tags.get("verdict_reason", ""),
        warning=tags.get("warning", ""),
        parameters=dict(run.data.params) if run else {},
        metrics=read_metrics(run.data.metrics, intervals) if run else (),
        sentence=tags.get("about", ""),
    )
