"""From raw ratings to a registered model version: data sets, models, evaluation, tracking and promotion."""

import os

# Read by MLflow while it is imported: it neither reports usage, nor copies this project's lock files beside each model,
# nor draws progress bars, nor tells of every step, nor prints addresses between the JSON of a command.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}.items():
    os.environ.setdefault(_name, _value)
