"""Build bundles: a fitted algorithm with catalogue, titles, history, prebuilt neighbours and golden queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender import schema
from recommender.bundle import DatasetInfo, Golden, Manifest, save_bundle
from recommender.errors import UsageError
from recommender.feedback import Feedback
from recommender.films.catalog import FILM_FACETS, Film, encode_catalog
from recommender.films.history import encode_history
from recommender.items import Items
from recommender.model import Model
from recommender.scoring.scale import scale_of, scaled
from training.bundling.neighbours import nearest
from training.datasets.store import ProcessedDataset
from training.kernels.ordering import evenly_spaced
from training.models import about
from training.models.base import FittedModel, TrainingData

GOLDEN_LENGTH = 10
GOLDEN_MOVIES, GOLDEN_USERS = 5, 3

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class BundleBuilder:
    """Turns models fitted on `data` into models that answer: in memory, or saved as bundles.

    Rating counts, histories and lists come from `data`, never from the other ratings of `dataset`. What the models of
    one training split share is encoded once.
    """

    dataset: ProcessedDataset
    data: TrainingData
    git_commit: str | None = None

    def model(self, fitted: FittedModel) -> Model:
        """Return `fitted` as a model in memory. It has the scorers of its bundle, but no prebuilt neighbours."""
        model = Model(self._manifest(fitted), {**fitted.arrays, **self._shared})
        if fitted.own_scorer is not None:
            model.user_scorer = fitted.own_scorer
        return model

    def complete_model(self, fitted: FittedModel, extras: Mapping[str, NDArray[Any]] | None = None) -> Model:
        """Return `fitted` as a model in memory that answers as its saved bundle does, prebuilt neighbours included."""
        model = self.model(fitted)
        neighbours = nearest(model.manifest.item_scorer, fitted.arrays, self.data.canonical)
        lists = {"neighbour_rows": neighbours.rows, "neighbour_scores": neighbours.scores}
        model.arrays.update({**lists, **(extras or {})})
        return model

    def save(self, path: Path, fitted: FittedModel, extras: Mapping[str, NDArray[Any]] | None = None) -> Manifest:
        """Write `fitted` as a bundle at `path`, which must not exist, and return its manifest.

        `extras`: `extra_arrays` of the whole data set, for a model that was fitted on all of it. Raises UsageError for
        a model that scores by code of its own.
        """
        if fitted.own_scorer is not None:
            raise UsageError(
                f"{fitted.algorithm} scores by code of its own, so it can be judged but not saved, registered or "
                "served: a service runs no code of models. Return one of the specs in movierec.models from its fit."
            )
        model = self.complete_model(fitted, extras)
        golden = golden_queries(model, self.data)
        return save_bundle(path, model.manifest.model_copy(update={"golden": golden}), model.arrays)

    @cached_property
    def _shared(self) -> Arrays:
        """Ids, catalogue, titles and history."""
        return {
            **self.dataset.movie_ids.arrays("movie_ids"),
            **self.dataset.user_ids.arrays("user_ids"),
            **encode_catalog(
                film_rows(self.dataset, self.data.user_item),
                rating_histograms(self.data.user_item, self.dataset.feedback),
                like_counts(self.data.user_item, self.dataset.feedback),
                self.data.canonical,
                self.dataset.items,
            ),
            **self.dataset.title_arrays,
            **encode_history(self.data.user_item, self.dataset.feedback),
        }

    @cached_property
    def _dataset_info(self) -> DatasetInfo:
        dataset = self.dataset
        return DatasetInfo(name=dataset.name, fingerprint=dataset.fingerprint, snapshot=dataset.snapshot())

    def _manifest(self, fitted: FittedModel) -> Manifest:
        return Manifest(
            algorithm=fitted.algorithm,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            git_commit=self.git_commit,
            dataset=self._dataset_info,
            feedback=self.dataset.feedback,
            items=self.dataset.items,
            parameters=dict(fitted.parameters),
            about=about([fitted.algorithm, *fitted.members]),
            item_scorer=scaled(fitted.item_spec, scale_of(fitted.item_spec, fitted.arrays)),
            user_scorer=fitted.user_spec,
            rating_scorer=fitted.rating_spec,
            content_embedding=fitted.content_embedding,
        )


def build_bundle(
    path: Path,
    fitted: FittedModel,
    dataset: ProcessedDataset,
    data: TrainingData,
    *,
    extras: Mapping[str, NDArray[Any]] | None = None,
) -> Manifest:
    """Write one model that was fitted on `data` as a bundle at `path`; see `BundleBuilder.save`."""
    return BundleBuilder(dataset, data).save(path, fitted, extras)


def compose(name: str, *, item: FittedModel, user: FittedModel, rating: FittedModel | None = None) -> FittedModel:
    """Return one model with similar films from `item`, lists for users from `user`, predicted ratings from `rating`.

    Raises UsageError where two of them give one name to different arrays.
    """
    members = {"item": item, "user": user} | ({"rating": rating} if rating else {})
    arrays: Arrays = {}
    for member in members.values():
        for key, array in member.arrays.items():
            if (other := arrays.setdefault(key, array)) is not array and not np.array_equal(other, array):
                raise UsageError(
                    f"{name}: two members give the name {key} to different arrays, one of them {member.algorithm}. The "
                    "names of a model's arrays begin with its own."
                )
    return FittedModel(
        algorithm=name,
        parameters={role: {"algorithm": member.algorithm, **member.parameters} for role, member in members.items()},
        arrays=arrays,
        item_spec=item.item_spec,
        user_spec=user.user_spec,
        rating_spec=rating.rating_spec if rating else None,
        content_embedding=item.content_embedding,
        members=tuple(dict.fromkeys(member.algorithm for member in members.values())),
    )


def rating_histograms(user_item: sp.csr_matrix, feedback: Feedback) -> NDArray[np.int32]:
    """Count the ratings of each item by bin of the scale: (n_movies, b); no bins for events."""
    bins = len(feedback.bins)
    if not bins:
        return np.empty((user_item.shape[1], 0), dtype=np.int32)
    cells = user_item.indices.astype(np.int64) * bins + feedback.bin(user_item.data)
    return np.bincount(cells, minlength=user_item.shape[1] * bins).reshape(-1, bins).astype(np.int32)


def like_counts(user_item: sp.csr_matrix, feedback: Feedback) -> NDArray[np.int32]:
    """Count the likes of each item, (n_movies,)."""
    liked = user_item.indices[user_item.data >= np.float32(feedback.like)]
    return np.bincount(liked, minlength=user_item.shape[1]).astype(np.int32)


def film_rows(dataset: ProcessedDataset, user_item: sp.csr_matrix) -> list[Film]:
    """Return the catalogue entry of each item, in row order, with the statistics of the ratings in `user_item`."""
    movies, n = dataset.movies, user_item.shape[1]
    counts = np.bincount(user_item.indices, minlength=n)
    sums = np.bincount(user_item.indices, weights=user_item.data, minlength=n)
    means = (sums / np.maximum(counts, 1)).tolist() if dataset.feedback.has_ratings else [None] * n
    columns = (schema.TITLE, schema.YEAR, schema.GENRES, schema.DIRECTORS, schema.ACTORS)
    rows = zip(
        dataset.movie_ids.raws(range(n)),
        *(movies[column].tolist() for column in columns),
        _further_facets(movies, dataset.items),
        means,
        counts.tolist(),
        strict=True,
    )
    return [
        Film(
            raw_id,
            title,
            None if pd.isna(year) else int(year),
            genres,
            directors,
            actors,
            round(mean, 2) if count and mean is not None else None,
            count,
            facets=facets,
        )
        for raw_id, title, year, genres, directors, actors, facets, mean, count in rows
    ]


def _further_facets(movies: pd.DataFrame, items: Items) -> list[dict[str, list[str]] | None]:
    """Return each item's values of the facets that are not fields of a film; None where the items have no others."""
    further = [facet for facet in items.facets if facet.name not in FILM_FACETS]
    if not further:
        return [None] * len(movies)
    values = [[_as_list(cell) for cell in movies[facet.name]] for facet in further]
    return [dict(zip((facet.name for facet in further), of_item, strict=True)) for of_item in zip(*values, strict=True)]


def _as_list(cell: Any) -> list[str]:
    """Return the values of a cell: a list, or one text of a category, which may be missing."""
    if isinstance(cell, str):
        return [cell] if cell else []
    return [str(value) for value in cell] if isinstance(cell, list | tuple | np.ndarray) else []


def golden_queries(model: Model, data: TrainingData) -> list[Golden]:
    """Return the model's answers to a few films across the range of popularity and to a few users."""
    films = np.flatnonzero((data.counts > 0) & (data.canonical == np.arange(len(data.canonical))))
    films = films[np.argsort(-data.counts[films], kind="stable")]
    users = np.flatnonzero(np.diff(data.user_item.indptr) > 0)
    unanswered = {"movie_ids": [0] * min(GOLDEN_LENGTH, len(data.canonical)), "scores": []}
    subjects = [("movie", raw_id) for raw_id in model.movie_ids.raws(evenly_spaced(films, GOLDEN_MOVIES))]
    subjects += [("user", raw_id) for raw_id in model.user_ids.raws(evenly_spaced(users, GOLDEN_USERS))]
    queries = (Golden.model_validate({"subject": kind, "id": raw_id, **unanswered}) for kind, raw_id in subjects)
    return [model.golden_answer(query) for query in queries]
