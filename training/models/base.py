"""What every algorithm takes and gives: training data in, arrays and scorer specs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.scoring.specs import FactorSpec, ItemSpec, UserSpec
from training.datasets.store import TagMatrix
from training.progress import Progress


@dataclass(frozen=True)
class TrainingData:
    """One training part. Rows are those of the whole data set, so that parts, bundles and tests agree on them."""

    user_item: sp.csr_matrix  # (n_users, n_movies) float32 stars; sorted indices
    tags: TagMatrix  # (n_movies, n_features)
    canonical: NDArray[np.int32]  # (n_movies,) row that stands for each film

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n_movies,) number of ratings of each film in this part."""
        return np.bincount(self.user_item.indices, minlength=self.user_item.shape[1])


@dataclass(frozen=True)
class FittedModel:
    """A fitted algorithm, ready to be put into a bundle.

    Array names are prefixed with the algorithm's name, so that several models share one bundle without a clash.
    """

    algorithm: str
    parameters: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    item_spec: ItemSpec
    user_spec: UserSpec
    rating_spec: FactorSpec | None = None  # predicted stars, where the algorithm gives them
    content_embedding: str | None = None
    learning_curve: Mapping[str, list[float]] = field(default_factory=dict)  # quantity -> value after each iteration


class Algorithm(Protocol):
    """`training/models/<name>.py` has one class of this kind, built from the typed `configs/models/<name>.yaml`."""

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit on `data`; the same seed gives the same arrays."""
        ...
