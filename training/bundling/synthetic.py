"""Bundles of any size without training: random vectors in the shapes of a real model, to measure the service."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.bundle import DatasetInfo, Golden, Manifest, save_bundle
from recommender.feedback import MOVIELENS
from recommender.films.catalog import Film, encode_catalog
from recommender.films.history import encode_history
from recommender.model import Model
from recommender.schema import GENRE_NAMES
from recommender.scoring.scale import scale_of, scaled
from recommender.scoring.specs import AlsFoldIn, FactorSpec, SimilarityPart, SimilaritySpec
from recommender.titles.index import TitleNames, encode_titles
from recommender.titles.keys import normalise
from training.bundling.build import like_counts, rating_histograms
from training.models.arrays import unit_rows

NEIGHBOURS = 100
STARS = MOVIELENS.bins
# Of the words of made-up titles.
_ONSETS = sorted([*"bcdfghklmnprstvw", "br", "ch", "fl", "gr", "st", "th"])
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "oo"]
_CODAS = ["", "", "n", "r", "l", "s", "ck", "nd", "st", "m"]
_SMALL = ["the", "of", "and", "in", "to", "my", "for", "from"]
_WORDS_IN_TITLE = (1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6)
_VOCABULARY = 12_000


@dataclass(frozen=True)
class Size:
    """Size of the model."""

    movies: int = 60_000
    dimensions: int = 128
    users: int = 160_000
    ratings_per_user: int = 40
    map_films: int = 0  # above 0 the bundle has extras: this map, and no features, viewers or periods


def write(path: Path, size: Size, seed: int = 0) -> None:
    """Save a random bundle at `path`; the same seed and size give the same arrays."""
    rng = np.random.default_rng(seed)
    history = _history(size, rng)
    films, histograms = _films(size, history, random.Random(seed))
    embedding = unit_rows(rng.standard_normal((size.movies, size.dimensions), dtype=np.float32))
    item_factors = (embedding * rng.uniform(0.5, 2.0, (size.movies, 1))).astype(np.float32)
    neighbour_rows, neighbour_scores = _neighbours(embedding, rng)
    arrays: dict[str, NDArray[Any]] = {
        "movie_ids": np.arange(1, size.movies + 1, dtype=np.int64),
        "user_ids": np.arange(1, size.users + 1, dtype=np.int64),
        "embedding": embedding,
        "user_factors": rng.standard_normal((size.users, size.dimensions), dtype=np.float32),
        "item_factors": item_factors,
        "gram": item_factors.T.astype(np.float64) @ item_factors,
        "neighbour_rows": neighbour_rows,
        "neighbour_scores": neighbour_scores,
        **encode_history(history),
        **films,
        **(_extras(size, rng) if size.map_films else {}),
    }
    manifest = _manifest(size, int(histograms.sum()))
    factor = scale_of(manifest.item_scorer, arrays)  # as in the bundles of fitted models
    manifest = manifest.model_copy(update={"item_scorer": scaled(manifest.item_scorer, factor)})
    arrays["neighbour_scores"] = neighbour_scores * np.float32(factor)
    model = Model(manifest, arrays)
    golden = model.golden_answer(Golden(subject="movie", id=1, movie_ids=[0] * 10, scores=[]))
    save_bundle(path, manifest.model_copy(update={"golden": [golden]}), arrays)


def _history(size: Size, rng: np.random.Generator) -> sp.csr_matrix:
    """Draw ratings in stars, (n_users, n_movies), popular films more often."""
    total = size.users * size.ratings_per_user
    columns = (size.movies * rng.random(total) ** 3).astype(np.int32)
    rows = np.repeat(np.arange(size.users, dtype=np.int32), size.ratings_per_user)
    stars = rng.choice(STARS, total)
    matrix = sp.csr_matrix((stars, (rows, columns)), shape=(size.users, size.movies))
    matrix.data = np.clip(matrix.data, STARS[0], STARS[-1])  # stars of a film drawn twice are summed
    return matrix


def _films(size: Size, history: sp.csr_matrix, names: random.Random) -> tuple[dict[str, Any], NDArray[np.int32]]:
    histograms = rating_histograms(history, MOVIELENS)
    title_names = titles(size.movies, names)
    films = []
    for row, film in enumerate(title_names):
        count = int(histograms[row].sum())
        average = round(float(histograms[row] @ STARS) / count, 2) if count else None
        people = [f"{names.choice(title_names).title} {names.choice(title_names).title}"[:24] for _ in range(4)]
        genres = sorted(names.sample(GENRE_NAMES, 2))
        films.append(Film(row + 1, film.title, film.year, genres, people[:1], people[1:], average, count))
    likes, canonical = like_counts(history, MOVIELENS), np.arange(size.movies, dtype=np.int32)
    return {**encode_catalog(films, histograms, likes, canonical), **encode_titles(title_names)}, histograms


def _extras(size: Size, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    offsets, rows, counts = (np.zeros(size.movies + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))
    genres = np.zeros((len(GENRE_NAMES), 0), np.int64)
    return {
        "features_text": np.zeros(0, np.uint8),
        "features_offsets": np.zeros(1, np.int64),
        "features_indptr": offsets,
        "features_indices": rows,
        "features_weights": np.zeros(0, np.float32),
        "viewers_indptr": offsets,
        "viewers_users": rows,
        "viewers_likes": np.zeros(size.movies, np.int32),
        "periods": rows,
        "film_periods_indptr": offsets,
        "film_periods_period": np.zeros(0, np.int16),
        "film_periods_count": rows,
        "film_periods_sum": rows,
        "genre_periods_count": genres,
        "genre_periods_sum": genres,
        "period_count": counts,
        "period_sum": counts,
        "map_rows": np.arange(size.map_films, dtype=np.int32),
        "map_xy": rng.uniform(-1, 1, (size.map_films, 2)).astype(np.float32),
    }


def _neighbours(
    embedding: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return random neighbours of each film, ordered by cosine: exact lists would take minutes."""
    n = len(embedding)
    steps = np.sort(rng.choice(np.arange(1, n), NEIGHBOURS, replace=False))
    rows = ((np.arange(n)[:, None] + steps) % n).astype(np.int32)
    scores = np.empty((n, NEIGHBOURS), dtype=np.float32)
    for start in range(0, n, 1024):
        block = slice(start, start + 1024)
        scores[block] = np.einsum("nd,nkd->nk", embedding[block], embedding[rows[block]])
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _manifest(size: Size, ratings: int) -> Manifest:
    snapshot = {"movies": size.movies, "users": size.users, "ratings": ratings}
    return Manifest(
        algorithm="synthetic",
        created="2026-01-01T00:00:00+00:00",
        git_commit=None,
        dataset=DatasetInfo(name="synthetic", fingerprint="synthetic", snapshot=snapshot),
        parameters={"dimensions": size.dimensions},
        item_scorer=SimilaritySpec(parts=[SimilarityPart(name="embedding", embedding="embedding")]),
        user_scorer=FactorSpec(
            user_factors="user_factors", item_factors="item_factors", fold_in=AlsFoldIn(gram="gram", regularization=1.0)
        ),
        content_embedding="embedding",
    )


def titles(n: int, rng: random.Random) -> list[TitleNames]:
    """Draw n different titles: words of a Zipf-like vocabulary, some with an article in front."""
    words = sorted({_word(rng) for _ in range(_VOCABULARY)})
    rng.shuffle(words)
    seen: set[str] = set()
    films: list[TitleNames] = []
    while len(films) < n:
        title = _title(words, rng)
        if (key := normalise(title)) not in seen:
            seen.add(key)
            films.append(TitleNames(title, [], rng.randrange(1915, 2024)))
    return films


def _title(words: list[str], rng: random.Random) -> str:
    """Return a title of words from the vocabulary, by a law like Zipf's."""
    chosen = [words[int(len(words) ** rng.random()) - 1].capitalize() for _ in range(rng.choice(_WORDS_IN_TITLE))]
    if len(chosen) > 2 and rng.random() < 0.6:
        chosen[rng.randrange(1, len(chosen) - 1)] = rng.choice(_SMALL)
    return " ".join((["The"] if rng.random() < 0.25 else []) + chosen)


def _word(rng: random.Random) -> str:
    syllables = range(rng.choice((1, 2, 2, 3)))
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in syllables)
