"""Guess the roles of columns (user, item, rating ...) from names, types and values as read by DuckDB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb

from recommender.errors import DataError
from training.datasets.tabular.records import File, connect, open_file, quoted
from training.datasets.tabular.source import RESERVED
from training.datasets.tabular.values import guess_list_separator

_SAMPLE = 2000  # rows whose values are looked at
_MOST_KINDS = 20  # of events
_LIST_SHARE = 0.2  # of the cells that hold a separator, for a column to be one of lists
_WORDS, _WORDS_OF_PART = 8, 4  # least number in an average cell of sentences, and in what its separator leaves
_REPEATED = 0.5  # least share of rows whose value repeats another's, for a category
_NUMBER_TYPES = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL",
)  # fmt: skip
# A word that begins with a number, as "+1", "20%", "4/5" and "3 stars", or is one of signs, as "★★★☆☆".
_NUMBER_WORD = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*(?:%|/\s*\d+|[^\W\d_]+)?")
_SIGNS_WORD = re.compile(r"([★⭐*]+)\ufe0f?☆*")
_MOSTLY = 0.9  # least share of cells written as numbers with a decimal comma
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,(?!\d{3}$)\d+")  # three digits: thousands
_YEAR_IN_TITLE = re.compile(r"\((?:18|19|20)\d\d\)\s*$")

# Names of columns without case and signs, the likeliest first.
_NAMES = {
    "user": "user userid uid users customer customerid client clientid member memberid visitor visitorid reader "
    "readerid account accountid buyer person personid viewer listener profile reviewerid username who",
    "item": "item itemid iid items product productid sku movie movieid film filmid book bookid isbn isbn13 asin "
    "article articleid track trackid song songid artist artistid game gameid recipe recipeid video "
    "videoid business businessid anime animeid place placeid show id",
    "rating": "rating ratings stars star score bookrating grade mark thumb thumbs vote votes overall opinion "
    "liked like value",
    "event": "event eventtype action actiontype behavior behaviour interaction interactiontype kind type",
    "weight": "weight quantity qty count amount plays playcount listens views hours",
    "time": "time timestamp ts date datetime createdat created ratedat eventtime when at boughtat purchasedat viewedat "
    "orderdate purchasedate day year",
    "title": "title itemtitle name itemname productname product booktitle movietitle moviename label",
    "year": "year releaseyear yearofpublication publicationyear published released releasedate publicationdate "
    "publishedyear originalpublicationyear",
}
ROLES = {role: words.split() for role, words in _NAMES.items()}


@dataclass(frozen=True)
class Column:
    """Profile of a column: `kind` is DuckDB's type, `distinct` the estimated number of values in the whole file."""

    name: str
    kind: str
    distinct: int
    rows: int
    missing: float  # share of rows, 0 to 1
    examples: tuple[str, ...]  # values of a sample
    least: str = ""
    most: str = ""

    @property
    def plain_name(self) -> str:
        """Return the name in lower case without signs; RecBole's "user_id:token" is "userid"."""
        return re.sub(r"[\W_]", "", self.name.split(":")[0].lower())

    @property
    def is_number(self) -> bool:
        """Return whether the values are numbers, for DuckDB or with a decimal comma."""
        return self.kind.startswith(_NUMBER_TYPES) or (self.decimal == "," and self.number_share >= _MOSTLY)

    @cached_property
    def decimal(self) -> str:
        """Return the decimal mark: a comma where cells have one."""
        return "," if any(_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in self.examples) else "."

    @cached_property
    def number_share(self) -> float:
        """Return the share of cells that are numbers with the decimal mark, 0 to 1."""
        return sum(map(self.is_written_number, self.examples)) / max(len(self.examples), 1)

    def is_written_number(self, cell: str) -> bool:
        """Return whether a cell is a number with the decimal mark of this column."""
        return re.fullmatch(rf"\s*[+-]?\d+(?:[{self.decimal}]\d+)?\s*", cell) is not None

    @property
    def holds_numbers(self) -> bool:
        """Return whether most values are numbers or truth values."""
        return self.is_number or self.kind == "BOOLEAN" or self.number_share > 0.5

    @property
    def is_time(self) -> bool:
        """Return whether the values are dates or times."""
        return self.kind.startswith(("DATE", "TIMESTAMP"))

    @property
    def summary(self) -> str:
        """Return type, number of values and their range in a line."""
        text = f"{self.kind.lower()}, about {self.distinct:,} values"
        if self.missing:
            text += f", {self.missing:.0%} missing"
        return f"{text}, {_short(self.least)} to {_short(self.most)}" if self.least else text


