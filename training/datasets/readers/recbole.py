"""Read RecBole's "atomic" files (`*.inter`, `*.item`, `*.kg`, `*.link`): tab-separated, types in the header, UTF-8.

RecBole's ml-100k splits a title "X (1995)" into "X" and "1995"; they are joined again here, so that both forms of the
data set give the same frames. Its `.kg` and `.link` say which films share a director, an actor or a writer, by
Freebase identity and without names.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from recommender.errors import UsageError
from recommender.schema import GENRES, MOVIE, ORIGINAL_TITLE, RATING, TIMESTAMP, USER
from training.datasets.quarantine import Quarantine
from training.datasets.readers.delimited import read_numbers, read_text
from training.datasets.readers.layout import Layout
from training.datasets.tables import PEOPLE_TABLE, PERSON, RATING_TABLE, RawTables, Table, empty, in_background

_MISSPELLED = {"unkonwn": "unknown"}  # movie 267 of RecBole's ml-100k
_GENRE_SEPARATOR = " "  # none of MovieLens's own genre names holds one
_ROLES = {"film.film.directed_by": "director", "film.film.actor": "actor", "film.film.written_by": "writer"}

_TABS: dict[str, Any] = {"separator": "\t", "quoted": False}
_RATINGS = Layout(
    RATING_TABLE,
    {USER: ("user_id",), MOVIE: ("item_id",), RATING: ("rating",), TIMESTAMP: ("timestamp",)},
    optional={TIMESTAMP: 0},
    **_TABS,
)
_ITEMS = Layout(
    {MOVIE: "int32", "name": "str", "year": "str", GENRES: "str"},
    {
        MOVIE: ("item_id",),
        "name": ("movie_title", "title", "name"),
        "year": ("release_year", "year"),
        GENRES: ("class", "genre", "genres"),
    },
    optional={"year": "", GENRES: ""},
    **_TABS,
)
_TRIPLES = Layout(
    {"head": "str", "relation": "str", "tail": "str"},
    {"head": ("head_id",), "relation": ("relation_id",), "tail": ("tail_id",)},
    **_TABS,
)
_ENTITIES = Layout({MOVIE: "int32", "head": "str"}, {MOVIE: ("item_id",), "head": ("entity_id",)}, **_TABS)


def input_files(raw: Path) -> list[Path]:
    """Return the files of this format in the directory `raw`, [] if it has another format.

    Raises UsageError where it holds more than one `.inter`: which of them is meant is not ours to say.
    """
    interactions = sorted(raw.glob("*.inter"))
    if not interactions:
        return []
    first, *others = interactions
    if others:
        names = ", ".join(path.name for path in interactions)
        raise UsageError(
            f"Expected one *.inter file in {raw}; found {names}. Put each data set into a directory of its own, and "
            "the parts of a split together into one file."
        )
    graph = [first.with_suffix(".kg"), first.with_suffix(".link")]
    return [first, first.with_suffix(".item"), *(graph if all(path.exists() for path in graph) else [])]


def read(raw: Path, quarantine: Quarantine) -> RawTables:
    """Read all tables in the directory `raw`; the ratings are read in the background."""
    interactions, items, *graph = input_files(raw)
    return RawTables(
        in_background(read_numbers, interactions, _RATINGS, quarantine),
        _movies(read_text(items, _ITEMS, quarantine)),
        people=_people(graph[0], graph[1], quarantine) if graph else empty(PEOPLE_TABLE),
    )


def _movies(items: Table) -> Table:
    frame = items.frame
    movies = pd.DataFrame(
        {
            MOVIE: frame[MOVIE],
            ORIGINAL_TITLE: [_joined(name, year) for name, year in zip(frame["name"], frame["year"], strict=True)],
            GENRES: [text.split(_GENRE_SEPARATOR) for text in frame[GENRES]],
        }
    )
    return replace(items, frame=movies)


def _joined(name: str, year: str) -> str:
    """Join "Toy Story" and "1995" to "Toy Story (1995)"; a row that repeats the name as year has none."""
    if name == year:
        return _MISSPELLED.get(name, name)
    return f"{name} ({year})" if year else name


def _people(graph: Path, link: Path, quarantine: Quarantine) -> Table:
    """Return who worked on which film: one row per film and "role/identity"."""
    triples = read_text(graph, _TRIPLES, quarantine).frame
    entities = read_text(link, _ENTITIES, quarantine).frame
    credits = triples[triples["relation"].isin(list(_ROLES))].merge(entities, on="head")
    people = credits["relation"].map(_ROLES) + "/" + credits["tail"]
    return Table(pd.DataFrame({MOVIE: credits[MOVIE], PERSON: people}).drop_duplicates(ignore_index=True), graph)
