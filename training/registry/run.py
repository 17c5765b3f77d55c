"""An open MLflow run: parameters, metrics, data set, files and, as its last step, a registered version."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag
from mlflow.entities import Metric as RunMetric
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, DataType
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_LOGGED_ARTIFACTS

import recommender
from recommender.bundle import BUNDLE, Manifest, Metric, read_manifest
from recommender.errors import MovierecError
from recommender.model import Model
from training.config import flatten
from training.registry.processes import retry_lost_race
from training.registry.version import REGISTERED_MODEL, REGISTERED_MODEL_DESCRIPTION, Version

_PARAMETER_LENGTH = 6000  # MLflow's limit
INTERVALS = "intervals.json"  # in a run's artifacts
EVALUATIONS = "evaluations"  # a folder in them: values per user, so that versions can be compared on the same users
_INTERVAL_COLUMNS = ("protocol", "metric", "value", "lo", "hi")
_PYFUNC_FILE = Path(__file__).with_name("pyfunc_model.py")
_REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "rapidfuzz", "scipy")


class Run:
    """An open MLflow run that parameters, metrics and files are logged to."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Log parameters; nested ones get dotted names such as `als.factors`."""
        params = [Param(key, str(value)[:_PARAMETER_LENGTH]) for key, value in flatten(parameters)]
        self.client.log_batch(self.run_id, params=params)

    def log_metrics(self, metrics: Sequence[Metric], model_id: str | None = None) -> None:
        """Log values as `protocol/name`, with `model_id` for that model too; the file INTERVALS holds any intervals."""
        now = _milliseconds()
        values = [RunMetric(f"{m.protocol}/{m.name}", m.value, now, 0, model_id=model_id) for m in metrics]
        tables = json.dumps([{"path": INTERVALS, "type": "table"}])  # as mlflow.log_table marks one for the UI
        tags = [RunTag(MLFLOW_LOGGED_ARTIFACTS, tables)] if any(m.lo is not None for m in metrics) else []
        self.client.log_batch(self.run_id, metrics=values, tags=tags)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags of the run; MLflow shows the tag `mlflow.note.content` as its description."""
        self.client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def log_curve(self, name: str, values: list[float]) -> None:
        """Log one value per iteration under `name`, for a learning curve."""
        steps = [RunMetric(name, value, _milliseconds(), step) for step, value in enumerate(values, start=1)]
        self.client.log_batch(self.run_id, metrics=steps)

    def log_dataset(self, manifest: Manifest) -> None:
        """Log the data set of a bundle's manifest as the run's input."""
        info = manifest.dataset
        dataset = Dataset(
            name=info.name,
            digest=info.fingerprint[:36],  # the store's column is that wide
            source_type="local",
            source=json.dumps({"command": f"movierec data prepare {info.name}"}),
            profile=json.dumps(info.snapshot),
        )
        dataset_input = DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])
        retry_lost_race(lambda: self.client.log_inputs(self.run_id, [dataset_input]))

    def log_directory(self, local: Path, folder: str | None = None) -> None:
        """Keep every file of a local directory in the artifacts, or in a `folder` of them."""
        self.client.log_artifacts(self.run_id, str(local), folder)

    def log_text(self, path: str, text: str) -> None:
        """Store a text as the file `path` in the run's artifacts."""
        self.client.log_text(self.run_id, text, path)

    def log_bundle(self, bundle: Path) -> str:
        """Log a bundle, a directory called `bundle`, as a pyfunc model and return the model's id.

        Call it after logging parameters, which MLflow copies to the model, and before logging metrics, which it would
        read again, one at a time.
        """
        model = Model.load(bundle, verify=False)
        try:
            with _unchanged_path():
                info = mlflow.pyfunc.log_model(
                    name=read_manifest(bundle).algorithm,
                    python_model=str(_PYFUNC_FILE),
                    artifacts={BUNDLE: str(bundle)},
                    code_paths=[str(Path(recommender.__file__).parent)],
                    signature=_signature(model),
                    input_example=[{"title": model.catalog.film(int(model.catalog.counts.argmax())).label}],
                    pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in _REQUIREMENTS],
                )
        except (MlflowException, OSError) as error:
            raise MovierecError(
                f"The bundle could not be stored: {error.__cause__ or error}. Is the disk full?"
            ) from error
        return str(info.model_id)

    def register(self, model_id: str, tags: Mapping[str, str], description: str = "") -> Version:
        """Register a logged model as the next version; the last step of a run, so that every version is complete.

        Descriptions follow: `mlflow.register_model` takes none.
        """
        with redirect_stderr(io.StringIO()):  # MLflow announces each version there
            entity = retry_lost_race(
                lambda: mlflow.register_model(f"models:/{model_id}", REGISTERED_MODEL, tags=dict(tags))
            )
        if description:
            self.client.update_model_version(REGISTERED_MODEL, entity.version, description)
        if not self.client.get_registered_model(REGISTERED_MODEL).description:
            self.client.update_registered_model(REGISTERED_MODEL, REGISTERED_MODEL_DESCRIPTION)
        return Version.from_mlflow(entity)


def run_tags(manifest: Manifest) -> dict[str, str]:
    """Return the tags of a training run: those of its version, and the git commit."""
    return {**version_tags(manifest), "git_commit": manifest.git_commit or "unknown"}


def version_tags(manifest: Manifest) -> dict[str, str]:
    """Return the tags of a new version: algorithm and what it does, data set, its fingerprint, item count ..."""
    configuration = json.dumps([manifest.algorithm, manifest.parameters], sort_keys=True)
    return {
        "algorithm": manifest.algorithm,
        "dataset": manifest.dataset.name,
        "data_fingerprint": manifest.dataset.fingerprint,
        "films": str(manifest.files["catalog_counts"].shape[0]),
        **({"about": about.sentence} if (about := manifest.about.get(manifest.algorithm)) else {}),
        "configuration": hashlib.sha256(configuration.encode()).hexdigest()[:16],
    }


def intervals_table(metrics: Sequence[Metric]) -> str:
    """Return the 95 % intervals of metrics as a table, in the JSON that `MlflowClient.load_table` reads."""
    rows = [[m.protocol, m.name, m.value, m.lo, m.hi] for m in metrics if m.lo is not None]
    return json.dumps({"columns": _INTERVAL_COLUMNS, "data": rows})


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _signature(model: Model) -> ModelSignature:
    """Return parameters and result of the pyfunc model; ids are long where the data set's are integers, else string.

    It declares no inputs: MLflow would drop what is not declared, a plain title and a mistyped column among it, and the
    answer would be empty. The pyfunc model checks its input itself.
    """
    outputs = {
        "query": DataType.long,
        "rank": DataType.long,
        "movie_id": DataType.string if model.movie_ids.is_text else DataType.long,
        "title": DataType.string,
        "year": DataType.long,
        "score": DataType.double,
        "error": DataType.string,
        "suggestions": Array(DataType.string),
    }
    return ModelSignature(
        outputs=Schema([ColSpec(kind, name, required=name == "query") for name, kind in outputs.items()]),
        params=ParamSchema([ParamSpec("n", "long", 10)]),
    )


@contextmanager
def _unchanged_path() -> Iterator[None]:
    """Restore `sys.path` afterwards: MLflow puts its copy of the code there and leaves it."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
