"""Read film credits (directors and leading actors), which are not part of MovieLens.

Two sources: a CSV with `movieId` or `imdbId`, `directors` and `actors` (names joined by `|`), and the `metadata.json`
of the tag genome of 2021 (one JSON object a line, names joined by ", ").
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from recommender.errors import DataError, MissingInputError
from recommender.schema import ACTORS, DIRECTORS, DUPLICATE_OF, IMDB_ID, MOVIE

METADATA_FILE = "metadata.json"
MAX_ACTORS = 5  # leading ones; the metadata lists whole casts
_IMDB_PREFIX = "tt"
# "Robert Downey, Jr." is one name.
_NAME_SEPARATOR = re.compile(r",(?!\s*(?:Jr|Sr|[IV]+)\b)\s*")


def read_credits(path: Path) -> pd.DataFrame:
    """Read a table of credits: `movie_id` or `imdb_id` (one of the two), `directors` and `actors` as lists of str.

    `path`: a CSV, or a `.json` in the form of the tag genome's metadata. Raises MissingInputError or DataError.
    """
    if not path.is_file():
        raise MissingInputError(
            f"Expected film credits at {path}; there is no such file. Name another one, or leave that option out."
        )
    return _from_metadata(path) if path.suffix == ".json" else _from_csv(path)


def with_credits(movies: pd.DataFrame, credits: pd.DataFrame) -> pd.DataFrame:
    """Return `movies` with directors and actors from `credits`; a duplicate without its own takes the film's."""
    key = MOVIE if MOVIE in credits else IMDB_ID
    by_key = credits.drop_duplicates(key).set_index(key)
    result = movies.copy()
    for column in (DIRECTORS, ACTORS):
        names_by_row = movies[key].map(by_key[column]).map(lambda names: names if isinstance(names, list) else [])
        by_movie = dict(zip(movies[MOVIE], names_by_row, strict=True))
        entries = zip(movies[MOVIE], movies[DUPLICATE_OF], strict=True)
        names = [by_movie[movie] or by_movie[entry] for movie, entry in entries]
        result[column] = pd.Series(names, dtype="object")
    return result


def _from_csv(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"Expected a CSV in UTF-8 with a header at {path}: {error}") from error
    key, column = (MOVIE, "movieId") if "movieId" in frame else (IMDB_ID, "imdbId")
    missing = [name for name in (column, DIRECTORS, ACTORS) if name not in frame]
    if missing:
        raise DataError(
            f"Expected the columns movieId (or imdbId), directors and actors in {path}; missing: {', '.join(missing)}."
        )
    return pd.DataFrame(
        {
            key: _ids(frame[column], path),
            DIRECTORS: [_names(text.split("|")) for text in frame[DIRECTORS]],
            ACTORS: [_names(text.split("|")) for text in frame[ACTORS]],
        }
    )


def _ids(texts: pd.Series, path: Path) -> pd.Series:
    ids = pd.to_numeric(texts.str.strip().str.removeprefix(_IMDB_PREFIX), errors="coerce")
    if ids.isna().any():
        line_number = int(ids.isna().to_numpy().argmax()) + 2
        raise DataError(
            f"Expected a whole number as {texts.name} in line {line_number} of {path}, "
            f"found {texts[line_number - 2]!r}."
        )
    return ids.astype("int64")


def _from_metadata(path: Path) -> pd.DataFrame:
    films = []
    with path.open(encoding="utf-8") as file:
        for line_number, text in enumerate(file, start=1):
            try:
                film = json.loads(text)
                films.append(
                    {
                        MOVIE: int(film["item_id"]),
                        DIRECTORS: _names(_NAME_SEPARATOR.split(film.get("directedBy") or "")),
                        ACTORS: _names(_NAME_SEPARATOR.split(film.get("starring") or ""))[:MAX_ACTORS],
                    }
                )
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"Expected a JSON object with item_id, directedBy, starring in line {line_number} of {path}: "
                    f"{error!r}."
                ) from error
    return pd.DataFrame(films, columns=[MOVIE, DIRECTORS, ACTORS])


def _names(raw: list[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in raw if name.strip()))