@dataclass
class LookedAt:
    """A file, its columns, and the roles that they seem to have."""

    file: File
    columns: list[Column]
    roles: dict[str, Column] = field(default_factory=dict)  # a key of the description -> its column
    lists: dict[str, str | None] = field(default_factory=dict)  # column -> separator seen
    categories: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)  # of events, or words of ratings -> rows
    year_in_title: bool = False

    @property
    def is_interactions(self) -> bool:
        """Return whether a row joins a user and an item."""
        return "user" in self.roles and "item" in self.roles

    @property
    def words(self) -> Column | None:
        """Return the column of kinds of events or of ratings in words, if there is one."""
        rating = self.roles.get("rating")
        return self.roles.get("event") if rating is None or rating.holds_numbers else rating

    @property
    def decimal(self) -> str:
        """Return the decimal mark of the numbers."""
        return "," if any(column.holds_numbers and column.decimal == "," for column in self.columns) else "."

    @property
    def unused(self) -> list[Column]:
        """Return the columns that have no role."""
        used = {column.name for column in self.roles.values()}
        used |= {*self.lists, *self.categories, *self.texts, *self.numbers}
        return [column for column in self.columns if column.name not in used]


def word_number(word: str) -> float | None:
    """Return the number in a rating written as a word: 4 of "4/5", 3 of "★★★"; None if there is none."""
    if (signs := _SIGNS_WORD.fullmatch(word.strip())) is not None:
        return len(signs[1])
    number = _NUMBER_WORD.fullmatch(word.strip())
    return float(number[1].replace(",", ".")) if number else None


def look_at(path: Path) -> LookedAt:
    """Look at a file and guess the roles of its columns. Raises MissingInputError or DataError."""
    connection = connect()
    file = open_file(connection, path)
    looked_at = LookedAt(file, _columns(connection, file))
    if not any(column.examples for column in looked_at.columns):
        raise DataError(f"Expected rows with values in {path}; it has no rows.")
    _name_interactions(looked_at)
    if (words := looked_at.words) is not None:
        name = quoted(words.name)
        counts = f"SELECT trim({name}::VARCHAR), count(*) FROM {file.relation} WHERE {name} IS NOT NULL GROUP BY 1"
        looked_at.kinds = dict(connection.execute(f"{counts} ORDER BY 2 DESC, 1").fetchall())
    return looked_at


def _columns(connection: duckdb.DuckDBPyConnection, file: File) -> list[Column]:
    summary = connection.execute(
        "SELECT column_name, column_type, min, max, approx_unique, count, null_percentage FROM "
        f"(SUMMARIZE SELECT * FROM {file.relation})"
    ).fetchall()
    sample = connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {file.relation} LIMIT {_SAMPLE}").fetchall()
    return [
        Column(
            name,
            kind,
            distinct or 0,
            rows,
            missing=float(missing or 0) / 100,
            examples=tuple(filter(None, values)),
            least=least or "",
            most=most or "",
        )
        for (name, kind, least, most, distinct, rows, missing), values in zip(
            summary, zip(*sample, strict=True) if sample else [()] * len(summary), strict=True
        )
    ]


