"""MLflow runs, registered versions and aliases; no other code writes to MLflow.

Everything lives under `mlruns/` (recommender/home.py says where): `mlflow.db` (SQLite) and `artifacts/`.
`MLFLOW_TRACKING_URI` replaces that address. One experiment per data set and one for its studies, one
registered model, three aliases.

A run is RUNNING until its version is registered. A process that dies leaves it RUNNING; the next `Tracker` on this
machine closes it: FINISHED where its version exists (everything is written by then), FAILED otherwise.
"""

from training.registry.run import Run, run_tags, version_tags
from training.registry.tracker import Tracker, default_uri, experiment_path, register_bundle
from training.registry.version import CHALLENGER, CHAMPION, REFERENCE, REGISTERED_MODEL, Version

__all__ = [
    "CHALLENGER", "CHAMPION", "REFERENCE", "REGISTERED_MODEL", "Run", "Tracker", "Version", "default_uri",
    "experiment_path", "register_bundle", "run_tags", "version_tags",
]  # fmt: skip
