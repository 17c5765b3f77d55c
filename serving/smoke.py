"""The smoke gate: what a model must show before it may replace the one that is served."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recommender.errors import GateRefusedError
from recommender.model import Model, Wanted
from serving.settings import Settings

_SAMPLE = 64  # films whose lists are compared; a constant model gives one list to all


def check(bundle: Path, settings: Settings) -> Model:
    """Verify the bundle's hashes and the model's sanity; returns it. Raises BundleError or GateRefusedError."""
    model = Model.load(bundle)
    _require_dataset(model, settings)
    _require_finite(model)
    model.check_golden()
    _require_variety(model)
    return model


def _require_dataset(model: Model, settings: Settings) -> None:
    found = model.manifest.dataset.name
    if settings.expected_dataset is not None and found != settings.expected_dataset:
        raise GateRefusedError(f"Expected a model of the data set {settings.expected_dataset}, found {found}.")
    if len(model.movie_ids) < settings.minimum_movies:
        raise GateRefusedError(
            f"Expected a catalogue of at least {settings.minimum_movies} films, found {len(model.movie_ids)}."
        )


def _require_finite(model: Model) -> None:
    for name, array in model.arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise GateRefusedError(f"Array {name} holds values that are not finite.")


def _require_variety(model: Model) -> None:
    """Two films' lists must differ somewhere, and their scores must not all be one number."""
    popular = np.argsort(-model.catalog.counts, kind="stable")[:_SAMPLE]
    lists = [model.similar(int(row), Wanted(n=5)) for row in popular]
    if not any(len(found.rows) for found in lists):
        raise GateRefusedError("The model recommends nothing for any of the most rated films.")
    scores = np.concatenate([found.scores for found in lists])
    if np.ptp(scores) == 0:
        raise GateRefusedError("The model gives every recommendation the same score.")
