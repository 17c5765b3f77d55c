"""Names in MLflow of the registered model, aliases and versions, and the columns of an experiment in the UI."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities.model_registry import ModelVersion
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

REGISTERED_MODEL = "movielens-recommender"
REGISTERED_MODEL_DESCRIPTION = (
    "Recommends similar items, and items for users. The alias `champion` names the version that is served: "
    "`movierec promote` moves it, and the tag `verdict` says what the promotion gate found."
)
WARNING = "warning"  # tag of a run and a version that does worse than popularity: a sentence with the figures
CHAMPION, CHALLENGER, REFERENCE = "champion", "challenger", "reference"
NOTE = MLFLOW_RUN_NOTE  # tag that the UI shows as description
VIEW = "figures"  # key of the view
TUNING = "-tuning"  # ending of the experiment that holds a data set's studies
_KIND_TAG = "mlflow.experimentKind"  # "custom_model_development" opens the classic table of runs, not the GenAI pages
_VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"


@dataclass(frozen=True)
class Version:
    """A registered version of the model."""

    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created: int  # milliseconds since 1970

    @property
    def algorithm(self) -> str:
        """Return the name of the algorithm that the version was trained with."""
        return self.tags.get("algorithm", "")

    @classmethod
    def from_mlflow(cls, entity: ModelVersion) -> Version:
        """Convert MLflow's record of a registered version."""
        aliases = tuple(sorted(entity.aliases))
        return cls(int(entity.version), str(entity.run_id), dict(entity.tags), aliases, int(entity.creation_timestamp))


def experiment_tags(description: str) -> dict[str, str]:
    """Return the tags of every experiment of this project."""
    return {_KIND_TAG: "custom_model_development", NOTE: description}


def view_tags(metrics: Sequence[str], others: Sequence[str] = ()) -> Mapping[str, str]:
    """Return the tag of a view of the runs: `metrics` are its first columns, the runs best by the first come first.

    `others`: further columns, such as "tags.`verdict`".
    """
    columns = [f"metrics.`{metric}`" for metric in metrics] + list(others)
    view = {"orderByKey": columns[0], "orderByAsc": False, "selectedColumns": columns}
    return {_VIEW_TAG: json.dumps(view)}


def runs_path(experiment_id: str) -> str:
    """Return the URL path of an experiment's table of runs in the MLflow UI, with the columns of its view."""
    return f"/#/experiments/{experiment_id}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"
