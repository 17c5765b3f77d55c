"""Interface of every algorithm: training data in, arrays and scorer specs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.about import About
from recommender.feedback import MOVIELENS, Feedback
from recommender.scoring.blocks import with_data, with_entries
from recommender.scoring.scorers import UserScorer
from recommender.scoring.specs import FactorSpec, ItemSpec, PopularitySpec, UserSpec
from training.config import Config
from training.models.target import EVERY_ROW, Target
from training.progress import Progress

if TYPE_CHECKING:
    from training.datasets.dataset import TagMatrix

C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class TrainingData:
    """Input of a fit: ratings of one training split and features of the films. Rows are those of the whole data set."""

    user_item: sp.csr_matrix  # (n_users, n_movies) float32 ratings, or weights of events; sorted indices
    tags: TagMatrix  # (n_movies, n_features)
    canonical: NDArray[np.int32]  # (n_movies,) row that stands for each film
    feedback: Feedback = MOVIELENS  # what the ratings mean
    has_own_tags: bool = False  # features are hidden in this split that the data set has
    target: Target = EVERY_ROW  # which of the ratings the model is to predict
    released: NDArray[np.bool_] | None = None  # (n_movies,) films that came out lately; None: nobody knows when any did

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """Return a mask (n_movies,) of the unrated films that are new releases, or may be as no date is known."""
        unrated: NDArray[np.bool_] = self.counts == 0
        return unrated if self.released is None else unrated & self.released

    @cached_property
    def stars(self) -> sp.csr_matrix:
        """Return the ratings in stars, as every model sees them: on MovieLens's scale the same matrix."""
        values = self.feedback.stars(self.user_item.data)
        return self.user_item if values is self.user_item.data else with_data(self.user_item, values)

    @cached_property
    def is_target(self) -> NDArray[np.bool_]:
        """Return which ratings are to be predicted (nnz,), in the order of `user_item.data`: likes, or all."""
        return self.target.includes(self.user_item.data)

    @property
    def share_of_likes(self) -> float:
        """Return the share of the ratings that models are to predict; 1 where that is every one."""
        is_every_row = self.like is None or not self.user_item.nnz
        return 1.0 if is_every_row else float(self.is_target.mean())

    @cached_property
    def like(self) -> float | None:
        """Return the stars from which on a rating is to be predicted; None where every one is.

        A rating below is a dislike, an event below only a weak one: it stays among those to be predicted.
        """
        if self.target.relevance is None or not self.feedback.has_ratings:
            return None
        return float(self.feedback.stars(np.array([self.target.relevance], dtype=np.float32))[0])

    def profile(self, dislike: float) -> dict[str, Any]:
        """Return fields of an ItemWeightsSpec: histories weighed by likes and dislikes, where the target has both."""
        return {} if self.like is None else {"profile_weight": "signed", "like": self.like, "dislike": dislike}

    def likes(self, values: NDArray[Any]) -> sp.csr_matrix:
        """Return a matrix of `values` (nnz,) of the ratings that are to be predicted, without the other ratings."""
        matrix = with_data(self.user_item, values)
        return matrix if self.like is None else with_entries(matrix, self.is_target)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return the number of training ratings of each film, (n_movies,)."""
        return np.bincount(self.user_item.indices, minlength=self.user_item.shape[1])

    @property
    def sides(self) -> tuple[int, int]:
        """Return the number of users and of films that have ratings."""
        return int(np.count_nonzero(np.diff(self.user_item.indptr))), int(np.count_nonzero(self.counts))

    @property
    def density(self) -> float:
        """Return the share of the pairs of such users and films that have a rating."""
        users, films = self.sides
        return self.user_item.nnz / max(users * films, 1)


@dataclass(frozen=True)
class FittedModel:
    """A fitted algorithm: its arrays, and the specs that say how they are scored.

    Array names are prefixed with the algorithm's name, so that several models share one bundle without a clash.
    """

    algorithm: str
    parameters: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    item_spec: ItemSpec
    user_spec: UserSpec
    rating_spec: FactorSpec | None = None  # predicted ratings, in stars, where the algorithm gives them
    content_embedding: str | None = None
    learning_curve: Mapping[str, list[float]] = field(default_factory=dict)  # quantity -> value after each iteration
    members: tuple[str, ...] = ()  # algorithms that it was composed of, for readers
    own_scorer: UserScorer | None = None  # code in the place of `user_spec`: such a model is judged, and never saved

    @classmethod
    def judged_only(cls, algorithm: str, parameters: Mapping[str, Any], scorer: UserScorer, films: int) -> FittedModel:
        """Return a model of `films` items that scores by code of its own: it can be judged, but not saved or served.

        It has no similar items.
        """
        name = f"{algorithm}_scores"
        nothing = PopularitySpec(scores=name)
        zeros = {name: np.zeros(films, dtype=np.float32)}
        return cls(algorithm, parameters, zeros, nothing, nothing, own_scorer=scorer)


class Algorithm(Protocol):
    """An algorithm, built from its typed parameters.

    `about`: what readers are told of it. `seeded`: whether another seed gives another model. `uses_ratings`: whether
    another training split gives another model. Fits that differ in neither are shared.
    """

    config_type: ClassVar[type[Config]]
    about: ClassVar[About]
    seeded: ClassVar[bool]
    uses_ratings: ClassVar[bool]

    def fit(self, data: TrainingData, *, seed: int, progress: Progress) -> FittedModel:
        """Fit the algorithm on `data`; the same seed gives the same arrays."""
        ...


class Configured(Generic[C]):
    """Base class of the algorithms of this project: each is built from its `configs/models/<name>.yaml`."""

    config_type: ClassVar[type[Config]]
    about: ClassVar[About]
    seeded: ClassVar[bool] = True
    uses_ratings: ClassVar[bool] = True

    def __init__(self, config: C) -> None:
        self.config = config
