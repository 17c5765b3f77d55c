"""A small data set with two tastes and plenty of noise: enough people for every protocol."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from recommender import schema
from recommender.films.ids import IdMap
from training.datasets.dataset import ProcessedDataset, TagMatrix


def small_dataset(people: int = 80, films: int = 40, seed: int = 0) -> ProcessedDataset:
    """`people` x `films`; person u prefers the films of parity u % 2, in a random order in time."""
    rng = np.random.default_rng(seed)
    own = (np.arange(people)[:, None] + np.arange(films)) % 2 == 0
    wanted = own * rng.gamma(1.0, 2.0, films) + rng.gamma(1.0, 0.5, (people, films))
    rated = wanted > np.quantile(wanted, 0.55, axis=1, keepdims=True)
    rated[:, -1] = False  # nobody knows the last film
    users, movies = np.nonzero(rated)
    order = rng.permutation(len(users))
    users, movies = users[order], movies[order]
    stars = np.where(own[users, movies], rng.integers(4, 6, len(users)), rng.integers(1, 4, len(users)))
    ratings = pd.DataFrame(
        {
            schema.USER: users + 1,
            schema.MOVIE: movies + 101,
            schema.RATING: stars,
            schema.TIMESTAMP: 1_000_000 + np.arange(len(users)),
        }
    ).astype(schema.RATING_DTYPES)
    return ProcessedDataset(
        name="small",
        fingerprint=f"small-{people}-{films}-{seed}",
        movies=_movies(films),
        ratings=ratings,
        tags=TagMatrix(
            sp.csr_matrix(np.eye(4, dtype=np.float32)[np.arange(films) % 4]),
            [f"genre:{name}" for name in ("Drama", "Comedy", "Crime", "Romance")],
            {"genres": (0, 4)},
        ),
        user_ids=IdMap(np.arange(people) + 1),
        movie_ids=IdMap(np.arange(films) + 101),
    )


def _movies(films: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            schema.MOVIE: np.arange(films, dtype="int32") + 101,
            schema.TITLE: [f"Film {row}" for row in range(films)],
            schema.ORIGINAL_TITLE: [f"Film {row}" for row in range(films)],
            schema.ALTERNATIVE_TITLES: [[] for _ in range(films)],
            schema.YEAR: pd.Series([1980 + row % 30 for row in range(films)], dtype="Int32"),
            schema.GENRES: [[("Drama", "Comedy", "Crime", "Romance")[row % 4]] for row in range(films)],
            schema.DIRECTORS: [[] for _ in range(films)],
            schema.ACTORS: [[] for _ in range(films)],
            schema.DUPLICATE_OF: np.arange(films, dtype="int32") + 101,
        }
    )
