"""Data sets of a few ratings and models whose scores are written down, so that the right figures are visible."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from recommender import schema
from recommender.films.ids import IdMap
from recommender.model import Model
from recommender.scoring.specs import AlsFoldIn, FactorSpec, SimilarityPart, SimilaritySpec
from training.bundling.build import build_bundle
from training.datasets.store import ProcessedDataset, TagMatrix
from training.models.arrays import csr_arrays
from training.models.base import FittedModel
from training.splits.cut import Split, training_data
from training.splits.protocol import ProtocolConfig


def dataset_of(users, movies, stars, times=None, *, n_movies=None, twins=(), tags=None):
    """A data set of the given ratings; ids are rows + 1, films beyond the rated ones have no ratings.

    `twins`: (second entry, entry that stands for it) pairs of film rows.
    """
    n_movies = n_movies or int(max(movies)) + 1
    ids = np.arange(1, n_movies + 1)
    canonical = ids.copy()
    for second, first in twins:
        canonical[second] = first + 1
    empty: list[list[str]] = [[] for _ in ids]
    frame = pd.DataFrame(
        {
            schema.MOVIE: ids.astype("int32"),
            schema.TITLE: [f"Film {i}" for i in ids],
            schema.ORIGINAL_TITLE: [f"Film {i}" for i in ids],
            schema.ALTERNATIVE_TITLES: empty,
            schema.YEAR: pd.Series([1990] * n_movies, dtype="Int32"),
            schema.GENRES: [["Drama"] for _ in ids],
            schema.DIRECTORS: empty,
            schema.ACTORS: empty,
            schema.DUPLICATE_OF: canonical.astype("int32"),
        }
    )
    times = np.arange(len(users)) if times is None else times
    columns = (np.asarray(users) + 1, np.asarray(movies) + 1, stars, times)
    ratings = pd.DataFrame(dict(zip(schema.RATING_DTYPES, columns, strict=True))).astype(schema.RATING_DTYPES)
    matrix = sp.csr_matrix(np.eye(n_movies, dtype=np.float32) if tags is None else np.asarray(tags, dtype=np.float32))
    features = [f"tag:{i}" for i in range(matrix.shape[1])]
    user_ids = IdMap.from_raw(ratings[schema.USER].to_numpy())
    tag_matrix = TagMatrix(matrix, features, {"tags": (0, len(features))})
    return ProcessedDataset("toy", "toy", frame, ratings, tag_matrix, user_ids, IdMap(ids))


def random_dataset(rng, n_users=30, n_movies=30, density=0.6):
    """Ratings at random, in random order, with repeated times; about half of them likes."""
    users, movies = np.nonzero(rng.random((n_users, n_movies)) < density)
    order = rng.permutation(len(users))
    stars = rng.choice([1, 2, 3, 3.5, 4, 4.5, 5], len(users))
    return dataset_of(users[order], movies[order], stars, rng.integers(0, 50, len(users)), n_movies=n_movies)


def split_of(dataset, protocol, test, **parts) -> Split:
    """A split written down: `test` (n,), all other ratings train."""
    test = np.asarray(test, dtype=bool)
    train = parts.pop("train", ~test)
    return Split(protocol.name, 0, 0, train, test, parts.pop("masked", train), **parts)


def written_model(path, dataset, split, *, people=None, films=None, stars=None, history=None) -> Model:
    """A saved and loaded model with the given scores.

    `people`: (n_users, n_movies) user scores; `films`: (n_movies, n_movies) likenesses; `stars`: (n_users, n_movies)
    predicted stars; `history`: the split it claims to be fitted on.
    """
    n_users, n_movies = len(dataset.user_ids), len(dataset.movie_ids)
    people = np.zeros((n_users, n_movies)) if people is None else np.asarray(people)
    films = np.zeros((n_movies, n_movies)) if films is None else np.asarray(films)
    arrays = {
        "picks": np.eye(n_users, dtype=np.float32),
        "gram": np.eye(n_users),
        "scores": people.T.astype(np.float32),
        **csr_arrays("likeness", sp.csr_matrix(films.astype(np.float32))),
    }
    fold_in = AlsFoldIn(gram="gram", regularization=1.0)
    rating_spec = None
    if stars is not None:
        arrays["stars"] = np.asarray(stars).T.astype(np.float32)
        rating_spec = FactorSpec(user_factors="picks", item_factors="stars", fold_in=fold_in)
    fitted = FittedModel(
        "written",
        {},
        arrays,
        SimilaritySpec(parts=[SimilarityPart(name="table", sparse="likeness")]),
        FactorSpec(user_factors="picks", item_factors="scores", fold_in=fold_in),
        rating_spec,
    )
    build_bundle(path, fitted, dataset, training_data(dataset, history or split))
    return Model.load(path)


def protocol_of(**changes) -> ProtocolConfig:
    """A protocol that judges lists for people by likes; keyword arguments replace fields."""
    fields = {
        "name": "toy",
        "split": {"kind": "latest", "share": 0.2, "min_ratings": 2},
        "judges": "user_scorer",
        "relevance": 4.0,
        "k": [2, 4],
        "metrics": ["ndcg", "recall", "precision", "map", "map_by_relevant", "mrr", "hit_rate"],
        "seeds": [0],
    }
    return ProtocolConfig.model_validate(fields | changes)
