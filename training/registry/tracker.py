"""The tracking store and model registry at one address."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
from filelock import FileLock
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from recommender import home
from recommender.bundle import BUNDLE, read_manifest
from recommender.errors import MissingInputError, MovierecError, RegistryUnavailableError
from recommender.files import whole_file
from training.evaluation.result import Evaluation, load_evaluation
from training.registry.processes import PROCESS_TAG, is_dead, retry_lost_race, this_process
from training.registry.relocation import artifact_root
from training.registry.run import EVALUATIONS, INTERVALS, Run, intervals_table, run_tags, version_tags
from training.registry.version import REGISTERED_MODEL, TUNING, Version, experiment_tags, runs_path

# MLflow's own defaults let a command hang for many minutes at a server that is away.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
_ABSENT = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}


def default_uri() -> str:
    """Return `MLFLOW_TRACKING_URI`, else the address of the SQLite store in `mlruns/`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or home.runs_address()


class Tracker:
    """Reads and writes the tracking store and model registry at one address."""

    def __init__(self, uri: str | None = None) -> None:
        """Open the store, create it where there is none, and close the runs of dead processes.

        Raises RegistryUnavailableError where a server does not answer.
        """
        self.uri = uri or default_uri()
        self.file = _sqlite_file(self.uri)
        if not self.file:
            for name, value in _PATIENCE.items():
                os.environ.setdefault(name, value)
        if self.file and not self.file.exists():
            _create(self.file)
        mlflow.set_tracking_uri(self.uri)  # the fluent calls and the registry read the address from here
        self.client = mlflow.MlflowClient(self.uri)
        try:
            self.close_dead_runs()
        except MlflowException as error:
            if self.file:
                raise
            server = urlsplit(self.uri)  # without a password
            raise RegistryUnavailableError(
                f"Expected a tracking server at {server.hostname}:{server.port or server.scheme}; it does not answer. "
                "Start it, or mend MLFLOW_TRACKING_URI."
            ) from error

    @classmethod
    def existing(cls, uri: str | None = None) -> Tracker:
        """Open an existing store. Raises MissingInputError where there is none; MLflow would create an empty one."""
        file = _sqlite_file(uri or default_uri())
        if file and not file.is_file():
            raise MissingInputError(f"No tracking store at {file}. Run `movierec train all` first.")
        return cls(uri)

    @contextmanager
    def run(
        self,
        experiment: str,
        name: str,
        tags: Mapping[str, str],
        *,
        description: str | None = None,
        nested: bool = False,
        resume: str | None = None,
    ) -> Iterator[Run]:
        """Open a run in an experiment, or the ended run with the id `resume` again.

        It ends as FAILED when the block raises, else as FINISHED.
        """
        all_tags = {**tags, PROCESS_TAG: this_process()}
        experiment_id, failure = self.experiment(experiment), None
        try:
            with mlflow.start_run(
                run_id=resume,
                experiment_id=experiment_id,
                run_name=name,
                tags=all_tags,
                description=description,
                nested=nested,
            ) as active:
                try:
                    yield Run(self.client, active.info.run_id)
                except MovierecError as error:
                    failure = error
                    raise
        except MlflowException:
            if failure is None:
                raise
            raise failure from None  # a full disk cannot even store the run's state; the next Tracker closes the run

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, that of a data set or of its studies; it is created where there is none.

        Raises RegistryUnavailableError where the store was moved since.
        """
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            return self._create_experiment(name)
        if self.file and not experiment.artifact_location.startswith(artifact_root(self.file)):
            raise RegistryUnavailableError(
                f"The tracking store {self.file} was made elsewhere: its artifacts are at "
                f"{experiment.artifact_location}, expected under {artifact_root(self.file)}. "
                "`movierec relocate` writes the addresses anew."
            )
        return str(experiment.experiment_id)

    def tag_experiment(self, name: str, tags: Mapping[str, str]) -> None:
        """Set those tags of an experiment that have another value, and the usual ones where it lacks them."""
        number = self.experiment(name)
        present = self.client.get_experiment(number).tags
        usual = {key: value for key, value in experiment_tags(_description(name)).items() if key not in present}
        for key, value in {**usual, **tags}.items():
            if present.get(key) != value:
                retry_lost_race(partial(self.client.set_experiment_tag, number, key, value))

    def newest_run(self, experiment: str, tags: Mapping[str, str]) -> str | None:
        """Return the id of the newest run of an experiment that has these tags; None where there is none."""
        query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        runs = self.client.search_runs([self.experiment(experiment)], query, max_results=1)
        return str(runs[0].info.run_id) if runs else None

    def versions(self) -> list[Version]:
        """Return all registered versions, newest first."""
        entities = self.client.search_model_versions(f"name = '{REGISTERED_MODEL}'", max_results=10_000)
        if not entities:
            return []
        # A search leaves the aliases out.
        aliases = self.client.get_registered_model(REGISTERED_MODEL).aliases
        for entity in entities:
            entity.aliases = [alias for alias, number in aliases.items() if number == entity.version]
        return sorted(map(Version.from_mlflow, entities), key=lambda version: -version.number)

    def version(self, number: int) -> Version:
        """Return one version. Raises MissingInputError, which names the existing ones."""
        try:
            return Version.from_mlflow(self.client.get_model_version(REGISTERED_MODEL, str(number)))
        except MlflowException as error:
            _require_absence(error)
            existing = ", ".join(str(version.number) for version in self.versions()) or "none"
            raise MissingInputError(f"No version {number} of {REGISTERED_MODEL}; there are: {existing}.") from None

    def aliased(self, alias: str) -> Version | None:
        """Return the version with the alias, or None where no version has it."""
        try:
            return Version.from_mlflow(self.client.get_model_version_by_alias(REGISTERED_MODEL, alias))
        except MlflowException as error:
            _require_absence(error)
            return None

    def set_alias(self, alias: str, number: int) -> None:
        """Point an alias at a version."""
        retry_lost_race(lambda: self.client.set_registered_model_alias(REGISTERED_MODEL, alias, str(number)))

    def delete_alias(self, alias: str) -> None:
        """Remove an alias, if it exists."""
        retry_lost_race(lambda: self.client.delete_registered_model_alias(REGISTERED_MODEL, alias))

    def tag_version(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for key, value in tags.items():
            retry_lost_race(partial(self.client.set_model_version_tag, REGISTERED_MODEL, str(number), key, value))

    def bundle(self, number: int, destination: Path) -> Path:
        """Download the bundle of a version into the directory `destination` and return the bundle's path.

        Raises RegistryUnavailableError where it is not at its address.
        """
        try:
            source = self.client.get_model_version_download_uri(REGISTERED_MODEL, str(number))
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=f"{source}/artifacts/{BUNDLE}", dst_path=str(destination)
            )
        except (MlflowException, OSError) as error:
            raise RegistryUnavailableError(
                f"The bundle of version {number} is not where the registry says. A tracking store that was moved is "
                "mended with `movierec relocate`; else train the version again."
            ) from error
        return Path(path)

    def log_directory(self, run_id: str, local: Path, folder: str) -> None:
        """Store every file of a local directory in `folder` of the artifacts of a run that has ended."""
        Run(self.client, run_id).log_directory(local, folder)

    def artifact(self, run_id: str, path: str, destination: Path) -> Path:
        """Download one artifact of a run into `destination` and return its path. Raises MissingInputError."""
        try:
            return Path(self.client.download_artifacts(run_id, path, str(destination)))
        except (MlflowException, OSError) as error:
            raise MissingInputError(f"Run {run_id} has no artifact {path}; train that model again.") from error

    def evaluation(self, run_id: str, protocol: str) -> Evaluation:
        """Read the evaluation by `protocol` from a run's artifacts. Raises MissingInputError where there is none."""
        with tempfile.TemporaryDirectory() as scratch:
            return load_evaluation(self.artifact(run_id, f"{EVALUATIONS}/{protocol}.npz", Path(scratch)))

    def model_tags(self) -> dict[str, str]:
        """Return the tags of the registered model."""
        return dict(self.client.get_registered_model(REGISTERED_MODEL).tags)

    def tag_model(self, key: str, value: str) -> None:
        """Set a tag of the registered model."""
        retry_lost_race(lambda: self.client.set_registered_model_tag(REGISTERED_MODEL, key, value))

    def close_dead_runs(self) -> list[str]:
        """End the RUNNING runs whose process on this machine has ended, and return their ids."""
        ids = [experiment.experiment_id for experiment in self.client.search_experiments()]
        running = self.client.search_runs(ids, "attributes.status = 'RUNNING'", ViewType.ACTIVE_ONLY, 1000)
        dead = [run.info.run_id for run in running if is_dead(run.data.tags.get(PROCESS_TAG, ""))]
        registered = {version.run_id for version in self.versions()} if dead else set()
        for run_id in dead:
            self.client.set_terminated(run_id, "FINISHED" if run_id in registered else "FAILED")
        return dead

    def _create_experiment(self, name: str) -> str:
        location = f"{artifact_root(self.file)}/{name}" if self.file else None
        tags = experiment_tags(_description(name))
        try:
            return str(self.client.create_experiment(name, artifact_location=location, tags=tags))
        except MlflowException:  # another process was faster
            experiment = self.client.get_experiment_by_name(name)
            if experiment is None:
                raise
            return str(experiment.experiment_id)


