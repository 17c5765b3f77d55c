"""The toy world with what full bundles carry beside their model: features, viewers, ratings over time, the map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.bundle import Golden, save_bundle
from recommender.model import Model
from recommender.texts import concatenate
from tests.toy import FILMS, build_arrays, build_manifest, user_item

PERIODS = np.array([199712, 199801], dtype=np.int32)  # the first five people rated in December, the others in January
LIKE = 4.0


def save_full_toy(path: Path, **changes: Any) -> Model:
    """The toy bundle with extras and golden queries at `path`, loaded."""
    arrays = build_arrays() | extras_arrays()
    manifest = build_manifest(**changes)
    model = Model(manifest, arrays)
    golden = [model.golden_answer(Golden(subject="movie", id=1, movie_ids=[0] * 3, scores=[]))]
    save_bundle(path, manifest.model_copy(update={"golden": golden}), arrays)
    return Model.load(path)


def extras_arrays() -> dict[str, NDArray[Any]]:
    """Every array of `recommender.films.extras`."""
    return {**_features(), **_viewers(), **_periods(), **_map()}


def _features() -> dict[str, NDArray[Any]]:
    named = [
        [*(f"genre:{g}" for g in genres), *(f"director:{d}" for d in directors), *(f"actor:{a}" for a in actors)]
        for _, _, _, genres, directors, actors in FILMS
    ]
    names = sorted({name for own in named for name in own})
    columns = [sorted(names.index(name) for name in own) for own in named]
    text, offsets = concatenate([name.encode() for name in names])
    flat = np.array([column for own in columns for column in own], dtype=np.int32)
    return {
        "features_text": text,
        "features_offsets": offsets,
        "features_indptr": np.cumsum([0, *map(len, columns)]).astype(np.int64),
        "features_indices": flat,
        "features_weights": np.array([2.0 if "director" in names[c] else 1.0 for c in flat], dtype=np.float32),
    }


def _viewers() -> dict[str, NDArray[Any]]:
    by_film = user_item().tocsc()
    films = np.repeat(np.arange(by_film.shape[1]), np.diff(by_film.indptr))
    likes = by_film.data >= LIKE
    return {
        "viewers_indptr": by_film.indptr.astype(np.int64),
        "viewers_users": by_film.indices[np.lexsort((by_film.indices, ~likes, films))].astype(np.int32),
        "viewers_likes": np.bincount(films[likes], minlength=len(FILMS)).astype(np.int32),
    }


def _periods() -> dict[str, NDArray[Any]]:
    stars = user_item().toarray()
    halves = [stars[:5], stars[5:]]
    counts = sp.csr_matrix(np.stack([(half > 0).sum(axis=0) for half in halves], axis=1))
    sums = np.stack([(half * 2).sum(axis=0) for half in halves], axis=1).astype(np.int64)
    films = np.repeat(np.arange(len(FILMS)), np.diff(counts.indptr))
    genres = sorted({genre for film in FILMS for genre in film[3]})
    belongs = np.array([[genre in film[3] for film in FILMS] for genre in genres], dtype=np.int64)
    return {
        "periods": PERIODS,
        "film_periods_indptr": counts.indptr.astype(np.int64),
        "film_periods_period": counts.indices.astype(np.int16),
        "film_periods_count": counts.data.astype(np.int32),
        "film_periods_sum": sums[films, counts.indices].astype(np.int32),
        "genre_periods_count": belongs @ counts.toarray(),
        "genre_periods_sum": belongs @ sums,
        "period_count": counts.toarray().sum(axis=0).astype(np.int64),
        "period_sum": sums.sum(axis=0),
    }


def _map() -> dict[str, NDArray[Any]]:
    rated = np.flatnonzero(user_item().getnnz(axis=0))
    side = np.where(rated < 6, -0.8, 0.8)
    xy = np.stack([side, np.linspace(-1, 1, len(rated))], axis=1)
    return {"map_rows": rated.astype(np.int32), "map_xy": xy.astype(np.float32)}
