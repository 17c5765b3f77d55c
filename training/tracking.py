"""The only writer of MLflow: runs, registered versions, aliases.

Everything lives under `mlruns/` of the working directory: `mlflow.db` (SQLite) and `artifacts/`. `MLFLOW_TRACKING_URI`
replaces that address. One experiment per data set, one registered model, two aliases.

A run is RUNNING until its version is registered. A process that dies leaves it so; the next `Tracker` on this machine
closes it: FINISHED where its version exists (everything was written by then), FAILED otherwise.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import mlflow
import psutil
from mlflow.entities import Dataset, DatasetInput, InputTag, Param, ViewType
from mlflow.entities import Metric as RunMetric
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

import recommender
from recommender.bundle import Manifest, Metric, read_manifest
from recommender.errors import MissingInputError, MovierecError, RegistryUnavailableError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REGISTERED_MODEL = "movielens-recommender"
CHAMPION, CHALLENGER, REFERENCE = "champion", "challenger", "reference"
ROOT = Path("mlruns")
BUNDLE = "bundle"  # a version's download has artifacts/bundle/manifest.json
PROCESS_TAG = "movierec.process"
T = TypeVar("T")
_ABSENT = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}
_PARAMETER_LENGTH = 6000  # MLflow's limit
_PYFUNC_FILE = Path(__file__).with_name("pyfunc_model.py")
_REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "rapidfuzz", "scipy")
_SIGNATURE = ModelSignature(
    inputs=Schema(
        [
            ColSpec("string", "title", required=False),
            ColSpec("long", "movie_id", required=False),
            ColSpec("long", "user_id", required=False),
        ]
    ),
    outputs=Schema(
        [
            ColSpec("long", "query"),
            ColSpec("long", "rank"),
            ColSpec("long", "movie_id"),
            ColSpec("string", "title"),
            ColSpec("long", "year"),
            ColSpec("double", "score"),
        ]
    ),
    params=ParamSchema([ParamSpec("n", "long", 10)]),
)


@dataclass(frozen=True)
class Version:
    """A registered version."""

    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created: int  # milliseconds since 1970

    @property
    def algorithm(self) -> str:
        return self.tags.get("algorithm", "")


def default_uri(root: Path = ROOT) -> str:
    """`MLFLOW_TRACKING_URI`, else the SQLite store under `root`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root.resolve()}/mlflow.db"


class Run:
    """An open run, to be filled."""

    def __init__(self, tracker: Tracker, run_id: str) -> None:
        self.tracker = tracker
        self.run_id = run_id

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Log parameters; nested ones get dotted names."""
        params = [Param(key, str(value)[:_PARAMETER_LENGTH]) for key, value in flatten(parameters)]
        self.tracker.client.log_batch(self.run_id, params=params)

    def log_metrics(self, metrics: Sequence[Metric], model_id: str | None = None) -> None:
        """Log figures as `protocol/name`, with `_lo` and `_hi` where there is an interval; of the logged model too."""
        values = [pair for metric in metrics for pair in _named_values(metric)]
        logged = [RunMetric(key, value, _milliseconds(), 0, model_id=model_id) for key, value in values]
        self.tracker.client.log_batch(self.run_id, metrics=logged)

    def log_curve(self, name: str, values: list[float]) -> None:
        """Log one value after each iteration."""
        steps = [RunMetric(name, value, _milliseconds(), step) for step, value in enumerate(values, start=1)]
        self.tracker.client.log_batch(self.run_id, metrics=steps)

    def log_dataset(self, manifest: Manifest) -> None:
        """Name the data set as the run's input."""
        info = manifest.dataset
        dataset = Dataset(
            name=info.name,
            digest=info.fingerprint[:36],  # the store's column is that wide
            source_type="local",
            source=json.dumps({"command": f"movierec data prepare {info.name}"}),
            profile=json.dumps(info.snapshot),
        )
        given = DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])
        _twice(lambda: self.tracker.client.log_inputs(self.run_id, [given]))

    def log_figure(self, name: str, figure: Figure) -> None:
        """Keep a figure as figures/<name>.png."""
        self.tracker.client.log_figure(self.run_id, figure, f"figures/{name}.png")

    def log_text(self, path: str, text: str) -> None:
        """Keep a text file."""
        self.tracker.client.log_text(self.run_id, text, path)

    def log_bundle(self, bundle: Path) -> str:
        """Log the bundle (a directory of that name) as a pyfunc model; its id.

        To be done before metrics are logged: MLflow reads every metric of the run back, one at a time, to give it to
        the model.
        """
        with _unchanged_path(), _storing("bundle"):
            info = mlflow.pyfunc.log_model(
                name=read_manifest(bundle).algorithm,
                python_model=str(_PYFUNC_FILE),
                artifacts={BUNDLE: str(bundle)},
                code_paths=[str(Path(recommender.__file__).parent)],
                signature=_SIGNATURE,
                input_example=[{"title": _example_title(bundle)}],
                pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in _REQUIREMENTS],
            )
        return str(info.model_id)

    def register(self, model_id: str, tags: Mapping[str, str]) -> Version:
        """Make a logged model the next version. The last thing that a run does: a version is whole."""
        with redirect_stderr(io.StringIO()):  # it announces each version there
            created = _twice(lambda: mlflow.register_model(f"models:/{model_id}", REGISTERED_MODEL, tags=dict(tags)))
        return _version(created)


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
        every = {**tags, PROCESS_TAG: _this_process()}
        experiment, failure = self.experiment(dataset), None
        try:
            with mlflow.start_run(experiment_id=experiment, run_name=name, tags=every, nested=nested) as active:
                try:
                    yield Run(self, active.info.run_id)
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
        return sorted(map(_version, found), key=lambda version: -version.number)

    def version(self, number: int) -> Version:
        """One version, with its aliases. Raises MissingInputError."""
        try:
            return _version(self.client.get_model_version(REGISTERED_MODEL, str(number)))
        except MlflowException as error:
            _require_absence(error)
            known = ", ".join(str(version.number) for version in self.versions()) or "none"
            raise MissingInputError(f"No version {number} of {REGISTERED_MODEL}; there are: {known}.") from None

    def aliased(self, alias: str) -> Version | None:
        """The version that an alias names, or None."""
        try:
            return _version(self.client.get_model_version_by_alias(REGISTERED_MODEL, alias))
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
        """Keep a file in `folder` of a run's artifacts."""
        self.client.log_artifact(run_id, str(local), folder)

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
        dead = [run.info.run_id for run in running if _is_dead(run.data.tags.get(PROCESS_TAG, ""))]
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


