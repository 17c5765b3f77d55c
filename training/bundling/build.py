"""From a fitted algorithm to a bundle: catalogue, titles, history, prebuilt neighbours and golden queries around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender import schema
from recommender.bundle import DatasetInfo, Golden, Manifest, Metric, save_bundle
from recommender.films.catalog import Film, encode_catalog, genre_names
from recommender.films.history import encode_history
from recommender.model import Model
from recommender.titles.index import TitleNames, encode_titles
from recommender.titles.keys import split_year
from training.bundling.extras import extra_arrays
from training.bundling.neighbours import nearest
from training.datasets.store import ProcessedDataset
from training.kernels.sampling import evenly_spaced
from training.models.base import FittedModel, TrainingData

GOLDEN_LENGTH = 10
GOLDEN_MOVIES, GOLDEN_USERS = 5, 3

Arrays = dict[str, NDArray[Any]]


def build_bundle(
    path: Path,
    fitted: FittedModel,
    dataset: ProcessedDataset,
    data: TrainingData,
    *,
    metrics: Iterable[Metric] = (),
    git_commit: str | None = None,
    extras: Mapping[str, NDArray[Any]] | None = None,
) -> Manifest:
    """Write `fitted` as a bundle at `path`, which must not exist; returns its manifest.

    `data` is what the model was fitted on: rating counts, histories and lists know nothing else of `dataset`. `extras`
    are those of the whole data set (`describe`), for a model that was fitted on all of it.
    """
    histograms = rating_histograms(data.user_item)
    films = film_rows(dataset.movies, histograms)
    near = nearest(fitted.item_spec, fitted.arrays, data.canonical)
    arrays = {
        **fitted.arrays,
        "movie_ids": dataset.movie_ids.ids,
        "user_ids": dataset.user_ids.ids,
        **encode_catalog(films, histograms, data.canonical),
        **encode_titles(title_names(dataset.movies)),
        **encode_history(data.user_item),
        "neighbour_rows": near.rows,
        "neighbour_scores": near.scores,
        **(extras or {}),
    }
    manifest = Manifest(
        algorithm=fitted.algorithm,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        git_commit=git_commit,
        dataset=DatasetInfo(name=dataset.name, fingerprint=dataset.fingerprint, snapshot=dataset.snapshot()),
        genre_names=genre_names(films),
        parameters=dict(fitted.parameters),
        item_scorer=fitted.item_spec,
        user_scorer=fitted.user_spec,
        rating_scorer=fitted.rating_spec,
        content_embedding=fitted.content_embedding,
        metrics=list(metrics),
    )
    golden = golden_queries(Model(manifest, arrays), data)
    return save_bundle(path, manifest.model_copy(update={"golden": golden}), arrays)


def compose(name: str, *, item: FittedModel, user: FittedModel, rating: FittedModel | None = None) -> FittedModel:
    """One model of three: films like a film from `item`, people's lists from `user`, predicted stars from `rating`."""
    parts = {"item": item, "user": user} | ({"rating": rating} if rating else {})
    arrays: Arrays = {}
    for part in parts.values():
        arrays |= part.arrays
    return FittedModel(
        algorithm=name,
        parameters={role: {"algorithm": part.algorithm, **part.parameters} for role, part in parts.items()},
        arrays=arrays,
        item_spec=item.item_spec,
        user_spec=user.user_spec,
        rating_spec=rating.rating_spec if rating else None,
        content_embedding=item.content_embedding,
    )


def describe(dataset: ProcessedDataset, data: TrainingData, *, seed: int = 0) -> Arrays:
    """What every bundle fitted on all of `dataset` carries beside its model; see `recommender.films.extras`."""
    names = genre_names(film_rows(dataset.movies, rating_histograms(data.user_item)))
    return extra_arrays(dataset, data.user_item, names, seed=seed)


def rating_histograms(user_item: sp.csr_matrix) -> NDArray[np.int32]:
    """(n_movies, 10) ratings of each film by half star, 0.5 to 5.0."""
    bins = len(schema.RATING_BINS)
    cells = user_item.indices.astype(np.int64) * bins + schema.rating_bin(user_item.data)
    return np.bincount(cells, minlength=user_item.shape[1] * bins).reshape(-1, bins).astype(np.int32)


def film_rows(movies: pd.DataFrame, histograms: NDArray[np.int32]) -> list[Film]:
    """What people are shown of each film, in row order."""
    counts = histograms.sum(axis=1)
    averages = histograms @ schema.RATING_BINS / np.maximum(counts, 1)
    columns = (schema.MOVIE, schema.TITLE, schema.YEAR, schema.GENRES, schema.DIRECTORS, schema.ACTORS)
    rows = zip(*(movies[column].tolist() for column in columns), averages.tolist(), counts.tolist(), strict=True)
    return [
        Film(movie, title, None if pd.isna(year) else int(year), genres, directors, actors, _average(mean, n), n)
        for movie, title, year, genres, directors, actors, mean, n in rows
    ]


def title_names(movies: pd.DataFrame) -> list[TitleNames]:
    """Every name of each film, in row order; the raw file's own spelling among them, so that it can be pasted."""
    columns = (schema.TITLE, schema.ALTERNATIVE_TITLES, schema.ORIGINAL_TITLE, schema.YEAR)
    return [
        TitleNames(title, [*others, split_year(raw)[0]], None if pd.isna(year) else int(year))
        for title, others, raw, year in zip(*(movies[column] for column in columns), strict=True)
    ]


def golden_queries(model: Model, data: TrainingData) -> list[Golden]:
    """A few films across the range of popularity and a few people, with the model's own answers."""
    films = np.flatnonzero((data.counts > 0) & (data.canonical == np.arange(len(data.canonical))))
    films = films[np.argsort(-data.counts[films], kind="stable")]
    people = np.flatnonzero(np.diff(data.user_item.indptr) > 0)
    open_answer = {"movie_ids": [0] * min(GOLDEN_LENGTH, len(data.canonical)), "scores": []}
    asked = [("movie", raw) for raw in model.movie_ids.ids[evenly_spaced(films, GOLDEN_MOVIES)].tolist()]
    asked += [("user", raw) for raw in model.user_ids.ids[evenly_spaced(people, GOLDEN_USERS)].tolist()]
    queries = (Golden.model_validate({"subject": subject, "id": raw, **open_answer}) for subject, raw in asked)
    return [model.golden_answer(query) for query in queries]


def _average(mean: float, count: int) -> float | None:
    return round(mean, 2) if count else None