def experiment_path(dataset: str) -> str:
    """Return the URL path of a data set's table of runs in the UI of the default store."""
    return runs_path(Tracker().experiment(dataset))


def register_bundle(bundle: Path, *, tracker: Tracker | None = None, tags: Mapping[str, str] | None = None) -> Version:
    """Log a bundle, a directory called `bundle`, with its metrics in a new run, and register it as a version."""
    tracker = tracker or Tracker()
    manifest = read_manifest(bundle)
    with tracker.run(manifest.dataset.name, manifest.algorithm, run_tags(manifest)) as run:
        run.log_parameters(manifest.parameters)
        model_id = run.log_bundle(bundle)
        run.log_dataset(manifest)
        run.log_metrics(manifest.metrics, model_id)
        run.log_text(INTERVALS, intervals_table(manifest.metrics))
        return run.register(model_id, {**version_tags(manifest), **(tags or {})})


def _description(experiment: str) -> str:
    dataset = experiment.removesuffix(TUNING)
    if dataset != experiment:
        return f"Studies of `movierec tune` on {dataset}: a run for each study, with its trials as nested runs."
    return (
        f"Models trained on {dataset}, a run for each. Figures come from fits on the training part of each protocol; "
        "what is registered is refitted on all data. `intervals.json` of a run holds the 95 % intervals."
    )


def _require_absence(error: MlflowException) -> None:
    """Raise RegistryUnavailableError unless the error says that the requested object does not exist."""
    if error.error_code not in _ABSENT:
        raise RegistryUnavailableError(f"The registry cannot be read: {error}") from error


def _create(file: Path) -> None:
    """Make the store in a SQLite file, whole or not at all; two processes that do it at once spoil each other's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.creation.lock")):
        if not file.exists():
            with whole_file(file) as fresh:
                mlflow.MlflowClient(f"sqlite:///{fresh}").search_experiments(max_results=1)


def _sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite address, None for other addresses."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
