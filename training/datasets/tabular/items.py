"""Read the items of a user-defined data set: titles, years, and columns of lists, categories, texts, numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender import schema
from recommender.films.ids import IdMap
from recommender.items import Facet, Items
from training.datasets.cleaning import schemas
from training.datasets.cleaning.title_parsing import parse_title
from training.datasets.features.tag_matrix import Block, named_block, soft_bins, weigh_by_rarity
from training.datasets.quarantine import Quarantine
from training.datasets.tabular.records import Records, quoted, read_records
from training.datasets.tabular.source import SourceConfig
from training.datasets.tabular.values import IdColumn, number_sql, split_lists

_UNCHANGED_PLURALS = {"series", "species", "news"}
# Columns that every data set has, empty where it has no such thing.
UNREAD = "cells_that_hold_no_number"  # column of a count for each item, not of the files
_FILM_LISTS = (schema.GENRES, schema.DIRECTORS, schema.ACTORS)


def read_items(config: SourceConfig, quarantine: Quarantine) -> pd.DataFrame:
    """Read all files of items; rows without an id or with one that stood before go to `quarantine`.

    The index holds the ids as text; the columns are TITLE and YEAR, None where there is none, those described, and
    UNREAD: how many cells of number columns hold no number.
    """
    items = pd.DataFrame(columns=[schema.TITLE, schema.YEAR, *config.item_facts, UNREAD], dtype=object)
    for path in config.items:
        records = read_records(path, config.item_columns, config, quarantine)
        items = pd.concat([items, _read_file(records, set(items.index), config, quarantine)])
    return items[~items.index.duplicated(keep="last")]  # "7" and "7.0" are one id, if all are numbers


def movie_table(items: pd.DataFrame, ids: IdMap, config: SourceConfig) -> pd.DataFrame:
    """Return one row per item of `ids`, in row order, with the columns of every data set and those described.

    An item without a row or a title in the files is titled by its id.
    """
    raw = ids.raws(range(len(ids)))
    described = items.reindex(list(map(str, raw)))
    facts = {name: column.where(column.notna(), None).tolist() for name, column in described.items()}
    narrow = "int32" if not ids.is_text and ids.ids[-1] <= np.iinfo(np.int32).max else "int64"
    raw_column = pd.Series(raw, dtype="str" if ids.is_text else narrow)
    titles = [title or str(raw_id) for title, raw_id in zip(facts[schema.TITLE], raw, strict=True)]
    names, years = titles, facts[schema.YEAR]
    if config.year_in_title:
        parsed_titles = [parse_title(title) for title in titles]
        names = [parsed.title for parsed in parsed_titles]
        years = [year or parsed.year for year, parsed in zip(years, parsed_titles, strict=True)]
    columns = {
        schema.MOVIE: raw_column,
        schema.TITLE: pd.Series(names, dtype="str"),
        schema.ORIGINAL_TITLE: pd.Series(titles, dtype="str"),
        schema.ALTERNATIVE_TITLES: _lists([[] for _ in raw]),
        schema.YEAR: pd.Series(years, dtype="Int32"),
        **{name: _lists([[] for _ in raw]) for name in _FILM_LISTS},
        schema.DUPLICATE_OF: raw_column,
        schema.IMDB_ID: pd.Series([None] * len(raw), dtype="Int64"),
    }
    columns |= {name: _lists([values or [] for values in facts[name]]) for name in config.list}
    columns |= {name: pd.Series(facts[name], dtype="str") for name in config.category}
    columns |= {name: pd.Series([text or "" for text in facts[name]], dtype="str") for name in config.text}
    columns |= {name: pd.Series(facts[name], dtype="float64") for name in config.number}
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


def _read_file(records: Records, known_ids: set[str], config: SourceConfig, quarantine: Quarantine) -> pd.DataFrame:
    """Return the items of one file but those whose ids are `known`."""
    ids = IdColumn(records.texts(quoted(config.item_columns[0])))
    table = records.table(pd.DataFrame({schema.MOVIE: ids.codes, "row": np.arange(len(ids.codes))}))
    if records.path in config.interactions:  # which name an item in every row: the first describes it
        first = table.frame[~table.frame.duplicated(schema.MOVIE) & (table.frame[schema.MOVIE] >= 0)]
        clean = first.reset_index(drop=True)
    else:
        clean = schemas.split_bad(table, schemas.items_schema(), quarantine).frame
    rows = clean["row"].to_numpy()
    fresh = np.array([ids.texts[code] not in known_ids for code in clean[schema.MOVIE]], dtype=bool)
    quarantine.add_rows(table, rows[~fresh], ["item id stands twice"] * int((~fresh).sum()))
    rows = rows[fresh]
    columns: dict[str, list[Any]] = {
        schema.TITLE: _cells(records, config.title, rows),
        schema.YEAR: _years(records, config.year, rows),
    }
    columns |= {name: split_lists(_cells(records, name, rows), config.list_separator) for name in config.list}
    columns |= {name: _cells(records, name, rows) for name in (*config.category, *config.text)}
    unread = np.zeros(len(rows), dtype=np.int64)
    for name in config.number:
        numbers = records.numbers(number_sql(name, config.decimal))[rows]
        columns[name] = np.where(np.isfinite(numbers), numbers, np.nan).tolist()
        unread += ~np.isfinite(numbers) & np.array([bool(text) for text in _cells(records, name, rows)], dtype=bool)
    columns[UNREAD] = unread.tolist()
    return pd.DataFrame(columns, index=[ids.texts[code] for code in ids.codes[rows]], dtype=object)


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
