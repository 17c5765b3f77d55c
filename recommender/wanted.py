"""Types of a recommendation: options of the list, the person it is for, and the ranked result."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.films.catalog import FilmFilter

LONGEST = 100  # items of a list


@dataclass(frozen=True)
class Wanted:
    """Options of a list of recommendations. All of them hold together; see `recommender.listing`."""

    n: int = 10
    filter: FilmFilter = FilmFilter()
    diversity: float = 0.0
    steer: tuple[tuple[int, float], ...] = ()  # feature columns of the extras and weights: > 0 more of it, < 0 less
    offset: int | None = None  # best items that are left out, as on earlier pages; None: the list has one page
    include_seen: bool = False  # whether items that the person rated may come back
    min_expected: float | None = None  # least predicted rating, on the data set's scale
    limits: tuple[tuple[str, int], ...] = ()  # facet, and the most items that may share one of its values
    popularity: float = 0.0  # -1 for items of few ratings to 1 for those of many
    recency: float = 0.0  # -1 for old items to 1 for new ones

    @property
    def is_plain(self) -> bool:
        """Return whether scores and filter alone decide on the list."""
        return not (self.diversity or self.limits or self.steer or self.prefers)

    @property
    def prefers(self) -> bool:
        """Return whether films of some kind are preferred."""
        return bool(self.popularity or self.recency)

    @property
    def page(self) -> slice:
        """Return the positions of the list that are asked for."""
        start = self.offset or 0
        return slice(start, start + self.n)


@dataclass(frozen=True)
class Ranked:
    """Recommended films, best first: rows (k,) and scores (k,)."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    added: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # (k,) share of the scores, by what added it


@dataclass(frozen=True)
class Person:
    """A person to recommend for: ratings or weights (1, n_movies), and the row if it is a user of the training data."""

    history: sp.csr_matrix
    row: int | None = None


def profile(rows: NDArray[np.int64], ratings: NDArray[np.float32], n_movies: int) -> sp.csr_matrix:
    """Return one user's ratings as a (1, n_movies) matrix; `rows`: (k,) distinct films, `ratings`: (k,)."""
    order = np.argsort(rows)
    data = np.asarray(ratings, dtype=np.float32)[order]
    return sp.csr_matrix((data, np.asarray(rows)[order], [0, len(rows)]), shape=(1, n_movies))
