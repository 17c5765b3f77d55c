"""What MLflow's UI shows of an experiment: description, kind, and a view of its runs with the columns that matter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE as NOTE

__all__ = ["NOTE", "TUNING", "VIEW", "experiment_tags", "runs_path", "view_tags"]

VIEW = "figures"  # key of the view
TUNING = "-tuning"  # ending of the experiment that holds a data set's studies
_KIND_TAG = "mlflow.experimentKind"  # "custom_model_development" opens the classic table of runs, not the GenAI pages
_VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"


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
