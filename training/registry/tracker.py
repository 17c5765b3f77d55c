"""The tracking store and model registry at one address."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from recommender import home
from recommender.bundle import read_manifest
from recommender.errors import MissingInputError, MovierecError, RegistryUnavailableError
from training.registry.processes import PROCESS_TAG, is_dead, this_process
from training.registry.run import Run, run_tags, version_tags
from training.registry.version import BUNDLE, REGISTERED_MODEL, Version

_ABSENT = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}


def default_uri() -> str:
    """Return `MLFLOW_TRACKING_URI`, else the address of the SQLite store in `mlruns/`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or home.runs_address()


class Tracker:
    """The tracking store and model registry at one address."""

    def __init__(self, uri: str | None = None) -> None:
        """Open the store, making it where there is none, and close the runs of dead processes."""
        self.uri = uri or default_uri()
        self.file = _sqlite_file(self.uri)
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(self.uri)  # the fluent calls and the registry read the address from here
        self.client = mlflow.MlflowClient(self.uri)
        self.close_dead_runs()

    @classmethod
    def existing(cls, uri: str | None = None) -> Tracker:
        """Open the store. Raises MissingInputError where there is none, for MLflow would make an empty one."""
        file = _sqlite_file(uri or default_uri())
        if file and not file.is_file():
            raise MissingInputError(f"No tracking store at {file}. Run `movierec train all` first.")
        return cls(uri)

    @contextmanager
    def run(self, dataset: str, name: str, tags: Mapping[str, str], *, nested: bool = False) -> Iterator[Run]:
        """A run in the experiment of `dataset`; FAILED when the block raises, FINISHED otherwise."""
        every = {**tags, PROCESS_TAG: this_process()}
        experiment, failure = self.experiment(dataset), None
        try:
            with mlflow.start_run(experiment_id=experiment, run_name=name, tags=every, nested=nested) as active:
                try:
                    yield Run(self.client, active.info.run_id)
                except MovierecError as error:
                    failure = error
                    raise
        except MlflowException:
            if failure is None:
                raise
            raise failure from None  # a full disk does not even take the state of the run; the next start mends that

    def experiment(self, dataset: str) -> str:
        """Id of the experiment of a data set, made where there is none."""
        found = self.client.get_experiment_by_name(dataset)
        if found is None:
            return self._create_experiment(dataset)
        self._check_location(found.artifact_location)
        return str(found.experiment_id)

    def versions(self) -> list[Version]:
        """Every registered version, newest first."""
        found = self.client.search_model_versions(f"name = '{REGISTERED_MODEL}'", max_results=10_000)
        if not found:
            return []
        # A search leaves the aliases out.
        aliases = self.client.get_registered_model(REGISTERED_MODEL).aliases
        for version in found:
            version.aliases = [alias for alias, number in aliases.items() if number == version.version]
        return sorted(map(Version.of, found), key=lambda version: -version.number)

    def version(self, number: int) -> Version:
        """One version, with its aliases. Raises MissingInputError."""
        try:
            return Version.of(self.client.get_model_version(REGISTERED_MODEL, str(number)))
        except MlflowException as error:
            _require_absence(error)
            known = ", ".join(str(version.number) for version in self.versions()) or "none"
            raise MissingInputError(f"No version {number} of {REGISTERED_MODEL}; there are: {known}.") from None

    def aliased(self, alias: str) -> Version | None:
        """The version that an alias names, or None."""
        try:
            return Version.of(self.client.get_model_version_by_alias(REGISTERED_MODEL, alias))
        except MlflowException as error:
            _require_absence(error)
            return None

    def set_alias(self, alias: str, number: int) -> None:
        """Let an alias name a version."""
        self.client.set_registered_model_alias(REGISTERED_MODEL, alias, str(number))

    def delete_alias(self, alias: str) -> None:
        """Take an alias away, if it is there."""
        self.client.delete_registered_model_alias(REGISTERED_MODEL, alias)

    def tag_version(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for key, value in tags.items():
            self.client.set_model_version_tag(REGISTERED_MODEL, str(number), key, value)

    def runs(self, dataset: str | None = None) -> list[Any]:
        """Top-level runs that ended well, newest first; those of one data set, or all."""
        names = [dataset] if dataset else [experiment.name for experiment in self.client.search_experiments()]
        found = (self.client.get_experiment_by_name(name) for name in names)
        ids = [experiment.experiment_id for experiment in found if experiment]
        return list(self.client.search_runs(ids, "attributes.status = 'FINISHED'", max_results=1000)) if ids else []

    def bundle(self, number: int, destination: Path) -> Path:
        """Fetch the bundle of a version into the directory `destination`. Raises RegistryUnavailableError."""
        try:
            source = self.client.get_model_version_download_uri(REGISTERED_MODEL, str(number))
            found = mlflow.artifacts.download_artifacts(
                artifact_uri=f"{source}/artifacts/{BUNDLE}", dst_path=str(destination)
            )
        except (MlflowException, OSError) as error:
            raise RegistryUnavailableError(
                f"The bundle of version {number} is not where the registry says. A tracking store that was moved must "
                "be moved back, or the version trained again."
            ) from error
        return Path(found)

    def log_file(self, run_id: str, local: Path, folder: str) -> None:
        """Keep a file in `folder` of the artifacts of a run that has ended."""
        Run(self.client, run_id).log_file(local, folder)

    def artifact(self, run_id: str, path: str, destination: Path) -> Path:
        """Fetch one artifact of a run into `destination`. Raises MissingInputError."""
        try:
            return Path(self.client.download_artifacts(run_id, path, str(destination)))
        except (MlflowException, OSError) as error:
            raise MissingInputError(f"Run {run_id} has no artifact {path}; train that model again.") from error

    def model_tags(self) -> dict[str, str]:
        """Tags of the registered model."""
        return dict(self.client.get_registered_model(REGISTERED_MODEL).tags)

    def tag_model(self, key: str, value: str) -> None:
        """Set a tag of the registered model."""
        self.client.set_registered_model_tag(REGISTERED_MODEL, key, value)

    def close_dead_runs(self) -> list[str]:
        """End the RUNNING runs whose process on this machine is gone; returns their ids."""
        ids = [experiment.experiment_id for experiment in self.client.search_experiments()]
        running = self.client.search_runs(ids, "attributes.status = 'RUNNING'", ViewType.ACTIVE_ONLY, 1000)
        dead = [run.info.run_id for run in running if is_dead(run.data.tags.get(PROCESS_TAG, ""))]
        registered = {version.run_id for version in self.versions()} if dead else set()
        for run_id in dead:
            self.client.set_terminated(run_id, "FINISHED" if run_id in registered else "FAILED")
        return dead

    def _create_experiment(self, dataset: str) -> str:
        location = f"{self._artifact_root()}/{dataset}" if self.file else None
        try:
            return str(self.client.create_experiment(dataset, artifact_location=location))
        except MlflowException:  # another process was faster
            found = self.client.get_experiment_by_name(dataset)
            if found is None:
                raise
            return str(found.experiment_id)

    def _artifact_root(self) -> str:
        assert self.file
        return (self.file.parent / "artifacts").as_uri()

    def _check_location(self, location: str) -> None:
        if self.file and not location.startswith(self._artifact_root()):
            raise RegistryUnavailableError(
                f"The tracking store {self.file} was made elsewhere: its artifacts are at {location}, expected under "
                f"{self._artifact_root()}. Move the directory back, or run `make clean` and train again."
            )


def experiment_id(dataset: str) -> str:
    """Id of the experiment of a data set, for links to its runs."""
    return Tracker().experiment(dataset)


def register_bundle(bundle: Path, *, tracker: Tracker | None = None, tags: Mapping[str, str] | None = None) -> Version:
    """Log the bundle directory `bundle` (of that name) in a run of its own and register it, its metrics with it."""
    tracker = tracker or Tracker()
    manifest = read_manifest(bundle)
    with tracker.run(manifest.dataset.name, manifest.algorithm, run_tags(manifest)) as run:
        model_id = run.log_bundle(bundle)
        run.log_parameters(manifest.parameters)
        run.log_dataset(manifest)
        run.log_metrics(manifest.metrics, model_id)
        return run.register(model_id, {**version_tags(manifest), **(tags or {})})


def _require_absence(error: MlflowException) -> None:
    """Let an error pass that says "there is no such thing"; any other must not be taken for that."""
    if error.error_code not in _ABSENT:
        raise RegistryUnavailableError(f"The registry cannot be read: {error}") from error


def _sqlite_file(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
