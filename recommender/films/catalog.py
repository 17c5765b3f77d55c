"""The catalogue of films as memory-mapped arrays: descriptions, filter columns and rating statistics.

Array names start with `catalog_`; n is the number of films, in ascending order of movie id:

text, text_offsets   `film_json` of each film, concatenated; (n + 1) offsets
years                (n,) int16, 0 where unknown
genres               (n,) uint32, bit g set for genre_names[g]
counts, averages     (n,) int32 number of ratings, float32 mean in stars (0 where unrated)
histograms           (n, 10) int32 ratings by half star, 0.5 to 5.0
canonical            (n,) int32 row of the film's main entry: its own row unless the film was entered twice
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender import schema
from recommender.errors import UsageError
from recommender.films.ids import IdMap

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class FilmDescription:
    """A film as its pages describe it. Fields are stored, and sent in API answers, in this order."""

    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    actors: list[str]

    @property
    def label(self) -> str:
        """Return the title with its year, if known: two films may share a title."""
        return f"{self.title} ({self.year})" if self.year else self.title


@dataclass(frozen=True)
class Film(FilmDescription):
    """A film with its rating statistics, which follow the description."""

    average_rating: float | None
    rating_count: int


_STATISTICS = f',"{fields(Film)[len(fields(FilmDescription))].name}":'.encode()


@dataclass(frozen=True)
class FilmFilter:
    """Conditions that a film must meet to be recommended; an empty filter admits every film."""

    genres: tuple[str, ...] = ()  # at least one of them
    year_from: int | None = None
    year_to: int | None = None
    min_ratings: int = 0
    exclude: tuple[int, ...] = ()  # film rows

    @property
    def is_empty(self) -> bool:
        """Return whether the filter admits every film."""
        return self == FilmFilter()


class Catalog:
    """The films of one model version, by row."""

    def __init__(self, arrays: Arrays, movie_ids: IdMap, genre_names: Sequence[str]) -> None:
        self.movie_ids = movie_ids
        self.genre_names = list(genre_names)
        self.years = arrays["catalog_years"]
        self.genre_masks = arrays["catalog_genres"]
        self.counts = arrays["catalog_counts"]
        self.averages = arrays["catalog_averages"]
        self.histograms = arrays["catalog_histograms"]
        self.canonical = arrays["catalog_canonical"]
        # Slicing and indexing a memory view costs a fifth of doing so with an array.
        self._text = np.ascontiguousarray(arrays["catalog_text"]).data
        self._offsets = np.ascontiguousarray(arrays["catalog_text_offsets"]).data

    def __len__(self) -> int:
        return len(self.movie_ids)

    def text(self, row: int) -> bytes:
        """Return a film's JSON object in UTF-8, exactly as API answers embed it."""
        return bytes(self._text[self._offsets[row] : self._offsets[row + 1]])

    def split_text(self, row: int) -> tuple[bytes, bytes]:
        """Return a film's JSON members without braces: those that describe it, and its rating statistics."""
        text = self.text(row)
        cut = text.rindex(_STATISTICS)  # quotes in names are escaped, so none of them can hold these bytes
        return text[1:cut], text[cut + 1 : -1]

    def film(self, row: int) -> Film:
        """Return the film at a row."""
        return Film(**json.loads(self.text(row)))

    def genre_mask(self, genres: Sequence[str]) -> int:
        """Return the bit mask of the named genres, case ignored. Raises UsageError for a genre that no film has."""
        bits = {name.casefold(): bit for bit, name in enumerate(self.genre_names)}
        if any(genre.casefold() not in bits for genre in genres):
            raise UsageError(f"Unknown genre; expected one of: {', '.join(self.genre_names)}.")
        return sum({1 << bits[genre.casefold()] for genre in genres})

    def allowed(self, conditions: FilmFilter) -> NDArray[np.bool_]:
        """Return a mask (n,) of the films that pass the filter and are not second entries of another film."""
        mask = self.canonical == np.arange(len(self), dtype=self.canonical.dtype)
        if conditions.genres:
            mask &= (self.genre_masks & np.uint32(self.genre_mask(conditions.genres))) != 0
        if conditions.year_from is not None:
            mask &= self.years >= conditions.year_from
        if conditions.year_to is not None:
            mask &= (self.years <= conditions.year_to) & (self.years > 0)
        if conditions.min_ratings:
            mask &= self.counts >= conditions.min_ratings
        mask[list(conditions.exclude)] = False
        return np.asarray(mask, dtype=bool)


def film_json(film: Film) -> bytes:
    """Return a film as a JSON object in UTF-8: no spaces, members in the order of the fields."""
    return json.dumps(vars(film), ensure_ascii=False, separators=(",", ":")).encode()


def encode_catalog(
    films: Sequence[Film], histograms: NDArray[np.int32], canonical: NDArray[np.int32]
) -> dict[str, Any]:
    """Return the arrays of a catalogue of films, given in row order.

    `histograms`: (n, 10) ratings by half star; `canonical`: (n,) row of each film's main entry.
    """
    bits = {name: bit for bit, name in enumerate(genre_names(films))}
    text, offsets = concatenate([film_json(film) for film in films])
    return {
        "catalog_text": text,
        "catalog_text_offsets": offsets,
        "catalog_years": np.array([film.year or 0 for film in films], dtype=np.int16),
        "catalog_genres": np.array([sum(1 << bits[g] for g in film.genres) for film in films], dtype=np.uint32),
        "catalog_counts": np.array([film.rating_count for film in films], dtype=np.int32),
        "catalog_averages": np.array([film.average_rating or 0.0 for film in films], dtype=np.float32),
        "catalog_histograms": np.asarray(histograms, dtype=np.int32),
        "catalog_canonical": np.asarray(canonical, dtype=np.int32),
    }


def genre_names(films: Sequence[Film]) -> list[str]:
    """Return the genres of the films, MovieLens's own first and in its order. Raises UsageError for more than 32."""
    occurring = {genre for film in films for genre in film.genres}
    names = [name for name in schema.GENRE_NAMES if name in occurring] + sorted(occurring - set(schema.GENRE_NAMES))
    if len(names) > 32:
        raise UsageError(f"Expected at most 32 genres, found {len(names)}: {', '.join(names)}.")
    return names


def concatenate(texts: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return one byte array of all texts, and (n + 1) offsets into it."""
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    return np.frombuffer(b"".join(texts), dtype=np.uint8), offsets
