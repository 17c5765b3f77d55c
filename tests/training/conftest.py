"""A small world of two tastes: 60 people, 30 films, every second person loves the first fifteen films."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from recommender import schema
from recommender.films.ids import IdMap
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.models.base import TrainingData

PEOPLE, FILMS = 60, 30
UNRATED, SECOND_ENTRY, FIRST_ENTRY = 29, 28, 16  # rows


def taste_of_film(rows):
    """0 for the first half of the films, 1 for the second."""
    return (np.asarray(rows) >= FILMS // 2).astype(int)


@pytest.fixture(scope="session")
def user_item():
    """Person u rates most films of taste u % 2 with 4 or 5 stars and two of the other with 1."""
    rng = np.random.default_rng(1)
    stars = np.zeros((PEOPLE, FILMS), dtype=np.float32)
    for person in range(PEOPLE):
        own = np.flatnonzero(taste_of_film(range(FILMS)) == person % 2)
        other = np.flatnonzero(taste_of_film(range(FILMS)) != person % 2)
        stars[person, own[rng.random(len(own)) < 0.7]] = 4 + rng.integers(0, 2)
        stars[person, rng.choice(other, 2, replace=False)] = 1
    stars[:, UNRATED] = 0
    return sp.csr_matrix(stars)


@pytest.fixture(scope="session")
def dataset(user_item):
    """The world as a processed data set; each taste has its genre, director and lead."""
    entries = user_item.tocoo()
    movies = pd.DataFrame(
        {
            schema.MOVIE: np.arange(FILMS, dtype="int32") * 10 + 1,
            schema.IMDB_ID: pd.Series([None] * FILMS, dtype="Int64"),
            schema.TITLE: [f"Film {row}" for row in range(FILMS)],
            schema.ORIGINAL_TITLE: [f"Film {row}, The (Fílm {row}) ({1980 + row})" for row in range(FILMS)],
            schema.ALTERNATIVE_TITLES: [[] for _ in range(FILMS)],
            schema.YEAR: pd.Series([1980 + row for row in range(FILMS)], dtype="Int32"),
            schema.GENRES: [[("Sci-Fi", "Romance")[taste]] for taste in taste_of_film(range(FILMS))],
            schema.DIRECTORS: [[f"Director {row % 5}"] for row in range(FILMS)],
            schema.ACTORS: [[] for _ in range(FILMS)],
        }
    )
    ratings = pd.DataFrame(
        {
            schema.USER: entries.row + 1,
            schema.MOVIE: entries.col * 10 + 1,
            schema.RATING: entries.data,
            schema.TIMESTAMP: np.arange(entries.nnz),
        }
    ).astype(schema.RATING_DTYPES)
    genres = np.eye(2, dtype=np.float32)[taste_of_film(range(FILMS))]
    directors = np.eye(5, dtype=np.float32)[np.arange(FILMS) % 5]
    tags = TagMatrix(
        sp.csr_matrix(np.hstack([genres, directors])),
        ["genre:Sci-Fi", "genre:Romance", *(f"director:Director {i}" for i in range(5))],
        {"genres": (0, 2), "directors": (2, 7)},
    )
    ids = IdMap(np.arange(FILMS) * 10 + 1)
    return ProcessedDataset("two-tastes", "two-tastes", movies, ratings, tags, IdMap(np.arange(PEOPLE) + 1), ids)


@pytest.fixture(scope="session")
def data(dataset, user_item):
    canonical = np.arange(FILMS, dtype=np.int32)
    canonical[SECOND_ENTRY] = FIRST_ENTRY
    return TrainingData(user_item, dataset.tags, canonical)
