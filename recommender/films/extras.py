"""Data for pages and explanations: film features, common viewers, ratings over time and the map of films.

The arrays describe the data set, not the model: every bundle fitted on all ratings of a data set carries the same ones.
A bundle fitted on a training split has none. n is the number of films, f of features, p of periods, g of genres.

features_text, features_offsets           UTF-8 names, concatenated, and (f + 1) offsets: "genre:Comedy",
                                          "director:John Lasseter", "tag:pixar"
features_indptr, _indices, _weights       CSR (n, f) float32: the strongest features of each film, weighted by
                                          relevance times rarity
viewers_indptr, viewers_users             (n + 1) int64, int32 user rows of each film's raters: first those who liked
                                          it, ascending, then the others, ascending
viewers_likes                             (n,) int32 how many of them liked it
periods                                   (p,) int32, consecutive: years (1998), or months (199804) where the data set
                                          spans less than three years
film_periods_indptr, _period              (n + 1) int64, int16 position in `periods`: when each film was rated
film_periods_count, _sum                  int32 ratings of that film in that period, and the sum of their positions on
                                          the scale, 1 for its minimum; no sums anywhere for events
genre_periods_count, _sum                 (g, p) int64, the same by genre
period_count, period_sum                  (p,) int64, the same over all films
map_rows, map_xy                          (m,) int32 most rated films, (m, 2) float32 coordinates in [-1, 1]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.feedback import MOVIELENS, Feedback

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class SharedFeature:
    """A feature that two films share; `share`: its weight among all their shared features, 0 to 1."""

    kind: str  # genre, era, director, actor, tag, ...
    name: str
    share: float


@dataclass(frozen=True)
class Common:
    """Numbers of users who rated both of two films, and who liked both."""

    viewers: int
    likes: int


@dataclass(frozen=True)
class OverTime:
    """Ratings by period: labels (p,), counts (p,) and means (p,), NaN where there were none, and for events."""

    periods: NDArray[np.int32]
    counts: NDArray[np.int64]
    averages: NDArray[np.float64]


class Extras:
    """The extra arrays of one bundle; nothing is copied when it opens."""

    def __init__(self, arrays: Arrays, feedback: Feedback = MOVIELENS) -> None:
        self._arrays = arrays
        self._feedback = feedback
        self.periods: NDArray[np.int32] = arrays["periods"]
        self.map_rows: NDArray[np.int32] = arrays["map_rows"]
        self.map_xy: NDArray[np.float32] = arrays["map_xy"]

    @classmethod
    def from_arrays(cls, arrays: Arrays, feedback: Feedback) -> Extras | None:
        """Return the extras in a bundle's arrays, or None if it has none."""
        return cls(arrays, feedback) if "features_indptr" in arrays else None

    @cached_property
    def feature_names(self) -> list[str]:
        """Return the names (f,) of all features with their kind in front: "genre:Comedy"."""
        text = self._arrays["features_text"].tobytes()
        offsets = self._arrays["features_offsets"].tolist()
        return [text[start:stop].decode() for start, stop in pairwise(offsets)]

    def find_features(self, name: str) -> list[int]:
        """Return the columns of the features with this name, case ignored, kind optional: "pixar" or "tag:pixar"."""
        return self._columns.get(name.casefold(), [])

    def matching_features(self, fragment: str, limit: int) -> list[tuple[str, str, int]]:
        """Return kind, name and film count of the features whose name contains `fragment`, the most common first."""
        key = fragment.casefold()
        matching = {column for name, columns in self._columns.items() if key in name for column in columns}
        most_common = sorted(matching, key=lambda column: (-int(self._feature_films[column]), column))[:limit]
        return [(*self._split(column), int(self._feature_films[column])) for column in most_common]

    def feature_scores(self, weights: Mapping[int, float]) -> NDArray[np.float32]:
        """Return each film's weighted sum of features (n,); `weights`: column -> weight, negative for less of it."""
        vector = np.zeros(self._features.shape[1], dtype=np.float32)
        vector[list(weights)] = list(weights.values())
        return np.asarray(self._features @ vector, dtype=np.float32)

    def features(self, row: int) -> list[tuple[str, float]]:
        """Return the names and weights of a film's features, strongest first."""
        columns, weights = self._span("features", "indices", row), self._span("features", "weights", row)
        order = np.argsort(-weights, kind="stable")
        return [(self.feature_names[columns[i]], float(weights[i])) for i in order]

    def shared_features(self, first: int, second: int, limit: int) -> list[SharedFeature]:
        """Return the features that two films share, strongest first."""
        columns, in_first, in_second = np.intersect1d(
            self._span("features", "indices", first), self._span("features", "indices", second), return_indices=True
        )
        weights = self._span("features", "weights", first)[in_first]
        weights = weights * self._span("features", "weights", second)[in_second]
        total = float(weights.sum()) or 1.0
        strongest = np.argsort(-weights, kind="stable")[:limit]
        return [SharedFeature(*self._split(int(columns[i])), float(weights[i]) / total) for i in strongest]

    def common(self, first: int, second: int) -> Common:
        """Count the users who rated, and who liked, both films."""
        return Common(
            len(np.intersect1d(self.viewers(first), self.viewers(second), assume_unique=True)),
            len(np.intersect1d(self.likers(first), self.likers(second), assume_unique=True)),
        )

    def viewers(self, row: int) -> NDArray[np.int32]:
        """Return the rows of the users who rated a film, those who liked it first."""
        return self._span("viewers", "users", row)

    def likers(self, row: int) -> NDArray[np.int32]:
        """Return the rows of the users who liked a film, ascending."""
        return self.viewers(row)[: int(self._arrays["viewers_likes"][row])]

    def film_over_time(self, row: int) -> OverTime:
        """Return number and mean of one film's ratings by period."""
        rated_periods = self._span("film_periods", "period", row)
        counts, sums = np.zeros((2, len(self.periods)), dtype=np.int64)
        counts[rated_periods] = self._span("film_periods", "count", row)
        if self._feedback.has_ratings:
            sums[rated_periods] = self._span("film_periods", "sum", row)
        return self._over_time(counts, sums)

    def genre_over_time(self, genre: int) -> OverTime:
        """Return number and mean of a genre's ratings by period; `genre`: position in the catalogue's genre names."""
        counts = self._arrays["genre_periods_count"][genre]
        return self._over_time(counts, self._arrays["genre_periods_sum"][genre] if self._feedback.has_ratings else None)

    def all_over_time(self) -> OverTime:
        """Return number and mean of all ratings by period."""
        return self._over_time(self._arrays["period_count"], self._arrays.get("period_sum"))

    @cached_property
    def _features(self) -> sp.csr_matrix:
        indptr = self._arrays["features_indptr"]
        shape = (len(indptr) - 1, len(self._arrays["features_offsets"]) - 1)
        arrays = (self._arrays["features_weights"], self._arrays["features_indices"], indptr)
        return sp.csr_matrix(arrays, shape=shape, copy=False)

    @cached_property
    def _columns(self) -> dict[str, list[int]]:
        """Columns by case-folded name, with and without the kind."""
        columns: dict[str, list[int]] = {}
        for column, name in enumerate(self.feature_names):
            for key in (name.casefold(), name.partition(":")[2].casefold()):
                columns.setdefault(key, []).append(column)
        return columns

    @cached_property
    def _feature_films(self) -> NDArray[np.int64]:
        """Number of films (f,) that have each feature."""
        return np.bincount(self._arrays["features_indices"], minlength=len(self.feature_names))

    def _split(self, column: int) -> tuple[str, str]:
        kind, _, name = self.feature_names[column].partition(":")
        return kind, name

    def _span(self, prefix: str, suffix: str, row: int) -> NDArray[Any]:
        """Return the slice of <prefix>_<suffix> that belongs to one film."""
        indptr = self._arrays[f"{prefix}_indptr"]
        return self._arrays[f"{prefix}_{suffix}"][int(indptr[row]) : int(indptr[row + 1])]

    def _over_time(self, counts: NDArray[np.int64], sums: NDArray[np.int64] | None) -> OverTime:
        averages = np.full(len(counts), np.nan)
        if sums is not None and self._feedback.has_ratings:
            rated = counts > 0
            averages[rated] = self._feedback.at(sums[rated] / counts[rated])
        return OverTime(self.periods, counts, averages)
