"""The processed data set that everything downstream works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender import schema
from recommender.feedback import MOVIELENS, Feedback
from recommender.films.ids import IdMap
from recommender.items import FILMS, Items
from recommender.titles.index import TitleNames, encode_titles
from recommender.titles.keys import split_year
from training.datasets.indexing import count_ids, rows_of

EVENTS = "events"  # key of `details`

# Keys of `details["mended"]`.
REPEATED = "repeated_ratings_dropped"
_NOTED = (
    "items_without_a_row", "items_titled_by_their_id", "cells_that_hold_no_number", "texts_without_a_word",
    "times_of_another_unit",
)  # fmt: skip


@dataclass(frozen=True)
class TagMatrix:
    """Sparse content features of each film.

    `matrix`: (n_movies, n_features) float32, rows = movie rows. `features[j]` names column j ("genre:Comedy",
    "era:1995", "director:John Lasseter", "actor:Tom Hanks", "person:actor/m.0bxtg", "tag:pixar"). `blocks`:
    half-open column range of each block, empty where the data set has nothing for it.
    """

    matrix: sp.csr_matrix
    features: list[str]
    blocks: dict[str, tuple[int, int]]

    def has_block(self, name: str) -> NDArray[np.bool_]:
        """Return which films (n_movies,) have a feature in the named block; none where there is no such block."""
        start, stop = self.blocks.get(name, (0, 0))
        return np.asarray(np.diff(self.matrix[:, start:stop].tocsr().indptr) > 0)


@dataclass(frozen=True, repr=False)
class ProcessedDataset:
    """A cleaned data set, as everything after cleaning uses it.

    `movies`: one row per film, ascending movie_id. `ratings`: one row per user and film, or one per event, in the raw
    file's order.

    `fingerprint`: sha256 over the inputs, the processing configuration and the version of the cleaning rules.
    `details`: counts that the tables do not hold (user tags, the genome's report, what was mended).
    `feedback`: the scale of the ratings and where a like begins. `items`: what the items are and their facets.
    """

    name: str
    fingerprint: str
    movies: pd.DataFrame
    ratings: pd.DataFrame
    tags: TagMatrix
    user_ids: IdMap
    movie_ids: IdMap
    details: Mapping[str, Any] = field(default_factory=dict)
    feedback: Feedback = MOVIELENS
    items: Items = FILMS

    def __repr__(self) -> str:
        return f"<data set {', '.join(f'{key} {value}' for key, value in self._facts().items())}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in self._facts().items()
        )
        return f"<table><caption>Data set</caption>{rows}</table>"

    def _facts(self) -> dict[str, str]:
        """Return name, size and scale, as text."""
        scale = self.feedback_summary().get("scale", "none, only events")
        return {
            "name": self.name,
            self.items.plural: f"{len(self.movie_ids):,}",
            "users": f"{len(self.user_ids):,}",
            "ratings" if self.feedback.has_ratings else "events": f"{len(self.ratings):,}",
            "scale": str(scale),
        }

    @cached_property
    def user_rows(self) -> NDArray[np.int32]:
        """Return the user row of each rating, (n_ratings,)."""
        return rows_of(self.ratings[schema.USER], self.user_ids)

    @cached_property
    def movie_rows(self) -> NDArray[np.int32]:
        """Return the movie row of each rating, (n_ratings,)."""
        return rows_of(self.ratings[schema.MOVIE], self.movie_ids)

    @cached_property
    def has_times(self) -> bool:
        """Return whether the ratings have times: without them every timestamp is 0, and equal ones order nothing."""
        times = self.ratings[schema.TIMESTAMP].to_numpy()
        return bool(len(times)) and bool(times.min() != times.max())

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many rows of the raw files were left out, by reason."""
        repeated = int(self.details.get("mended", {}).get(REPEATED, 0))
        counts = {**self.details.get("rejected", {}), "ratings that a later one replaces": repeated}
        return {reason: count for reason, count in counts.items() if count}

    @property
    def noted(self) -> dict[str, int]:
        """Return counts of oddities in the data set that may come from a mistake in the description of its files."""
        mended = self.details.get("mended", {})
        return {key: mended[key] for key in _NOTED if key in mended}

    @property
    def events(self) -> dict[str, int]:
        """Return the number of merged events by outcome; empty if no events were merged."""
        return dict(self.details.get(EVENTS, {}))

    @cached_property
    def title_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the title index, which every bundle of the data set has; encoded once."""
        return encode_titles(title_names(self.movies))

    def user_item(self, mask: NDArray[np.bool_] | None = None) -> sp.csr_matrix:
        """Return the (n_users, n_movies) float32 matrix of ratings or weights, column indices sorted within each row.

        Events of one user with one item are added up.

        `mask`: (n_ratings,) True for the ratings to include; by default all of them.
        """
        included = slice(None) if mask is None else mask
        values = self.ratings[schema.RATING].to_numpy()[included]
        entries = (values, (self.user_rows[included], self.movie_rows[included]))
        return sp.csr_matrix(sp.coo_matrix(entries, shape=(len(self.user_ids), len(self.movie_ids))))

    def released_since(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Return which items came out in the year of the last rating of `mask` (n_ratings,), the year before or later.

        (n_items,); None where ratings have no times, or no item has a year.
        """
        years = self.movies[schema.YEAR].to_numpy(dtype=np.float64, na_value=np.nan)
        if not self.has_times or np.isnan(years).all() or not mask.any():
            return None
        last = pd.Timestamp(self.ratings[schema.TIMESTAMP].to_numpy()[mask].max(), unit="s").year
        return np.asarray(years >= last - 1)

    def snapshot(self) -> dict[str, Any]:
        """Return size, density, averages, time span and coverage of the data set, ready for JSON."""
        films, users, ratings = len(self.movie_ids), len(self.user_ids), len(self.ratings)
        counts, values = count_ids(self.ratings[schema.MOVIE], self.movie_ids), self.ratings[schema.RATING].to_numpy()
        years = self.movies[schema.YEAR].dropna()
        times = pd.to_datetime([self.ratings[schema.TIMESTAMP].min(), self.ratings[schema.TIMESTAMP].max()], unit="s")
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "films": films,
            "rated_films": int(np.count_nonzero(counts)),
            "users": users,
            "ratings": ratings,
            "density": (self.user_item().nnz if not self.feedback.has_ratings else ratings) / max(films * users, 1),
            "mean_rating": float(values.mean(dtype=np.float64)) if self.feedback.has_ratings else None,
            "mean_ratings_per_film": ratings / max(films, 1),
            "median_ratings_per_film": float(np.median(counts)),
            "mean_ratings_per_user": ratings / max(users, 1),
            "first_rating": str(times.min().date()) if self.has_times else None,
            "last_rating": str(times.max().date()) if self.has_times else None,
            "first_year": int(years.min()) if len(years) else None,
            "last_year": int(years.max()) if len(years) else None,
            "user_tags": int(self.details.get("user_tags", 0)),
            "user_tag_coverage": self._block_coverage("user_tags"),
            "genome_coverage": self._block_coverage("genome"),
            "credit_coverage": float((self.movies[[schema.DIRECTORS, schema.ACTORS]].map(len).sum(axis=1) > 0).mean()),
            **({"text_coverage": self._block_coverage("text")} if self.details.get("text_columns") else {}),
        }

    def feedback_summary(self) -> dict[str, Any]:
        """Return the kind of feedback, its scale, where a like begins, and the share of likes."""
        feedback = self.feedback
        values = self.ratings[schema.RATING].to_numpy()
        scale = f"{feedback.minimum:g} to {feedback.maximum:g} by {feedback.step:g}"
        return {
            "feedback": feedback.kind,
            **({"scale": scale} if feedback.has_ratings else {}),
            "like": feedback.like,
            "like_share": float((values >= np.float32(feedback.like)).mean()),
        }

    def _block_coverage(self, block: str) -> float:
        """Return the share of films with at least one feature in `block` of the movie-tag matrix."""
        return float(self.tags.has_block(block).mean()) if len(self.movies) else 0.0


def title_names(movies: pd.DataFrame) -> list[TitleNames]:
    """Return every name of each film, in row order, with the raw file's spelling, so that it can be pasted."""
    columns = (schema.TITLE, schema.ALTERNATIVE_TITLES, schema.ORIGINAL_TITLE, schema.YEAR)
    return [
        TitleNames(title, [*alternatives, split_year(raw)[0]], None if pd.isna(year) else int(year))
        for title, alternatives, raw, year in zip(*(movies[column] for column in columns), strict=True)
    ]