def _name_interactions(looked_at: LookedAt) -> None:
    """Guess the columns of user, item, rating or event, weight and time."""
    roles, free = looked_at.roles, list(looked_at.columns)
    for role in ("user", "item", "rating", "event", "weight", "time"):
        fitting = [column for column in free if _fits(role, column)]
        if (column := _best(role, fitting)) is not None:
            roles[role] = column
            free.remove(column)
    if "time" not in roles and (times := [column for column in free if column.is_time]):
        roles["time"] = times[0]
    if "item" not in roles and (ids := [column for column in free if column.plain_name.endswith("id")]):
        roles["item"] = ids[0]
    if "rating" in roles:
        roles.pop("event", None)
        roles.pop("weight", None)


def _fits(role: str, column: Column) -> bool:
    """Return whether a column's type and values suit a role that its name suggests."""
    if role == "event":
        return not column.is_number and not column.is_time and column.distinct <= _MOST_KINDS
    if role in ("rating", "weight"):
        worded = column.distinct <= _MOST_KINDS or None not in map(word_number, column.examples)
        return column.holds_numbers or (role == "rating" and worded)
    if role == "time":
        return column.plain_name not in ("year", "day") or column.is_time
    return not column.is_time


def name_items(looked_at: LookedAt, item: str) -> None:
    """Guess the columns of id, title and year, and which others describe an item in which way.

    `item`: name of the column of items in the interactions.
    """
    looked_at.roles.clear()
    unique = [column for column in looked_at.columns if column.distinct >= 0.9 * column.rows * (1 - column.missing)]
    same = [column for column in unique if column.name == item]
    identity = next(iter(same), None) or _best("item", unique) or next(iter(unique), None)
    if identity is None:
        return
    looked_at.roles["item_id"] = identity
    remaining = [column for column in looked_at.columns if column is not identity]
    for role in ("title", "year"):
        if (column := _best(role, remaining)) is not None:
            looked_at.roles[role] = column
            remaining.remove(column)
    title = looked_at.roles.get("title")
    if title and "year" not in looked_at.roles and title.examples:
        dated = sum(_YEAR_IN_TITLE.search(text) is not None for text in title.examples)
        looked_at.year_in_title = dated > 0.5 * len(title.examples)
    for column in remaining:
        _describe(looked_at, column)


def _describe(looked_at: LookedAt, column: Column) -> None:
    """Guess whether a column of an item holds lists, numbers, sentences or a category; otherwise it stays unused."""
    cells = column.examples
    separator = guess_list_separator(cells)
    separated = sum(separator is not None and separator in cell for cell in cells)
    is_identity = column.plain_name.endswith(("id", "isbn", "url")) or column.name in RESERVED
    if not cells or is_identity or column.is_time or column.kind.startswith(("STRUCT", "MAP")):
        return
    if column.kind.endswith("]") or all(cell.startswith("[") for cell in cells):
        looked_at.lists[column.name] = None
    elif column.is_number:
        looked_at.numbers.append(column.name)
    elif _holds_sentences(cells, separator):
        looked_at.texts.append(column.name)
    elif separated >= _LIST_SHARE * len(cells):
        looked_at.lists[column.name] = separator
    elif column.distinct <= (1 - _REPEATED) * column.rows:
        looked_at.categories.append(column.name)


def _holds_sentences(cells: Sequence[str], separator: str | None) -> bool:
    """Return whether cells have many words, and not few between any two separators, as lists have."""
    words = sum(len(cell.split()) for cell in cells)
    parts = sum(cell.count(separator) + 1 for cell in cells) if separator else len(cells)
    return words >= _WORDS * len(cells) and words >= _WORDS_OF_PART * parts


def _best(role: str, columns: Sequence[Column]) -> Column | None:
    """Return the column whose name fits a role best: the whole name, else a name that ends in one of the role's."""
    names = ROLES[role]
    for ending in ("$", "(number|nr|no|num|code|key|hash)$"):  # "customernumber" is "customer"
        plain = [(re.sub(ending, "", column.plain_name), column) for column in columns]
        if exact := [(names.index(name), place) for place, (name, _) in enumerate(plain) if name in names]:
            return columns[min(exact)[1]]
    longer = [column for column in columns if any(len(n) > 3 and column.plain_name.endswith(n) for n in names)]
    return longer[0] if longer else None


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
