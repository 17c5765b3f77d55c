"""Read the items of a data set of one's own: titles, years, and columns of lists, categories, texts and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.films.ids import IdMap
from recommender.items import Facet, Items
from recommender.schema import (
    ACTORS,
    ALTERNATIVE_TITLES,
    DIRECTORS,
    DUPLICATE_OF,
    GENRES,
    IMDB_ID,
    MOVIE,
    ORIGINAL_TITLE,
    TITLE,
    YEAR,
)
from training.datasets.cleaning import schemas
from training.datasets.cleaning.title_parsing import parse_title
from training.datasets.features.tag_matrix import Block, named_block, soft_bins, weigh_by_rarity
from training.datasets.quarantine import Quarantine
from training.datasets.tabular.interactions import map_rows
from training.datasets.tabular.records import Records, quoted, read_records
from training.datasets.tabular.source import SourceConfig
from training.datasets.tabular.values import IdColumn, number_sql, split_lists

_UNCHANGED_PLURALS = {"series", "species", "news"}
_FILM_LISTS = (GENRES, DIRECTORS, ACTORS)  # columns that every data set has, empty where it has no such thing


T = TypeVar("T")


@dataclass
class ItemTable:
    """Items of all files, one row each: `ids` as text, titles and years where there are any, and all other columns."""

    ids: list[str] = field(default_factory=list)
    titles: list[str | None] = field(default_factory=list)
    years: list[int | None] = field(default_factory=list)
    lists: dict[str, list[list[str]]] = field(default_factory=dict)
    texts: dict[str, list[str | None]] = field(default_factory=dict)  # categories and sentences
    numbers: dict[str, list[float]] = field(default_factory=dict)


def read_items(config: SourceConfig, quarantine: Quarantine) -> ItemTable:
    """Read all files of items; rows without an id or with one that stood before go to `quarantine`."""
    items = ItemTable()
    for path in config.items:
        records = read_records(path, config.item_columns, config, quarantine)
        _add(items, records, config, quarantine)
    return items


def movie_table(items: ItemTable, ids: IdMap, config: SourceConfig) -> pd.DataFrame:
    """Return one row per item of `ids`, in row order, with the columns of every data set and those described.

    An item without a row or a title in the files is titled by its id.
    """
    place = np.full(len(ids), -1, dtype=np.int64)
    place[map_rows(items.ids, ids)] = np.arange(len(items.ids))
    raw = ids.raws(range(len(ids)))
    narrow = "int32" if not ids.is_text and ids.ids[-1] <= np.iinfo(np.int32).max else "int64"
    raw_column = pd.Series(raw, dtype="str" if ids.is_text else narrow)
    titles = [title or str(raw_id) for title, raw_id in zip(_placed(items.titles, place), raw, strict=True)]
    names, years = titles, _placed(items.years, place)
    if config.year_in_title:
        parsed_titles = [parse_title(title) for title in titles]
        names = [parsed.title for parsed in parsed_titles]
        years = [year or parsed.year for year, parsed in zip(years, parsed_titles, strict=True)]
    columns = {
        MOVIE: raw_column,
        TITLE: pd.Series(names, dtype="str"),
        ORIGINAL_TITLE: pd.Series(titles, dtype="str"),
        ALTERNATIVE_TITLES: _lists([[] for _ in raw]),
        YEAR: pd.Series(years, dtype="Int32"),
        **{name: _lists([[] for _ in raw]) for name in _FILM_LISTS},
        DUPLICATE_OF: raw_column,
        IMDB_ID: pd.Series([None] * len(raw), dtype="Int64"),
    }
    for name in config.list:
        columns[name] = _lists([values or [] for values in _placed(items.lists[name], place)])
    for name in config.category:
        columns[name] = pd.Series(_placed(items.texts[name], place), dtype="str")
    for name in config.text:
        columns[name] = pd.Series([text or "" for text in _placed(items.texts[name], place)], dtype="str")
    for name in config.number:
        columns[name] = pd.Series(_placed(items.numbers[name], place), dtype="float64")
    return pd.DataFrame(columns)


def own_blocks(movies: pd.DataFrame, config: SourceConfig) -> dict[str, Block]:
    """Return a block of the item-feature matrix for each list, category and number column, named by the column."""
    blocks = {name: _names_block(name, movies[name].tolist()) for name in config.list if name not in _FILM_LISTS}
    for name in config.category:
        values = [[] if pd.isna(value) else [value] for value in movies[name]]
        blocks[name] = _names_block(name, values)
    return blocks | {name: soft_bins(name, movies[name].to_numpy()) for name in config.number}


def items_of(config: SourceConfig) -> Items:
    """Return the word for an item and its facets: all lists, then all categories."""
    facets = [Facet(name=name, label=_label(config.labels, name, plural=True), kind="list") for name in config.list]
    facets += [
        Facet(name=name, label=_label(config.labels, name, plural=False), kind="category") for name in config.category
    ]
    singular, plural = config.words
    return Items(singular=singular, plural=plural, facets=tuple(facets))


def _add(items: ItemTable, records: Records, config: SourceConfig, quarantine: Quarantine) -> None:
    """Append the items of one file."""
    ids = IdColumn(records.texts(quoted(config.item_columns[0])))
    table = records.table(pd.DataFrame({MOVIE: ids.codes, "row": np.arange(len(ids.codes))}))
    if records.path in config.interactions:  # which name an item in every row: the first describes it
        first = table.frame[~table.frame.duplicated(MOVIE) & (table.frame[MOVIE] >= 0)]
        clean = first.reset_index(drop=True)
    else:
        clean = schemas.split_bad(table, schemas.items_schema(), quarantine).frame
    rows = clean["row"].to_numpy()
    known = set(items.ids)
    fresh = np.array([ids.texts[code] not in known for code in clean[MOVIE]], dtype=bool)
    quarantine.add_rows(table, rows[~fresh], ["item id stands twice"] * int((~fresh).sum()))
    rows = rows[fresh]
    items.ids += [ids.texts[code] for code in ids.codes[rows]]
    items.titles += _cells(records, config.title, rows)
    items.years += _years(records, config.year, rows)
    for name in config.list:
        items.lists.setdefault(name, []).extend(split_lists(_cells(records, name, rows), config.list_separator))
    for name in (*config.category, *config.text):
        items.texts.setdefault(name, []).extend(_cells(records, name, rows))
    for name in config.number:
        numbers = records.numbers(number_sql(name, config.decimal))
        items.numbers.setdefault(name, []).extend(np.where(np.isfinite(numbers), numbers, np.nan)[rows].tolist())


def _cells(records: Records, name: str | None, rows: NDArray[np.int64]) -> list[str | None]:
    """Return the text in a column of these rows without line breaks and outer blanks, None where there is none."""
    if name is None:
        return [None] * len(rows)
    cells = records.texts(f"trim(regexp_replace({quoted(name)}, '[[:space:][:cntrl:]]+', ' ', 'g'))")
    return list(cells.take(rows).to_pylist())


def _years(records: Records, name: str | None, rows: NDArray[np.int64]) -> list[int | None]:
    """Return the first number of four digits in a column of these rows."""
    if name is None:
        return [None] * len(rows)
    years = records.numbers(
        f"try_cast(regexp_extract({quoted(name)}, '(^|[^0-9])(1[0-9]{{3}}|20[0-9]{{2}})', 2) AS INT)"
    )
    return [None if np.isnan(year) else int(year) for year in years[rows]]


def _placed(values: list[T], place: NDArray[np.int64]) -> list[T | None]:
    """Return the value of each item, None for one (place -1) that the files of items lack."""
    return [values[row] if row >= 0 else None for row in place.tolist()]


def _lists(values: list[list[str]]) -> pd.Series:
    return pd.Series(values, dtype="object")


def _names_block(name: str, values: list[list[str]]) -> Block:
    matrix, features = named_block(name, values)
    return weigh_by_rarity(matrix), features


def _label(labels: Mapping[str, str], name: str, *, plural: bool) -> str:
    """Return the word before one value of a column: "authors" is "Author", "release_country" is "Release country"."""
    word = labels.get(name)
    if word is not None:
        return word
    words = " ".join(re.split(r"[\s_-]+", name))
    if plural and words.endswith("s") and not words.endswith("ss") and words not in _UNCHANGED_PLURALS:
        words = f"{words[:-3]}y" if words.endswith("ies") else words[:-1]
    return words[:1].upper() + words[1:]
