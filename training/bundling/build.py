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
from recommender.films.catalog import Film, encode_catalog, genre_names
from recommender.films.history import encode_history
from recommender.model import Model
from training.bundling.extras import extra_arrays
from training.bundling.neighbours import nearest
from training.datasets.store import ProcessedDataset
from training.kernels.sampling import evenly_spaced
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
        return Model(self._manifest(fitted), {**fitted.arrays, **self._shared})

    def save(self, path: Path, fitted: FittedModel, extras: Mapping[str, NDArray[Any]] | None = None) -> Manifest:
        """Write `fitted` as a bundle at `path`, which must not exist, and return its manifest.

        `extras`: those of the whole data set (`describe`), for a model that was fitted on all of it.
        """
        neighbours = nearest(fitted.item_spec, fitted.arrays, self.data.canonical)
        lists = {"neighbour_rows": neighbours.rows, "neighbour_scores": neighbours.scores}
        arrays = {**fitted.arrays, **self._shared, **lists, **(extras or {})}
        manifest = self._manifest(fitted)
        golden = golden_queries(Model(manifest, arrays), self.data)
        return save_bundle(path, manifest.model_copy(update={"golden": golden}), arrays)

    @cached_property
    def genre_names(self) -> list[str]:
        """Return the genres of the films, in the order of the catalogue's bits."""
        return genre_names(self._films)

    @cached_property
    def _shared(self) -> Arrays:
        """Ids, catalogue, titles and history."""
        return {
            "movie_ids": self.dataset.movie_ids.ids,
            "user_ids": self.dataset.user_ids.ids,
            **encode_catalog(self._films, self._histograms, self.data.canonical),
            **self.dataset.title_arrays,
            **encode_history(self.data.user_item),
        }

    @cached_property
    def _histograms(self) -> NDArray[np.int32]:
        return rating_histograms(self.data.user_item)

    @cached_property
    def _films(self) -> list[Film]:
        return film_rows(self.dataset.movies, self._histograms)

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
            genre_names=self.genre_names,
            parameters=dict(fitted.parameters),
            item_scorer=fitted.item_spec,
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
    """Return one model with similar films from `item`, lists for users from `user`, predicted stars from `rating`."""
    members = {"item": item, "user": user} | ({"rating": rating} if rating else {})
    arrays: Arrays = {}
    for member in members.values():
        arrays |= member.arrays
    return FittedModel(
        algorithm=name,
        parameters={role: {"algorithm": member.algorithm, **member.parameters} for role, member in members.items()},
        arrays=arrays,
        item_spec=item.item_spec,
        user_spec=user.user_spec,
        rating_spec=rating.rating_spec if rating else None,
        content_embedding=item.content_embedding,
    )


def describe(builder: BundleBuilder, *, seed: int = 0) -> Arrays:
    """Return the extras that every bundle fitted on all ratings carries; see `recommender.films.extras`."""
    return extra_arrays(builder.dataset, builder.data.user_item, builder.genre_names, seed=seed)


def rating_histograms(user_item: sp.csr_matrix) -> NDArray[np.int32]:
    """Count the ratings of each film by half star, 0.5 to 5.0: (n_movies, 10)."""
    bins = len(schema.RATING_BINS)
    cells = user_item.indices.astype(np.int64) * bins + schema.rating_bin(user_item.data)
    return np.bincount(cells, minlength=user_item.shape[1] * bins).reshape(-1, bins).astype(np.int32)


def film_rows(movies: pd.DataFrame, histograms: NDArray[np.int32]) -> list[Film]:
    """Return the catalogue entry of each film, in row order, with the rating statistics of `histograms`."""
    counts = histograms.sum(axis=1)
    averages = histograms @ schema.RATING_BINS / np.maximum(counts, 1)
    columns = (schema.MOVIE, schema.TITLE, schema.YEAR, schema.GENRES, schema.DIRECTORS, schema.ACTORS)
    rows = zip(*(movies[column].tolist() for column in columns), averages.tolist(), counts.tolist(), strict=True)
    return [
        Film(movie, title, None if pd.isna(year) else int(year), genres, directors, actors, _average(mean, n), n)
        for movie, title, year, genres, directors, actors, mean, n in rows
    ]


def golden_queries(model: Model, data: TrainingData) -> list[Golden]:
    """Return the model's answers to a few films across the range of popularity and to a few users."""
    films = np.flatnonzero((data.counts > 0) & (data.canonical == np.arange(len(data.canonical))))
    films = films[np.argsort(-data.counts[films], kind="stable")]
    users = np.flatnonzero(np.diff(data.user_item.indptr) > 0)
    unanswered = {"movie_ids": [0] * min(GOLDEN_LENGTH, len(data.canonical)), "scores": []}
    subjects = [("movie", movie_id) for movie_id in model.movie_ids.ids[evenly_spaced(films, GOLDEN_MOVIES)].tolist()]
    subjects += [("user", user_id) for user_id in model.user_ids.ids[evenly_spaced(users, GOLDEN_USERS)].tolist()]
    queries = (Golden.model_validate({"subject": kind, "id": raw_id, **unanswered}) for kind, raw_id in subjects)
    return [model.golden_answer(query) for query in queries]


def _average(mean: float, count: int) -> float | None:
    return round(mean, 2) if count else None
