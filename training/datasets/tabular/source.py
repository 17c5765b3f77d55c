"""Description of a user-defined data set: files, and roles of their columns (data/sources/NAME.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from recommender import home
from recommender.errors import MissingInputError, UsageError
from recommender.schema import ALTERNATIVE_TITLES, DUPLICATE_OF, IMDB_ID, MOVIE, ORIGINAL_TITLE, TITLE, YEAR
from training.config import Config, build_config, read_mapping
from training.datasets.names import check_name

# Columns and blocks that every data set has.
RESERVED = {
    *("era", "people", "user_tags", "genome", "own_column"),
    *(MOVIE, TITLE, ORIGINAL_TITLE, ALTERNATIVE_TITLES, YEAR, DUPLICATE_OF, IMDB_ID),
}
OPEN = "?"  # of a draft: a value to be filled in
_PATH_KEYS = ("interactions", "items")


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str | Path) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(_as_tuple)]


class SourceConfig(Config):
    """What the files of a data set hold; most keys are options of `movierec data prepare` as well."""

    interactions: Paths = Field(min_length=1, description="files with one row for each rating or event")
    user: str = Field(description="column of the user's id")
    item: str = Field(description="column of the item's id")
    rating: str | None = Field(None, description="column of ratings on a scale")
    event: str | None = Field(None, description="column of kinds of events; `weights` says what each counts")
    weight: str | None = Field(None, description="column of numbers that say how much an event counts")
    weights: dict[str, float] = Field({}, description="number for each word in the column `event` or `rating`")
    time: str | None = Field(None, description="column of times: epoch seconds or milliseconds, ISO, or `time_format`")
    time_format: str | None = Field(None, description="of times in another form than ISO, for example %d.%m.%Y %H:%M")
    scale: str | None = Field(None, description="MINIMUM:MAXIMUM or MINIMUM:MAXIMUM:STEP; default: seen in the data")
    like: float | None = Field(None, description="least rating or weight that is a like; default: 3/4 of the scale")

    items: Paths = Field((), description="files with one row for each item; without them an id is the item's title")
    item_id: str | None = Field(None, description="column of the item's id in them; default: that of `item`")
    title: str | None = Field(None, description="column of titles; default: the id")
    year: str | None = Field(None, description="column of years, or of dates that hold a year")
    year_in_title: bool = Field(False, description="titles end in a year, as in MovieLens: `Heat (1995)`")
    list: Names = Field((), description="columns of several values an item, such as authors")
    category: Names = Field((), description="columns of one value that items share, such as the publisher")
    text: Names = Field((), description="columns of sentences, such as a description")
    number: Names = Field((), description="columns of numbers, such as pages")
    list_separator: str | None = Field(None, description="between the values of a list; default: guessed")
    word: str = Field("item:items", description="word for one item and for several")
    labels: dict[str, str] = Field({}, description="word for one value of a column; default: made of its name")
    block_weights: dict[str, float] = Field({}, description="weight of a column in the likeness of two items")

    separator: str | None = Field(None, description="between the columns of a text file; default: guessed")
    decimal: Literal[".", ","] = Field(".", description="decimal mark of the numbers in text files")
    encoding: Literal["utf-8", "latin-1", "utf-16"] | None = Field(None, description="of text files; default: guessed")
    header: bool | None = Field(None, description="whether text files begin with the columns' names; default: guessed")

    @model_validator(mode="after")
    def _has_one_meaning(self) -> Self:
        if self.rating and (self.event or self.weight):
            raise ValueError("expected either a column of ratings or columns of events (event, weight), found both")
        if self.weights and not (self.event or self.rating):
            raise ValueError("expected weights only for words in a column of events or ratings, found neither column")
        if self.event and not self.weights:
            raise ValueError(f"expected weights for the kinds of events in the column {self.event}, found none")
        if self.scale and not self.rating:
            raise ValueError("expected a column of ratings for a scale, found none")
        if not self.rating and min(self.weights.values(), default=1) < 0:
            raise ValueError("expected weights of 0 or more; words that may be negative are a rating, not an event")
        return self

    @model_validator(mode="after")
    def _names_columns_once(self) -> Self:
        columns = self.item_facts
        if reserved := sorted(RESERVED.intersection(columns)):
            raise ValueError(f"expected other names of list, category, text and number columns than {reserved}")
        if repeated := sorted({name for name in columns if columns.count(name) > 1}):
            raise ValueError(f"expected a column under one of list, category, text and number, found {repeated} twice")
        if unknown := sorted({*self.labels, *self.block_weights}.difference(columns)):
            raise ValueError(f"expected labels and block_weights of columns named above, found {unknown}")
        if (self.title or columns) and not self.items:
            raise ValueError("expected files of items for the title and other columns, found none")
        return self

    def files(self) -> tuple[Path, ...]:
        """Return all files to read, each once. Raises MissingInputError if one is missing."""
        files = tuple(dict.fromkeys((*self.interactions, *self.items)))
        if missing := [str(path) for path in files if not path.is_file()]:
            raise MissingInputError(f"Expected a file at {', '.join(missing)}; there is none. Name the right one.")
        return files

    @property
    def item_columns(self) -> tuple[str, ...]:
        """Return the columns to read of the files of items, the id first."""
        optional = (name for name in (self.title, self.year) if name)
        return (self.item_id or self.item, *optional, *self.item_facts)

    @property
    def item_facts(self) -> tuple[str, ...]:
        """Return the columns that describe an item beside its title and year."""
        return (*self.list, *self.category, *self.text, *self.number)

    @property
    def words(self) -> tuple[str, str]:
        """Return the word for one item and for several."""
        singular, _, plural = self.word.partition(":")
        return singular, plural or f"{singular}s"

    @property
    def identity(self) -> str:
        """Return everything but where the files are, as text: part of a data set's fingerprint."""
        return self.model_dump_json(exclude={"interactions", "items"})


def source_path(name: str) -> Path:
    """Return where the description of the data set `name` belongs: data/sources/NAME.yaml."""
    return home.sources() / f"{check_name(name)}.yaml"


def find_source(name: str) -> SourceConfig | None:
    """Return the description of the data set `name` in data/sources, or None. Raises UsageError if it is wrong."""
    path = source_path(name)
    return build_source(read_source(path), str(path)) if path.is_file() else None


def read_source(path: Path) -> dict[str, Any]:
    """Return the keys of a description; relative paths in it start from its own directory."""
    keys = read_mapping(path)
    for key in _PATH_KEYS:
        names = _as_tuple(keys.get(key, ()))
        if isinstance(names, list | tuple) and names:
            keys[key] = [path.parent / Path(str(name)).expanduser() for name in names]
    return keys


def build_source(keys: Mapping[str, Any], origin: str) -> SourceConfig:
    """Validate the keys of a description. Raises UsageError, which names `origin` and what is missing or wrong."""
    missing = [key for key in ("interactions", "user", "item") if not keys.get(key)]
    if missing:
        raise UsageError(
            f"{origin}: expected also {', '.join(missing)}. `movierec data draft NAME FILES...` writes a description "
            "of your files to start from."
        )
    weights = keys.get("weights")
    if isinstance(weights, Mapping) and (open_words := [word for word, number in weights.items() if number == OPEN]):
        raise UsageError(
            f"{origin}: expected a number for each word under weights, found {OPEN!r} for {', '.join(open_words)}. "
            "Edit weights, for example {bad: 1, good: 5}."
        )
    return build_config(keys, SourceConfig, origin)
