"""The processed data set that everything downstream works with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.ids import IdMap
from recommender.schema import DIRECTORS, MOVIE, RATING, TIMESTAMP, USER, YEAR


@dataclass(frozen=True)
class TagMatrix:
    """What is known about each film's content.

    `matrix`: (n_movies, n_features) float32, rows = movie rows. `features[j]` names column j ("genre:Comedy",
    "decade:1990", "director:John Lasseter", "actor:Tom Hanks", "person:m.0bxtg", "tag:pixar"). `blocks`: half-open
    column range of each block, empty where the data set has nothing for it.
    """

    matrix: sp.csr_matrix
    features: list[str]
    blocks: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class ProcessedDataset:
    """A cleaned data set. `movies`: one row per film, ascending movie_id; `ratings`: in the raw file's own order."""

    name: str
    fingerprint: str
    movies: pd.DataFrame
    ratings: pd.DataFrame
    tags: TagMatrix
    user_ids: IdMap
    movie_ids: IdMap
    directory: Path | None = None

    @cached_property
    def user_rows(self) -> NDArray[np.int32]:
        """(n_ratings,) user row of each rating."""
        return self.user_ids.rows(self.ratings[USER].to_numpy()).astype(np.int32)

    @cached_property
    def movie_rows(self) -> NDArray[np.int32]:
        """(n_ratings,) movie row of each rating."""
        return self.movie_ids.rows(self.ratings[MOVIE].to_numpy()).astype(np.int32)

    def user_item(self) -> sp.csr_matrix:
        """(n_users, n_movies) float32 ratings in stars; column indices sorted within each row."""
        shape = (len(self.user_ids), len(self.movie_ids))
        stars = self.ratings[RATING].to_numpy()
        matrix = sp.coo_matrix((stars, (self.user_rows, self.movie_rows)), shape=shape).tocsr()
        matrix.sort_indices()
        return sp.csr_matrix(matrix)

    def snapshot(self) -> dict[str, Any]:
        """Size, density, averages, time span and coverage of the data set, ready for JSON."""
        films, users, ratings = len(self.movie_ids), len(self.user_ids), len(self.ratings)
        years = self.movies[YEAR].dropna()
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "films": films,
            "rated_films": int(self.ratings[MOVIE].nunique()),
            "users": users,
            "ratings": ratings,
            "density": ratings / max(films * users, 1),
            "mean_rating": float(self.ratings[RATING].to_numpy().mean(dtype=np.float64)) if ratings else None,
            "mean_ratings_per_film": ratings / max(films, 1),
            "mean_ratings_per_user": ratings / max(users, 1),
            "first_rating": _date(self.ratings[TIMESTAMP].min()) if ratings else None,
            "last_rating": _date(self.ratings[TIMESTAMP].max()) if ratings else None,
            "first_year": int(years.min()) if len(years) else None,
            "last_year": int(years.max()) if len(years) else None,
            "genome_coverage": self._block_coverage("genome"),
            "user_tag_coverage": self._block_coverage("user_tags"),
            "credit_coverage": float((self.movies[DIRECTORS].str.len() > 0).mean()) if films else 0.0,
        }

    def _block_coverage(self, block: str) -> float:
        """Share of films that have anything in `block` of the movie-tag matrix."""
        start, stop = self.tags.blocks.get(block, (0, 0))
        filled = np.diff(self.tags.matrix[:, start:stop].tocsr().indptr) > 0
        return float(filled.mean()) if len(filled) else 0.0


def _date(seconds: int) -> str:
    return pd.Timestamp(seconds, unit="s").date().isoformat()