def run_tags(manifest: Manifest) -> dict[str, str]:
    """What every training run is tagged with."""
    return {**version_tags(manifest), "git_commit": manifest.git_commit or "unknown"}


def version_tags(manifest: Manifest) -> dict[str, str]:
    """What every version is tagged with at birth."""
    configuration = json.dumps([manifest.algorithm, manifest.parameters], sort_keys=True)
    return {
        "algorithm": manifest.algorithm,
        "dataset": manifest.dataset.name,
        "data_fingerprint": manifest.dataset.fingerprint,
        "films": str(manifest.files["movie_ids"].shape[0]),
        "configuration": hashlib.sha256(configuration.encode()).hexdigest()[:16],
    }


def flatten(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`{"als": {"factors": 64}}` to `("als.factors", 64)`."""
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _named_values(metric: Metric) -> list[tuple[str, float]]:
    parts = {"": metric.value, "_lo": metric.lo, "_hi": metric.hi}
    return [(f"{metric.protocol}/{metric.name}{end}", value) for end, value in parts.items() if value is not None]


def _require_absence(error: MlflowException) -> None:
    """Let an error pass that says "there is no such thing"; any other must not be taken for that."""
    if error.error_code not in _ABSENT:
        raise RegistryUnavailableError(f"The registry cannot be read: {error}") from error


def _twice(call: Callable[[], T]) -> T:
    """MLflow looks for a row before it inserts one; when another process is faster, the second look finds it."""
    try:
        return call()
    except MlflowException:
        return call()


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _version(found: ModelVersion) -> Version:
    return Version(
        int(found.version),
        str(found.run_id),
        dict(found.tags),
        tuple(sorted(found.aliases)),
        int(found.creation_timestamp),
    )


def _sqlite_file(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def _this_process() -> str:
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"


def _is_dead(process: str) -> bool:
    """True where `process` (as `_this_process` writes it) ran on this machine and is gone."""
    host, _, rest = process.partition(" ")
    if host != socket.gethostname() or not rest:
        return False
    pid, created = rest.split()
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True


def _example_title(bundle: Path) -> str:
    from recommender.model import Model

    model = Model.load(bundle, verify=False)
    return model.catalog.film(int(model.catalog.counts.argmax())).label


@contextmanager
def _storing(what: str) -> Iterator[None]:
    try:
        yield
    except (MlflowException, OSError) as error:
        cause = error.__cause__ or error
        raise MovierecError(f"The {what} could not be stored: {cause}. Is the disk full?") from error


@contextmanager
def _unchanged_path() -> Iterator[None]:
    """MLflow puts its copy of the code on `sys.path` and leaves it there."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
