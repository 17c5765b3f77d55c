"""Films as memory-mappable arrays: what a person is shown, what filters need, and the rating statistics.

Array names all start with `catalog_`; n is the number of films, in ascending order of movie id:

text, text_offsets   UTF-8 JSON object of each film, concatenated; (n + 1) offsets
years                (n,) int16, 0 where unknown
genres               (n,) uint32, bit g set for genre_names[g]
counts, averages     (n,) int32 number of ratings, float32 mean in stars (0 where unrated)
histograms           (n, 10) int32 ratings by half star, 0.5 to 5.0
canonical            (n,) int32 row that stands for the film (its own but for entries made twice)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender import schema
from recommender.errors import UsageError
from recommender.films.ids import IdMap

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Film:
    """What people are shown of one film; the order of the fields is the order in API answers."""

    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    actors: list[str]
    average_rating: float | None
    rating_count: int

    @property
    def label(self) -> str:
        """The title with its year where there is one: two films may share a title."""
        return f"{self.title} ({self.year})" if self.year else self.title


@dataclass(frozen=True)
class FilmFilter:
    """Which films may be shown; an empty filter lets every film through."""

    genres: tuple[str, ...] = ()  # at least one of them
    year_from: int | None = None
    year_to: int | None = None
    min_ratings: int = 0
    exclude: tuple[int, ...] = ()  # film rows

    @property
    def is_empty(self) -> bool:
        return self == FilmFilter()


class Catalog:
    """The films of one model version."""

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
        """The film's JSON object, UTF-8, exactly as API answers embed it."""
        return bytes(self._text[self._offsets[row] : self._offsets[row + 1]])

    def film(self, row: int) -> Film:
        """The film at `row`."""
        return Film(**json.loads(self.text(row)))

    def genre_mask(self, genres: Sequence[str]) -> int:
        """Bit mask of the named genres, in any case. Raises UsageError for a genre that no film has."""
        known = {name.casefold(): bit for bit, name in enumerate(self.genre_names)}
        unknown = [genre for genre in genres if genre.casefold() not in known]
        if unknown:
            raise UsageError(f"Unknown genre; expected one of: {', '.join(self.genre_names)}.")
        return sum({1 << known[genre.casefold()] for genre in genres})

    def allowed(self, wanted: FilmFilter) -> NDArray[np.bool_]:
        """(n,) True where the film passes the filter and is not a second entry of another film."""
        mask = self.canonical == np.arange(len(self), dtype=self.canonical.dtype)
        if wanted.genres:
            mask &= (self.genre_masks & np.uint32(self.genre_mask(wanted.genres))) != 0
        if wanted.year_from is not None:
            mask &= self.years >= wanted.year_from
        if wanted.year_to is not None:
            mask &= (self.years <= wanted.year_to) & (self.years > 0)
        if wanted.min_ratings:
            mask &= self.counts >= wanted.min_ratings
        mask[list(wanted.exclude)] = False
        return np.asarray(mask, dtype=bool)


def encode_catalog(
    films: Sequence[Film], histograms: NDArray[np.int32], canonical: NDArray[np.int32]
) -> dict[str, Any]:
    """Arrays of a catalogue from films in row order.

    `histograms`: (n, 10) ratings by half star; `canonical`: (n,) row that stands for each film.
    """
    bits = {name: bit for bit, name in enumerate(genre_names(films))}
    texts = [json.dumps(vars(film), ensure_ascii=False, separators=(",", ":")).encode() for film in films]
    text, offsets = concatenate(texts)
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
    """The genres that occur, MovieLens's own first and in its order; at most 32."""
    found = {genre for film in films for genre in film.genres}
    names = [name for name in schema.GENRE_NAMES if name in found] + sorted(found - set(schema.GENRE_NAMES))
    if len(names) > 32:
        raise UsageError(f"Expected at most 32 genres, found {len(names)}: {', '.join(names)}.")
    return names


def concatenate(texts: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """One byte array of all texts, and (n + 1) offsets into it."""
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    return np.frombuffer(b"".join(texts), dtype=np.uint8), offsets
