"""Bundles of format 1 in the form of format 2: MovieLens's scale, integer ids, genres as bits, sums of half stars.

A half star is a position on MovieLens's scale, so ratings and their sums are taken as they lie, mapped, under another
name. Genres are the only facet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender import schema
from recommender.feedback import MOVIELENS
from recommender.films.facets import sparse_arrays
from recommender.items import FILMS, Items

_RENAMED = {
    "history_half_stars": "history_positions",
    "film_periods_half_stars": "film_periods_sum",
    "genre_periods_half_stars": "genre_periods_sum",
    "period_half_stars": "period_sum",
}

FILMS_OF_FORMAT_ONE: Items = FILMS.model_copy(
    update={"facets": tuple(facet for facet in FILMS.facets if facet.name == schema.GENRES)}
)


def upgraded(arrays: Mapping[str, NDArray[Any]], genre_names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a bundle of format 1 as those of format 2; `genre_names`: the genre of each bit."""
    renamed = {_RENAMED.get(name, name): array for name, array in arrays.items()}
    masks = renamed.pop("catalog_genres")
    rows_by_genre = [np.flatnonzero(masks >> np.uint32(bit) & np.uint32(1)) for bit in range(len(genre_names))]
    likes = arrays["catalog_histograms"][:, MOVIELENS.bins >= MOVIELENS.like].sum(axis=1)
    return {
        **renamed,
        "catalog_likes": likes.astype(np.int32),
        **sparse_arrays(genre_names, [0, len(genre_names)], rows_by_genre),
    }
