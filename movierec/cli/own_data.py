"""Options that describe a data set of one's own: keys of its YAML, which documents them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.errors import UsageError

if TYPE_CHECKING:
    from training.datasets.tabular.source import SourceConfig

_PANEL = "Data of your own: any tables"
_FILES = ("interactions", "items")
_OF_ANY_RATINGS = {"scale", "like"}  # which also say what the stars in MovieLens's files mean


def _option(*names: str, help: str) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=_PANEL, show_default=False)


Source = Annotated[
    Path | None, _option("--source", help="Description of the files; default: data/sources/NAME.yaml, if it is there.")
]
Interactions = Annotated[
    list[Path] | None,
    _option("--interactions", help="CSV, TSV, Parquet or JSON Lines with a row for each rating or event; repeatable."),
]
User = Annotated[str | None, _option("--user", help="Column of the user's id.")]
Item = Annotated[str | None, _option("--item", help="Column of the item's id.")]
Rating = Annotated[str | None, _option("--rating", help="Column of ratings.")]
Event = Annotated[str | None, _option("--event", help="Column of kinds of events.")]
Weight = Annotated[str | None, _option("--weight", help="Column of how much an event counts.")]
Weights = Annotated[
    str | None, _option("--weights", help="What words in --event or --rating count, as bought=5,viewed=1.")
]
Time = Annotated[str | None, _option("--time", help="Column of times: epoch seconds or milliseconds, or ISO.")]
TimeFormat = Annotated[str | None, _option("--time-format", help="Of times in another form, as %d.%m.%Y.")]
Scale = Annotated[str | None, _option("--scale", help="MINIMUM:MAXIMUM[:STEP] of ratings; default: seen in the data.")]
Like = Annotated[float | None, _option("--like", help="Least rating that is a like; default: 3/4 of the scale.")]
Items = Annotated[list[Path] | None, _option("--items", help="File with a row for each item; repeatable.")]
ItemId = Annotated[str | None, _option("--item-id", help="Column of the item's id in --items; default: as in --item.")]
Title = Annotated[str | None, _option("--title", help="Column of titles.")]
Year = Annotated[str | None, _option("--year", help="Column of years or dates.")]
Lists = Annotated[list[str] | None, _option("--list", help="Column of several values, as authors; repeatable.")]
Category = Annotated[list[str] | None, _option("--category", help="Column of one shared value; repeatable.")]
Text = Annotated[list[str] | None, _option("--text", help="Column of sentences; repeatable.")]
Number = Annotated[list[str] | None, _option("--number", help="Column of numbers; repeatable.")]
ListSeparator = Annotated[str | None, _option("--list-separator", help="Between values of a list; default: guessed.")]
Word = Annotated[str | None, _option("--word", help="Word for one item and for several, as book:books.")]
Separator = Annotated[str | None, _option("--separator", help="Between columns of text files; default: guessed.")]
Decimal = Annotated[str | None, _option("--decimal", help="Decimal mark of text files: . or ,")]
Encoding = Annotated[str | None, _option("--encoding", help="Of text files: utf-8, latin-1 or utf-16.")]


def source_config(name: str, raw: Path | None, source: Path | None, options: dict[str, Any]) -> SourceConfig | None:
    """Return the description of the data set `name` that `source` holds, changed by the `options` that are its keys.

    Without `source`, options change the description in data/sources, if there is one and they name no other files.
    Returns None where nothing but a scale was given. Raises UsageError and MissingInputError.
    """
    from training.datasets.tabular.source import SourceConfig, build_source, read_source, source_path

    keys = {
        key: value for key, value in options.items() if key in SourceConfig.model_fields and value not in (None, [], ())
    }
    if raw is not None:
        if source or not keys.keys() <= _OF_ANY_RATINGS:
            raise UsageError(
                "Expected either --raw or a description of tables (--source, --interactions ...), found both."
            )
        return None
    if source is None and "interactions" not in keys and keys and source_path(name).is_file():
        source = source_path(name)
    for key in _FILES:
        if key in keys:
            keys[key] = [Path(path).expanduser().absolute() for path in keys[key]]
    if "weights" in keys:
        keys["weights"] = _weights(keys["weights"])
    if source is None and keys.keys() <= _OF_ANY_RATINGS:
        return None
    stated = read_source(source.expanduser().absolute()) if source else {}
    return build_source(stated | keys, str(source or "the options"))


def _weights(text: str) -> dict[str, float]:
    try:
        pairs = (pair.rsplit("=", 1) for pair in text.split(","))
        return {word.strip(): float(number) for word, number in pairs}
    except ValueError:
        raise UsageError(f"Expected weights as WORD=NUMBER,WORD=NUMBER, found {text!r}.") from None
