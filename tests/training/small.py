"""A small data set with two tastes and plenty of noise: enough people for every protocol."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from recommender import schema, smoke
from recommender.feedback import Feedback
from recommender.films.ids import IdMap
from recommender.items import Facet, Items
from recommender.model import Model
from training.bundling.build import build_bundle, compose
from training.bundling.extras import extra_arrays
from training.datasets.dataset import ProcessedDataset, TagMatrix
from training.evaluation.result import save_evaluation
from training.models import make
from training.progress import silent
from training.registry.run import EVALUATIONS
from training.splits.cut import all_ratings, training_data


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


TEN = Feedback.scale(1, 10, 1)
EVENTS = Feedback(kind="events", minimum=1, maximum=5, step=1, like=4)
BOOKS = Items(
    singular="book",
    plural="books",
    facets=(Facet(name="authors", label="Author"), Facet(name="publisher", label="Publisher", kind="category")),
)


def book_id(number: int) -> str:
    """An id that addresses, CSV files and JSON have to quote; ids ascend as the numbers do."""
    return f'B/{number:03d} "é"&+'


def user_id(number: int) -> str:
    return f"{number:08x}-2b1c-4e5f-8a3d-0123456789ab"


def with_text_ids(dataset: ProcessedDataset) -> ProcessedDataset:
    """The same data set with ids that are text, in the same order of rows."""
    users = [user_id(number) for number in dataset.user_ids.ids.tolist()]
    movies = [book_id(number) for number in dataset.movie_ids.ids.tolist()]
    ratings, table = dataset.ratings.copy(), dataset.movies.copy()
    ratings[schema.USER] = pd.Categorical.from_codes(dataset.user_rows, pd.Index(users))
    ratings[schema.MOVIE] = pd.Categorical.from_codes(dataset.movie_rows, pd.Index(movies))
    canonical = dataset.movie_ids.rows(table[schema.DUPLICATE_OF].to_numpy())
    table[schema.MOVIE], table[schema.DUPLICATE_OF] = movies, [movies[row] for row in canonical]
    return replace(
        dataset, ratings=ratings, movies=table, user_ids=IdMap.from_raw(users), movie_ids=IdMap.from_raw(movies)
    )


def with_ratings(dataset: ProcessedDataset, feedback: Feedback, factor: float = 1.0) -> ProcessedDataset:
    """The same data set with each rating times `factor`, on the scale or as events of `feedback`."""
    ratings = dataset.ratings.assign(rating=dataset.ratings[schema.RATING] * np.float32(factor))
    return replace(dataset, ratings=ratings, feedback=feedback)


def as_books(dataset: ProcessedDataset) -> ProcessedDataset:
    """The same data set as books with authors and a publisher, some of them missing, in the place of genres."""
    n = len(dataset.movies)
    publishers = [None if row % 5 == 0 else ("Ace", "Tor")[row % 2] for row in range(n)]
    movies = dataset.movies.assign(
        authors=pd.Series([[f"Author {row % 7}", "Le Guin"][: 1 + (row % 3 == 0)] for row in range(n)], dtype=object),
        publisher=pd.Series(publishers, dtype=object),
        genres=pd.Series([[] for _ in range(n)], dtype=object),
    )
    names = sorted({name for of_book in movies["authors"] for name in of_book})
    written = np.array([[name in of_book for name in names] for of_book in movies["authors"]], dtype=np.float32)
    tags = TagMatrix(sp.csr_matrix(written), [f"author:{name}" for name in names], {"authors": (0, len(names))})
    return replace(dataset, movies=movies, items=BOOKS, tags=tags)


def saved(dataset: ProcessedDataset, path: Path) -> Model:
    """A composite of blend, als and, where there are ratings, svd, saved as path/bundle and loaded."""
    data = training_data(dataset, all_ratings(dataset))
    names = ("blend", "als", "svd") if dataset.feedback.has_ratings else ("blend", "als")
    item, user, *rating = [make(name).fit(data, seed=0, progress=silent) for name in names]
    fitted = compose("recommender", item=item, user=user, rating=rating[0] if rating else None)
    build_bundle(path / "bundle", fitted, dataset, data, extras=extra_arrays(dataset, data))
    return smoke.check(path / "bundle")


def log_evaluation(tracker, run_id, evaluation):
    """Store an evaluation as an artifact of a run that has ended."""
    with tempfile.TemporaryDirectory() as scratch:
        save_evaluation(Path(scratch) / f"{evaluation.protocol}.npz", evaluation)
        tracker.log_directory(run_id, Path(scratch), EVALUATIONS)
