"""A toy world whose right answers are obvious: two tastes, twelve films, ten people.

Films 1-6 are for space lovers (users 1-5), films 11-16 for romantics (users 6-10). Everybody gives their own half four
or five stars. Film 16 is a second entry of film 11; film 15 has no ratings; two films are called "Twins".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.bundle import DatasetInfo, Golden, Manifest, Metric, save_bundle
from recommender.feedback import MOVIELENS
from recommender.films.catalog import Film, encode_catalog
from recommender.films.history import encode_history
from recommender.model import Model
from recommender.scoring.foldin import AlsSystem
from recommender.scoring.specs import AlsFoldIn, FactorSpec, SimilarityPart, SimilaritySpec
from recommender.titles.index import TitleNames, encode_titles

# movie_id, title, year, genres, directors, actors
FILMS: list[tuple[int, str, int | None, list[str], list[str], list[str]]] = [
    (1, "Star Voyage", 1977, ["Adventure", "Sci-Fi"], ["Ada Stern"], ["Max Rocket", "Una Orbit"]),
    (2, "The Moon Thieves", 1985, ["Crime", "Sci-Fi"], ["Ada Stern"], ["Max Rocket"]),
    (3, "Robot Summer", 1991, ["Comedy", "Sci-Fi"], ["Bo Gear"], ["Una Orbit"]),
    (4, "Twins", 1988, ["Comedy"], ["Bo Gear"], []),
    (5, "Alien Harbour", 1999, ["Horror", "Sci-Fi"], [], []),
    (6, "Twins", 1996, ["Sci-Fi"], [], []),
    (11, "Letters from Lyon", 1994, ["Romance"], ["Cleo Rose"], ["Lou Amour"]),
    (12, "Café Éternel", 1995, ["Comedy", "Romance"], ["Cleo Rose"], ["Lou Amour"]),
    (13, "A Quiet Spring", 1998, ["Drama", "Romance"], [], []),
    (14, "2001 Kisses", None, ["Romance"], [], []),
    (15, "Unseen Love", 2000, ["Romance"], ["Cleo Rose"], []),
    (16, "Letters from Lyon", 1994, ["Romance"], ["Cleo Rose"], ["Lou Amour"]),
]
MOVIE_IDS = np.array([film[0] for film in FILMS], dtype=np.int64)
USER_IDS = np.arange(1, 11, dtype=np.int64)
UNRATED, SECOND_ENTRY, FIRST_ENTRY = 10, 11, 6  # rows


def user_item() -> sp.csr_matrix:
    """(10, 12) ratings in stars; everybody misses one or two films of their half."""
    stars = np.zeros((len(USER_IDS), len(FILMS)), dtype=np.float32)
    for user in range(len(USER_IDS)):
        own = range(6) if user < 5 else range(6, 10)
        for film in own:
            if (film + user) % 5:
                stars[user, film] = 5.0 if (film + user) % 2 else 4.0
        stars[user, 9 if user < 5 else 0] = 1.5
    return sp.csr_matrix(stars)


def build_arrays() -> dict[str, NDArray[Any]]:
    """Every array of the toy bundle."""
    matrix = user_item()
    films, histograms = _films(matrix)
    canonical = np.arange(len(FILMS), dtype=np.int32)
    canonical[SECOND_ENTRY] = FIRST_ENTRY
    taste = np.array([[1.0, 0.1 * i] if film[0] < 10 else [0.1 * i, 1.0] for i, film in enumerate(FILMS)])
    content = _unit(taste + 0.01)
    item_factors = np.hstack([content, 0.1 * content[:, :1]]).astype(np.float32)
    arrays: dict[str, NDArray[Any]] = {
        "movie_ids": MOVIE_IDS,
        "user_ids": USER_IDS,
        "content": content,
        "item_factors": item_factors,
        "gram": item_factors.T.astype(np.float64) @ item_factors,
        **encode_catalog(films, histograms, histograms[:, MOVIELENS.bins >= MOVIELENS.like].sum(axis=1), canonical),
        **encode_titles([TitleNames(film.title, [], film.year) for film in films]),
        **encode_history(matrix),
    }
    arrays["user_factors"] = _user_factors(matrix, item_factors, arrays["gram"])
    arrays["neighbour_rows"], arrays["neighbour_scores"] = _neighbours(content, canonical)
    return arrays


def build_manifest(**changes: Any) -> Manifest:
    """The toy bundle's manifest; keyword arguments replace fields."""
    fields: dict[str, Any] = {
        "algorithm": "toy",
        "created": "2026-01-01T00:00:00+00:00",
        "git_commit": None,
        "dataset": DatasetInfo(
            name="toy",
            fingerprint="toy",
            snapshot={"feedback": "ratings", "movies": len(FILMS), "users": len(USER_IDS), "ratings": user_item().nnz},
        ),
        "parameters": {"factors": 3},
        "item_scorer": SimilaritySpec(parts=[SimilarityPart(name="content", embedding="content")]),
        "user_scorer": FactorSpec(
            user_factors="user_factors", item_factors="item_factors", fold_in=AlsFoldIn(gram="gram", regularization=0.1)
        ),
        "content_embedding": "content",
        "metrics": [Metric(protocol="latest20", name="ndcg_at_10", value=0.5, lo=0.4, hi=0.6, run_id=None)],
    }
    return Manifest(**(fields | changes))


def save_toy(path: Path, **changes: Any) -> Model:
    """Save the toy bundle with golden queries at `path` and load it."""
    arrays = build_arrays()
    manifest = build_manifest(**changes)
    model = Model(manifest, arrays)
    queries = [
        Golden(subject="movie", id=1, movie_ids=[0] * 3, scores=[]),
        Golden(subject="user", id=1, movie_ids=[0] * 3, scores=[]),
    ]
    golden = [model.golden_answer(query) for query in queries]
    save_bundle(path, manifest.model_copy(update={"golden": golden}), arrays)
    return Model.load(path)


def _films(matrix: sp.csr_matrix) -> tuple[list[Film], NDArray[np.int32]]:
    histograms = np.zeros((len(FILMS), len(MOVIELENS.bins)), dtype=np.int32)
    entries = matrix.tocoo()
    np.add.at(histograms, (entries.col, MOVIELENS.bin(entries.data)), 1)
    films = []
    for (movie_id, title, year, genres, directors, actors), bins in zip(FILMS, histograms, strict=True):
        count = int(bins.sum())
        average = round(float(bins @ MOVIELENS.bins) / count, 2) if count else None
        films.append(Film(movie_id, title, year, genres, directors, actors, average, count))
    return films, histograms


def _user_factors(matrix: sp.csr_matrix, items: NDArray[np.float32], gram: NDArray[np.float64]) -> NDArray[np.float32]:
    factors, _ = AlsSystem(AlsFoldIn(gram="gram", regularization=0.1), items, gram).fold_in(matrix)
    return factors


def _neighbours(
    content: NDArray[np.float32], canonical: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Top five of each film by cosine, the film and second entries left out."""
    scores = content @ content.T
    np.fill_diagonal(scores, -np.inf)
    scores[:, SECOND_ENTRY] = -np.inf
    scores[SECOND_ENTRY, FIRST_ENTRY] = -np.inf
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :5].astype(np.int32)
    return rows, np.take_along_axis(scores, rows.astype(np.int64), axis=1).astype(np.float32)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
