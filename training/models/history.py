"""How linear item models weigh a user's history: by likes and dislikes where the target tells them apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.models.base import TrainingData
from training.models.parameters import EaseConfig, ItemKnnConfig


def signed_history(
    data: TrainingData, config: EaseConfig | ItemKnnConfig, name: str
) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """Return fields of the ItemWeightsSpec of `name` and the arrays that they name; none where nothing is disliked."""
    if data.like is None:
        return {}, {}
    baseline = f"{name}_baseline"
    fields = {"profile_weight": "signed", "like": data.like, "dislike": config.dislike, "baseline": baseline}
    return fields, {baseline: data.baseline(config.prior)}
