"""The only writer of MLflow: runs, registered versions, aliases.

Everything lives under `mlruns/` (recommender/home.py says where): `mlflow.db` (SQLite) and `artifacts/`.
`MLFLOW_TRACKING_URI` replaces that address. One experiment per data set, one registered model, two aliases.

A run is RUNNING until its version is registered. A process that dies leaves it so; the next `Tracker` on this machine
closes it: FINISHED where its version exists (everything was written by then), FAILED otherwise.
"""

from training.registry.run import Run, run_tags, version_tags
from training.registry.tracker import Tracker, default_uri, experiment_id, register_bundle
from training.registry.version import BUNDLE, CHALLENGER, CHAMPION, REFERENCE, REGISTERED_MODEL, Version

__all__ = [
    "BUNDLE",
    "CHALLENGER",
    "CHAMPION",
    "REFERENCE",
    "REGISTERED_MODEL",
    "Run",
    "Tracker",
    "Version",
    "default_uri",
    "experiment_id",
    "register_bundle",
    "run_tags",
    "version_tags",
]
