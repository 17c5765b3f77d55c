"""An open run: parameters, figures, data set, files, and at its end a registered version."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Param
from mlflow.entities import Metric as RunMetric
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

import recommender
from recommender.bundle import Manifest, Metric, read_manifest
from recommender.errors import MovierecError
from training.registry.version import BUNDLE, REGISTERED_MODEL, Version

if TYPE_CHECKING:
    pass

T = TypeVar("T")
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


class Run:
    """An open run, to be filled."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Log parameters; nested ones get dotted names."""
        params = [Param(key, str(value)[:_PARAMETER_LENGTH]) for key, value in flatten(parameters)]
        self.client.log_batch(self.run_id, params=params)

    def log_metrics(self, metrics: Sequence[Metric], model_id: str | None = None) -> None:
        """Log figures as `protocol/name`, with `_lo` and `_hi` where there is an interval; of the logged model too."""
        values = [pair for metric in metrics for pair in _named_values(metric)]
        logged = [RunMetric(key, value, _milliseconds(), 0, model_id=model_id) for key, value in values]
        self.client.log_batch(self.run_id, metrics=logged)

    def log_curve(self, name: str, values: list[float]) -> None:
        """Log one value after each iteration."""
        steps = [RunMetric(name, value, _milliseconds(), step) for step, value in enumerate(values, start=1)]
        self.client.log_batch(self.run_id, metrics=steps)

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
        _twice(lambda: self.client.log_inputs(self.run_id, [given]))

    def log_file(self, local: Path, folder: str) -> None:
        """Keep a file in `folder` of the artifacts."""
        self.client.log_artifact(self.run_id, str(local), folder)

    def log_directory(self, local: Path, folder: str) -> None:
        """Keep every file of a local directory in `folder` of the artifacts."""
        self.client.log_artifacts(self.run_id, str(local), folder)

    def log_text(self, path: str, text: str) -> None:
        """Keep a text file."""
        self.client.log_text(self.run_id, text, path)

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
        return Version.of(created)


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


def _twice(call: Callable[[], T]) -> T:
    """MLflow looks for a row before it inserts one; when another process is faster, the second look finds it."""
    try:
        return call()
    except MlflowException:
        return call()


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


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
