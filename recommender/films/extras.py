"""What pages and explanations show beside the model: features, common viewers, ratings over time, the map of films.

All of it describes the data set, so every bundle fitted on all of a data set's ratings carries the same arrays; a
bundle of a protocol's training part has none. n is the number of films, f of features, p of periods, g of genres.

features_text, features_offsets           UTF-8 names, concatenated, and (f + 1) offsets: "genre:Comedy",
                                          "director:John Lasseter", "tag:pixar"
features_indptr, _indices, _weights       CSR (n, f) float32: the strongest features of each film and how much each
                                          says about it (relevance times rarity)
viewers_indptr, viewers_users             (n + 1) int64, int32 user rows of who rated each film: first those who liked
                                          it, ascending, then the others, ascending
viewers_likes                             (n,) int32 how many of them liked it
periods                                   (p,) int32, consecutive: years (1998), or months (199804) where the data set
                                          spans less than three years
film_periods_indptr, _period              (n + 1) int64, int16 position in `periods`: when each film was rated
film_periods_count, _half_stars           int32 ratings of that film in that period, and the sum of their half stars
genre_periods_count, _half_stars          (g, p) int64, the same by genre
period_count, period_half_stars           (p,) int64, the same over all films
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

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class SharedFeature:
    """A feature that two films share; `share` is its part of all that their shared features say, 0 to 1."""

    kind: str  # genre, era, director, actor, tag, ...
    name: str
    share: float


@dataclass(frozen=True)
class Common:
    """People who rated both of two films, and who liked both."""

    viewers: int
    likes: int


@dataclass(frozen=True)
class OverTime:
    """Ratings by period: labels (p,), counts (p,) and mean stars (p,), NaN where there were none."""

    periods: NDArray[np.int32]
    counts: NDArray[np.int64]
    averages: NDArray[np.float64]


class Extras:
    """The extra arrays of one bundle; nothing is copied when it opens."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self.periods: NDArray[np.int32] = arrays["periods"]
        self.map_rows: NDArray[np.int32] = arrays["map_rows"]
        self.map_xy: NDArray[np.float32] = arrays["map_xy"]

    @classmethod
    def of(cls, arrays: Arrays) -> Extras | None:
        """The extras among `arrays`, or None where the bundle has none."""
        return cls(arrays) if "features_indptr" in arrays else None

    @cached_property
    def feature_names(self) -> list[str]:
        """(f,) names with their kind in front: "genre:Comedy"."""
        text = self._arrays["features_text"].tobytes()
        offsets = self._arrays["features_offsets"].tolist()
        return [text[start:stop].decode() for start, stop in pairwise(offsets)]

    def find_features(self, name: str) -> list[int]:
        """Columns of the features called `name` in any case, with or without their kind: "pixar" or "tag:pixar"."""
        return self._columns.get(name.casefold(), [])

    def matching_features(self, part: str, limit: int) -> list[tuple[str, str, int]]:
        """Kind, name and number of films of the features whose name has `part` in it, those of most films first."""
        wanted = part.casefold()
        columns = [c for name, found in self._columns.items() if wanted in name for c in found]
        best = sorted(set(columns), key=lambda column: (-int(self._feature_films[column]), column))[:limit]
        return [(*self._split(column), int(self._feature_films[column])) for column in best]

    def feature_scores(self, weights: Mapping[int, float]) -> NDArray[np.float32]:
        """(n,) how much of the wanted features each film has; `weights`: column -> weight, negative for less of it."""
        vector = np.zeros(self._features.shape[1], dtype=np.float32)
        vector[list(weights)] = list(weights.values())
        return np.asarray(self._features @ vector, dtype=np.float32)

    def features(self, row: int) -> list[tuple[str, float]]:
        """Names and weights of the features of the film at `row`, strongest first."""
        columns, weights = self._span("features", "indices", row), self._span("features", "weights", row)
        return [(self.feature_names[columns[at]], float(weights[at])) for at in np.argsort(-weights, kind="stable")]

    def shared_features(self, first: int, second: int, limit: int) -> list[SharedFeature]:
        """What two films have in common, strongest first."""
        _, a, b = np.intersect1d(
            self._span("features", "indices", first), self._span("features", "indices", second), return_indices=True
        )
        columns = self._span("features", "indices", first)[a]
        weights = self._span("features", "weights", first)[a] * self._span("features", "weights", second)[b]
        total = float(weights.sum()) or 1.0
        best = np.argsort(-weights, kind="stable")[:limit]
        return [SharedFeature(*self._split(int(columns[at])), float(weights[at]) / total) for at in best]

    def common(self, first: int, second: int) -> Common:
        """How many people rated, and how many liked, both films."""
        return Common(
            len(np.intersect1d(self.viewers(first), self.viewers(second), assume_unique=True)),
            len(np.intersect1d(self.likers(first), self.likers(second), assume_unique=True)),
        )

    def viewers(self, row: int) -> NDArray[np.int32]:
        """User rows of who rated the film: those who liked it come first."""
        return self._span("viewers", "users", row)

    def likers(self, row: int) -> NDArray[np.int32]:
        """User rows of who liked the film, ascending."""
        return self.viewers(row)[: int(self._arrays["viewers_likes"][row])]

    def film_over_time(self, row: int) -> OverTime:
        """Ratings of one film by period."""
        at = self._span("film_periods", "period", row)
        counts, half_stars = np.zeros((2, len(self.periods)), dtype=np.int64)
        counts[at] = self._span("film_periods", "count", row)
        half_stars[at] = self._span("film_periods", "half_stars", row)
        return self._over_time(counts, half_stars)

    def genre_over_time(self, genre: int) -> OverTime:
        """Ratings of films of the genre at `genre` in the manifest's genre names, by period."""
        return self._over_time(
            self._arrays["genre_periods_count"][genre], self._arrays["genre_periods_half_stars"][genre]
        )

    def all_over_time(self) -> OverTime:
        """All ratings by period."""
        return self._over_time(self._arrays["period_count"], self._arrays["period_half_stars"])

    @cached_property
    def _features(self) -> sp.csr_matrix:
        indptr = self._arrays["features_indptr"]
        shape = (len(indptr) - 1, len(self._arrays["features_offsets"]) - 1)
        parts = (self._arrays["features_weights"], self._arrays["features_indices"], indptr)
        return sp.csr_matrix(parts, shape=shape, copy=False)

    @cached_property
    def _columns(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for column, name in enumerate(self.feature_names):
            for key in (name.casefold(), name.partition(":")[2].casefold()):
                found.setdefault(key, []).append(column)
        return found

    @cached_property
    def _feature_films(self) -> NDArray[np.int64]:
        """(f,) number of films that each feature is kept for."""
        return np.bincount(self._arrays["features_indices"], minlength=len(self.feature_names))

    def _split(self, column: int) -> tuple[str, str]:
        kind, _, name = self.feature_names[column].partition(":")
        return kind, name

    def _span(self, prefix: str, suffix: str, row: int) -> NDArray[Any]:
        """The part of <prefix>_<suffix> that belongs to the film at `row`."""
        indptr = self._arrays[f"{prefix}_indptr"]
        return self._arrays[f"{prefix}_{suffix}"][int(indptr[row]) : int(indptr[row + 1])]

    def _over_time(self, counts: NDArray[np.int64], half_stars: NDArray[np.int64]) -> OverTime:
        none = np.full(len(counts), np.nan)
        return OverTime(self.periods, counts, np.divide(half_stars / 2, counts, out=none, where=counts > 0))
