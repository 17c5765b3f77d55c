"""Draft the description of a data set from its files: guessed columns, and comments on the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from recommender.errors import UsageError
from recommender.files import write_text
from training.datasets.tabular.guess import Column, LookedAt, look_at, name_items, word_number
from training.datasets.tabular.source import OPEN, source_path
from training.datasets.tabular.values import guess_time_formats

_WORDS = {"book": "book:books", "movie": "film:films", "film": "film:films", "product": "product:products",
          "sku": "product:products", "song": "song:songs", "track": "track:tracks", "game": "game:games",
          "article": "article:articles", "recipe": "recipe:recipes", "isbn": "book:books"}  # fmt: skip


def write_draft(name: str, files: Sequence[Path], out: Path | None = None) -> Path:
    """Look at `files` and write a commented description of them as `out` (default: data/sources/NAME.yaml).

    Raises UsageError where that file exists already.
    """
    path = out or source_path(name)
    if path.exists():
        raise UsageError(f"{path} exists already. Edit it, or name another file with --out.")
    write_text(path, draft(name, [look_at(file.absolute()) for file in files], path if out else None))
    return path


def draft(name: str, tables: Sequence[LookedAt], path: Path | None = None) -> str:
    """Return the text of a description; `path`: where it is, if not in data/sources.

    Where no table joins users and items, the longest may: columns that are not recognised are left to be filled in.
    """
    longest = max(tables, key=lambda table: table.columns[0].rows)
    interactions = [table for table in tables if table.is_interactions] or [longest]
    items = [table for table in tables if table not in interactions]
    item = interactions[0].roles.get("item")
    for table in items:
        name_items(table, item.name if item else "")
    command = f"movierec data prepare {name}" + (f" --source {path}" if path else "")
    lines = [
        _comment(f"What the data set {name} is made of: a first draft, guessed from the files. Correct it, then run"),
        _comment(command),
        "",
        *_interactions(interactions),
        "",
        *(_items(items, interactions[0]) if items else ["# items: FILE  # without items, an id is the item's title"]),
        *([_line("decimal", ",", "of numbers such as 7,5")] if any(table.decimal == "," for table in tables) else []),
    ]
    return "\n".join(lines) + "\n"


def _interactions(tables: list[LookedAt]) -> Iterator[str]:
    table, roles = tables[0], tables[0].roles
    yield "# One row for each rating or event."
    yield _line("interactions", [str(other.file.path) for other in tables])
    for role in ("user", "item"):
        if role in roles:
            yield _line(role, roles[role].name, roles[role].summary)
        else:
            yield _line(role, OPEN, f"was not recognised; one of {', '.join(table.file.types)}")
    yield from _feedback(table)
    if "time" in roles:
        yield _line("time", roles["time"].name, roles["time"].summary)
        yield from _time_format(table, roles["time"])
    else:
        yield "# time: COLUMN  # none was recognised; protocols that need times are left out without"
    yield from _form(table)
    yield from _also_seen(tables)


def _time_format(table: LookedAt, column: Column) -> Iterator[str]:
    """Yield the form of times that are not ISO; of several that fit, the others are named."""
    if not column.is_time:
        forms = guess_time_formats(column.examples)
    elif (read_as := table.file.time_format or "").startswith("%Y-%m-%d") or not read_as:
        return
    else:
        times = [parsed for text in column.examples if (parsed := _parsed(text)) is not None]
        texts = [parsed.strftime(read_as) for parsed in times]
        # 24.12.25: a year of two digits seldom comes first, where DuckDB looks for it; no form leads into the future.
        forms = sorted(
            {read_as: None, **dict.fromkeys(guess_time_formats(texts))},
            key=lambda form: (_has_future(texts, form), form.startswith("%y")),
        )
    if forms:
        yield _line("time_format", forms[0], f"{' or '.join(forms[1:])} would fit as well" if forms[1:] else "")


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # "infinity" is a date for DuckDB
        return None


def _has_future(texts: Sequence[str], form: str) -> bool:
    now = datetime.now(UTC)
    return any(datetime.strptime(text, form).replace(tzinfo=UTC) > now for text in texts)


def _feedback(table: LookedAt) -> Iterator[str]:
    roles = table.roles
    if "rating" in roles:
        yield _line("rating", roles["rating"].name, roles["rating"].summary + _bad_cells(roles["rating"]))
        if table.words:
            numbers = {word: word_number(word) for word in table.kinds}
            weights = {word: OPEN if number is None else number for word, number in numbers.items()}
            yield _line("weights", weights, f"the number of each word; edit {OPEN}: 1 is against and 5 for, say")
        yield "# scale: 1:5:1  # minimum, maximum and step; without it they are seen in the data"
        yield "# like: 4  # least rating that is a like; without it three quarters of the scale"
    elif "event" in roles:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in table.kinds.items())
        yield _line("event", roles["event"].name, f"rows: {kinds}")
        yield _line(
            "weights", dict.fromkeys(table.kinds, 1), "all count the same until you edit them; 0 leaves a kind out"
        )
    else:
        yield "# No column of ratings or kinds of events was recognised: each row is an event."
    if "weight" in roles:
        yield _line("weight", roles["weight"].name, f"how much an event counts: {roles['weight'].summary}")


def _bad_cells(ratings: Column) -> str:
    """Return a remark on the cells of a numeric column that are no numbers."""
    if ratings.is_number or not ratings.holds_numbers or ratings.kind == "BOOLEAN":
        return ""
    bad = dict.fromkeys(cell for cell in ratings.examples if not ratings.is_written_number(cell))
    return f"; no numbers, so their rows are rejected: {', '.join(list(bad)[:5])}" if bad else ""


def _items(tables: list[LookedAt], interactions: LookedAt) -> Iterator[str]:
    table, roles = tables[0], tables[0].roles
    kinds = {column.name: column.summary for column in table.columns}
    yield "# One row for each item."
    yield _line("items", [str(other.file.path) for other in tables])
    for role in ("item_id", "title", "year"):
        if role in roles:
            yield _line(role, roles[role].name, roles[role].summary)
        elif role == "title":
            columns = ", ".join(table.file.types)
            yield _line(role, OPEN, f"was not recognised; one of {columns}; without this line ids are the titles")
    if table.year_in_title:
        yield _line("year_in_title", True, "titles end in a year in brackets")
    if table.lists:
        seen = ", ".join(f"{name} by {separator!r}" for name, separator in table.lists.items() if separator)
        yield _line("list", list(table.lists), f"several values an item{f'; separated: {seen}' if seen else ''}")
    for key, names, meaning in (
        ("category", table.categories, "one value that items share"),
        ("text", table.texts, "sentences"),
        ("number", table.numbers, "near numbers count as alike"),
    ):
        if names:
            yield _line(key, names, f"{meaning}: {'; '.join(f'{name} {kinds[name]}' for name in names)}")
    item_columns = [interactions.roles["item"]] if "item" in interactions.roles else []
    words = [column.plain_name for column in (*item_columns, *roles.values())]
    word = next((value for mark, value in _WORDS.items() for text in words if mark in text), "item:items")
    yield _line("word", word, "for one item and for several")
    yield from _also_seen(tables)


def _form(table: LookedAt) -> Iterator[str]:
    if table.file.kind == "csv":
        yield f"# The separator of columns seems to be {table.file.separator!r}; `separator`, `decimal`, `encoding` and"
        yield "# `header` state what is guessed wrongly."


def _also_seen(tables: list[LookedAt]) -> Iterator[str]:
    for table in tables:
        if table.unused:
            yield _comment(f"Also in {table.file.path.name}, not used:")
            yield from (_comment(f"- {column.name}: {column.summary}") for column in table.unused)


def _line(key: str, value: Any, comment: str = "") -> str:
    return f"{key}: {_value(value)}" + (f"  {_comment(comment)}" if comment else "")


def _comment(text: str) -> str:
    """Return a one-line YAML comment; line breaks in the text are removed, so that it cannot add keys."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"# {' '.join(printable.split())}"


class _Dumper(yaml.SafeDumper):
    """Writes a text that has line breaks or other control characters with escapes."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, None if text.isprintable() else '"'),
)


def _value(value: Any) -> str:
    """Return a value in YAML's flow style, in one line."""
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
