"""Options that describe a data set of one's own: the keys of its YAML."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from recommender.errors import UsageError
from training.datasets.tabular.source import SourceConfig, build_source, read_source, source_path

_PANEL = "Data of your own: any tables"
_FILES = ("interactions", "items")
_OF_ANY_RATINGS = {"scale", "like"}  # which also say what the stars in MovieLens's files mean
_IN_YAML_ALONE = {"year_in_title", "labels", "block_weights", "header"}
_NOTES = {
    "interactions": "CSV, TSV, Parquet or JSON Lines",
    "weights": "as bought=5,viewed=1",
    "word": "as book:books",
    "decimal": ". or ,",
    "encoding": "utf-8, latin-1 or utf-16",
}
_KINDS: dict[Any, Any] = {tuple[Path, ...]: list[Path], tuple[str, ...]: list[str], float | None: float}  # others: str


def described_by_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each key of a description, instead of its `**keywords`, which get them."""
    signature = inspect.signature(command, eval_str=True)
    parameters = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    parameters += [_option(*key) for key in SourceConfig.model_fields.items() if key[0] not in _IN_YAML_ALONE]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


def _option(key: str, field: FieldInfo) -> inspect.Parameter:
    kind = _KINDS.get(field.annotation, str)
    meaning = str(field.description)
    notes = [
        meaning[:1].upper() + meaning[1:],
        _NOTES.get(key, ""),
        "repeatable" if kind in (list[Path], list[str]) else "",
    ]
    option = typer.Option(help="; ".join(filter(None, notes)) + ".", rich_help_panel=_PANEL, show_default=False)
    return inspect.Parameter(
        key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def source_config(name: str, raw: Path | None, source: Path | None, options: dict[str, Any]) -> SourceConfig | None:
    """Return the description of the data set `name` that `source` holds, changed by the `options` that were given.

    Without `source`, options change the description in data/sources, if there is one and they name no other files.
    Returns None where nothing but a scale was given. Raises UsageError and MissingInputError.
    """
    keys = {key: value for key, value in options.items() if value not in (None, [], ())}
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
            keys[key] = [path.expanduser().absolute() for path in keys[key]]
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
