"""The catalogue of items as memory-mapped arrays: descriptions, filter columns and rating statistics.

Array names start with `catalog_`; n is the number of items, in ascending order of the id, b of bins of the scale:

text, text_offsets   `film_json` of each item, concatenated; (n + 1) offsets
years                (n,) int16, 0 where unknown
counts, likes        (n,) int32 number of ratings (or of people with an event), and how many of them are likes
averages             (n,) float32 mean rating (0 where unrated, and for events)
histograms           (n, b) int32 ratings by bin of the scale; no bins for events
canonical            (n,) int32 row of the item's main entry: its own row unless it was entered twice

`recommender.films.facets` documents the arrays of genres and other facets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender import schema
from recommender.films.facets import FacetIndex, encode_facets
from recommender.films.ids import IdMap, RawId
from recommender.items import FILMS, Items
from recommender.texts import Texts, concatenate

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class FilmDescription:
    """An item as its pages describe it. Fields are stored, and sent in API answers, in this order."""

    movie_id: RawId
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    actors: list[str]
    facets: dict[str, list[str]] | None = field(default=None, kw_only=True)  # left out where the items have no others

    @property
    def label(self) -> str:
        """Return the title with its year, if known: two films may share a title."""
        return f"{self.title} ({self.year})" if self.year else self.title

    def values(self, facet: str) -> list[str]:
        """Return the item's values of a facet."""
        if facet in FILM_FACETS:
            return list(getattr(self, facet))
        return (self.facets or {}).get(facet, [])


FILM_FACETS = (schema.GENRES, schema.DIRECTORS, schema.ACTORS)  # facets that are fields of their own


@dataclass(frozen=True)
class Film(FilmDescription):
    """An item with its rating statistics, which follow the description."""

    average_rating: float | None
    rating_count: int


# Quotes in texts are escaped, so none of them can hold these bytes.
_ID, _TITLE, _YEAR = b'{"movie_id":', b',"title":', b',"year":'
_STATISTICS = f',"{fields(Film)[len(fields(FilmDescription))].name}":'.encode()


@dataclass(frozen=True)
class FilmFilter:
    """Conditions that an item must meet to be recommended; an empty filter admits every item."""

    genres: tuple[str, ...] = ()  # at least one of them
    year_from: int | None = None
    year_to: int | None = None
    min_ratings: int = 0
    exclude: tuple[int, ...] = ()  # item rows
    facets: tuple[tuple[str, str], ...] = ()  # facet and value: of each facet that is named at least one value
    candidates: tuple[int, ...] | None = None  # rows of the only items that are ranked

    @property
    def is_empty(self) -> bool:
        """Return whether the filter admits every item."""
        return self == _ALL

    @property
    def conditions(self) -> dict[str, FilmFilter]:
        """Return each condition that is set as a filter of its own, by its name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: FilmFilter(**{name: value}) for name, value in values.items() if value != getattr(_ALL, name)}

    @property
    def values_by_facet(self) -> dict[str, list[str]]:
        """Return the facets that are asked for, and the values of each."""
        values: dict[str, list[str]] = {}
        for facet, value in [*((schema.GENRES, genre) for genre in self.genres), *self.facets]:
            values.setdefault(facet, []).append(value)
        return values


_ALL = FilmFilter()


class Catalog:
    """The items of one model version, by row."""

    def __init__(self, arrays: Arrays, movie_ids: IdMap, items: Items = FILMS) -> None:
        self.movie_ids = movie_ids
        self.facets = FacetIndex(arrays, items.facets)
        self.years = arrays["catalog_years"]
        self.counts = arrays["catalog_counts"]
        self.likes = arrays["catalog_likes"]
        self.averages = arrays["catalog_averages"]
        self.histograms = arrays["catalog_histograms"]
        self.canonical = arrays["catalog_canonical"]
        self._texts = Texts(arrays["catalog_text"], arrays["catalog_text_offsets"], "catalog_text")

    def __len__(self) -> int:
        return len(self.movie_ids)

    def text(self, row: int) -> bytes:
        """Return an item's JSON object in UTF-8, exactly as API answers embed it."""
        return self._texts[row]

    @cached_property
    def _bounds(self) -> memoryview:
        return self._texts.bounds_at(_STATISTICS)

    def split_texts(self, rows: Sequence[int]) -> tuple[list[memoryview], list[memoryview]]:
        """Return the descriptions of items as JSON texts without their first brace, and their statistics."""
        return self._texts.split(rows, self._bounds)

    def name_text(self, row: int) -> tuple[bytes, bytes]:
        """Return the JSON texts of an item's title and id."""
        head = self._texts[row].partition(_YEAR)[0]
        raw_id, _, title = head.partition(_TITLE)
        return title, raw_id[len(_ID) :]

    def film(self, row: int) -> Film:
        """Return the item at a row."""
        return Film(**json.loads(self.text(row)))

    @property
    def genre_names(self) -> list[str]:
        """Return the genres; none where the items have no such facet."""
        return self.facets.values(schema.GENRES)

    def allowed(self, conditions: FilmFilter) -> NDArray[np.bool_]:
        """Return a mask (n,) of the items that pass the filter and are not second entries of another item.

        Raises UsageError for a facet or value that no item has.
        """
        mask = self.canonical == np.arange(len(self), dtype=self.canonical.dtype)
        for facet, values in conditions.values_by_facet.items():
            mask &= self.facets.having(facet, values, len(self))
        if conditions.year_from is not None:
            mask &= self.years >= conditions.year_from
        if conditions.year_to is not None:
            mask &= (self.years <= conditions.year_to) & (self.years > 0)
        if conditions.min_ratings:
            mask &= self.counts >= conditions.min_ratings
        if conditions.candidates is not None:
            is_candidate = np.zeros(len(self), dtype=bool)
            is_candidate[list(conditions.candidates)] = True
            mask &= is_candidate
        mask[list(conditions.exclude)] = False
        return np.asarray(mask, dtype=bool)

    @cached_property
    def mean_rating(self) -> float:
        """Return the mean of all ratings; 0 where there are only events."""
        return float(np.average(self.averages, weights=self.counts)) if self.counts.any() else 0.0


def film_json(film: Film) -> bytes:
    """Return an item as a JSON object in UTF-8: no spaces, members in the order of the fields."""
    members = vars(film) if film.facets is not None else {k: v for k, v in vars(film).items() if k != "facets"}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def encode_catalog(
    films: Sequence[Film],
    histograms: NDArray[np.int32],
    likes: NDArray[np.int32],
    canonical: NDArray[np.int32],
    items: Items = FILMS,
) -> dict[str, Any]:
    """Return the arrays of a catalogue of items, given in row order.

    `histograms`: (n, b) ratings by bin; `likes`: (n,) how many ratings are likes; `canonical`: (n,) row of each item's
    main entry.
    """
    text, offsets = concatenate([film_json(film) for film in films])
    return {
        "catalog_text": text,
        "catalog_text_offsets": offsets,
        "catalog_years": np.array([film.year or 0 for film in films], dtype=np.int16),
        "catalog_counts": np.array([film.rating_count for film in films], dtype=np.int32),
        "catalog_likes": np.asarray(likes, dtype=np.int32),
        "catalog_averages": np.array([film.average_rating or 0.0 for film in films], dtype=np.float32),
        "catalog_histograms": np.asarray(histograms, dtype=np.int32),
        "catalog_canonical": np.asarray(canonical, dtype=np.int32),
        **encode_facets(items.facets, [[film.values(facet.name) for film in films] for facet in items.facets]),
    }
