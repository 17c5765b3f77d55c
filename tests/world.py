"""A world of 240 films and 60 people with random tastes: large enough for lists of a hundred, pages and preferences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.bundle import DatasetInfo, Manifest, Metric, save_bundle
from recommender.feedback import MOVIELENS
from recommender.films.catalog import Film, encode_catalog
from recommender.films.history import encode_history
from recommender.model import Model
from recommender.scoring.foldin import AlsSystem
from recommender.scoring.specs import AlsFoldIn, FactorSpec, SimilarityPart, SimilaritySpec, SvdFoldIn
from recommender.titles.index import TitleNames, encode_titles

N_FILMS, N_USERS, FACTORS = 240, 60, 6
GENRES = ("Comedy", "Drama", "Horror", "Sci-Fi")
SECOND_ENTRY = N_FILMS - 1  # row of a second entry of film 0
MEAN = 3.4


def build(seed: int = 0) -> tuple[Manifest, dict[str, NDArray[Any]]]:
    """Return manifest and arrays of a model; its factors depend on `seed`, its films and people do not."""
    ratings = _ratings(np.random.default_rng(7))
    rng = np.random.default_rng(seed)
    item_factors = rng.normal(0, 0.4, (N_FILMS, FACTORS)).astype(np.float32)
    content = item_factors / np.linalg.norm(item_factors, axis=1, keepdims=True)
    canonical = np.arange(N_FILMS, dtype=np.int32)
    canonical[SECOND_ENTRY] = 0
    histograms = np.zeros((N_FILMS, len(MOVIELENS.bins)), dtype=np.int32)
    entries = ratings.tocoo()
    np.add.at(histograms, (entries.col, MOVIELENS.bin(entries.data)), 1)
    films = [_film(row, histograms[row]) for row in range(N_FILMS)]
    arrays: dict[str, NDArray[Any]] = {
        "movie_ids": np.arange(1, N_FILMS + 1, dtype=np.int64),
        "user_ids": np.arange(1, N_USERS + 1, dtype=np.int64),
        "content": content,
        "item_factors": item_factors,
        "gram": item_factors.T.astype(np.float64) @ item_factors,
        "user_factors": rng.normal(0, 0.4, (N_USERS, FACTORS)).astype(np.float32),
        "user_bias": rng.normal(0, 0.2, N_USERS).astype(np.float32),
        "item_bias": rng.normal(0, 0.3, N_FILMS).astype(np.float32),
        **encode_catalog(films, histograms, histograms[:, MOVIELENS.bins >= MOVIELENS.like].sum(axis=1), canonical),
        **encode_titles([TitleNames(film.title, [], film.year) for film in films]),
        **encode_history(ratings),
    }
    system = AlsSystem(AlsFoldIn(gram="gram", regularization=0.1), item_factors, arrays["gram"])
    arrays["als_user_factors"] = system.solutions(ratings)
    similarity = content @ content.T
    similarity[canonical[:, None] == canonical[None, :]] = -np.inf
    similarity[:, SECOND_ENTRY] = -np.inf
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :100]
    arrays["neighbour_rows"] = order.astype(np.int32)
    arrays["neighbour_scores"] = np.take_along_axis(similarity, order, axis=1).astype(np.float32)
    manifest = Manifest(
        algorithm="world",
        created="2026-01-01T00:00:00+00:00",
        git_commit=None,
        dataset=DatasetInfo(name="world", fingerprint="world", snapshot={}),
        parameters={},
        item_scorer=SimilaritySpec(parts=[SimilarityPart(name="content", embedding="content")]),
        user_scorer=FactorSpec(
            user_factors="als_user_factors",
            item_factors="item_factors",
            fold_in=AlsFoldIn(gram="gram", regularization=0.1),
        ),
        rating_scorer=FactorSpec(
            user_factors="user_factors",
            item_factors="item_factors",
            user_bias="user_bias",
            item_bias="item_bias",
            global_mean=MEAN,
            fold_in=SvdFoldIn(regularization=0.1),
        ),
        content_embedding="content",
        metrics=[Metric(protocol="latest20", name="rmse", value=0.9)],
    )
    return manifest, arrays


def world(seed: int = 0) -> Model:
    """Return the model, not saved."""
    return Model(*build(seed))


def save_world(path: Path, seed: int = 0) -> Path:
    """Save the model as a bundle."""
    save_bundle(path, *build(seed))
    return path


def _ratings(rng: np.random.Generator) -> sp.csr_matrix:
    """Return (60, 240) ratings: everybody rated about 25 films, the first ones most often."""
    fame = 1 / np.arange(1, N_FILMS) ** 0.7  # nobody rated the second entry
    stars = np.zeros((N_USERS, N_FILMS), dtype=np.float32)
    for user in range(N_USERS):
        rated = rng.choice(N_FILMS - 1, 25, replace=False, p=fame / fame.sum())
        stars[user, rated] = rng.integers(1, 11, len(rated)) / 2
    return sp.csr_matrix(stars)


def _film(row: int, histogram: NDArray[np.int32]) -> Film:
    count = int(histogram.sum())
    average = round(float(histogram @ MOVIELENS.bins) / count, 2) if count else None
    genres = [genre for place, genre in enumerate(GENRES) if row % (place + 2) == 0]
    year = 1950 + row * 37 % 70 if row % 11 else None
    return Film(row + 1, f"Film {row + 1}", year, genres, [f"Director {row % 17}"], [], average, count)
