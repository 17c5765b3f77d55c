"""`movierec recommend`: a list for one film or person, or lists for everybody in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from movierec.cli.common.output import AsJson, show, warn
from movierec.cli.common.progress import reporter
from recommender.errors import LookupFailedError, MissingInputError, UsageError

if TYPE_CHECKING:
    from movierec.model import Model
    from recommender.films.ids import RawId
    from webapp.histories.reading import HistoryLine

# Those of `training.bundling.lists`, which is not imported before the command runs.
Format = Literal["parquet", "csv", "ndjson"]
Subject = Literal["users", "items"]


def recommend(
    title: Annotated[str | None, typer.Option(help="Films like the film with this title or id.")] = None,
    user: Annotated[str | None, typer.Option(help="Films for this user of the training data.")] = None,
    ratings: Annotated[
        Path | None,
        typer.Option(
            help="Films for a person by a CSV file of titles or ids, and ratings, or a Letterboxd or IMDb export."
        ),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Lists for everybody, to the file --out.")] = False,
    of: Annotated[Subject | None, typer.Option(help="With --all: whom the lists are for (users).")] = None,
    out: Annotated[Path | None, typer.Option(help="With --all: the file. A run that was stopped goes on.")] = None,
    form: Annotated[Format | None, typer.Option("--format", help="With --all: format of the file (parquet).")] = None,
    n: Annotated[int, typer.Option(help="Length of a list.", min=1, max=100)] = 10,
    fuzzy: Annotated[bool, typer.Option("--fuzzy", help="Take the closest title where none is the same.")] = False,
    model: Annotated[
        str, typer.Option(help="A version's number, an alias, or the directory of a bundle.")
    ] = "champion",
    as_json: AsJson = False,
) -> None:
    """Print films like a film or for a person, or write lists for everybody to a file.

    Example: movierec recommend --all --n 20 --format csv --out lists.csv
    """
    if sum([title is not None, user is not None, ratings is not None, everybody]) != 1:
        raise UsageError("Expected exactly one of --title, --user, --ratings and --all.")
    if everybody != (out is not None):
        raise UsageError("--all and --out FILE belong together.")
    of_all, of_one = {"--of": of, "--format": form}, {"--json": as_json, "--fuzzy": fuzzy}
    _refuse(*("is for one list", of_one) if everybody else ("belongs to --all", of_all))
    from movierec.versions import open as open_model

    opened = open_model(model)
    if out is not None:
        with reporter() as report:
            opened.recommend_all(out, n=n, of=of or "users", format=form or "parquet", progress=report)
        return
    if title is not None:
        frame = opened.similar(_raw_id(title), n, fuzzy=fuzzy)
    elif user is not None:
        frame = opened.recommend(_raw_id(user), n=n)
    else:
        assert ratings is not None
        frame = opened.recommend(ratings=_read_ratings(opened, ratings, fuzzy), n=n)
    records: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    if as_json:
        for record in records:
            typer.echo(json.dumps(record))
    else:
        show(records, "nothing to recommend")


def _refuse(why: str, options: Mapping[str, object]) -> None:
    """Raise UsageError for an option that would change nothing."""
    for name, value in options.items():
        if value:
            raise UsageError(f"{name} {why}; leave it out.")


def _raw_id(text: str) -> RawId:
    """Return a number for the text of an integer id. A title of digits must be given with its year."""
    from recommender.films.ids import is_integer_id

    return int(text) if is_integer_id(text) else text


def _read_ratings(model: Model, path: Path, fuzzy: bool) -> dict[RawId, float]:
    """Return the ratings of a file by id; unknown titles are named on stderr.

    Two columns are a title or id, and a rating on the data set's scale; more are those of an export, if of any.
    """
    from webapp.histories.reading import HistoryError, UnknownTableError, decode, read_history

    if not path.is_file():
        raise MissingInputError(f"There is no file {path}. Expected rows of title or id, rating, or an export.")
    content = path.read_bytes()
    text = None if content.startswith(b"PK") else decode(content)  # else an archive
    try:
        if text is not None and _has_pairs(text):
            return _read_pairs(model, path, text, fuzzy)
        return _exported(model, path, read_history(path.name, content), fuzzy)
    except UnknownTableError:
        if text is None:
            raise UsageError(f"{path} holds no table of an export.") from None
        return _read_pairs(model, path, text, fuzzy)
    except HistoryError as error:
        raise UsageError(f"{path}: {error}") from error


def _has_pairs(text: str) -> bool:
    """Return whether a table has two columns, or begins with an id and a rating on the data set's own scale."""
    head = text.partition("\n")[0].strip().lower()
    cells = head.split(",")
    return (len(cells) <= 2 and not set(";\t") & set(head)) or cells[1:2] == ["rating"]


def _exported(model: Model, path: Path, history: Sequence[HistoryLine], fuzzy: bool) -> dict[RawId, float]:
    """Return the ratings of an export by id, from stars to the data set's scale."""
    import numpy as np

    feedback = model.manifest.feedback
    if not feedback.has_ratings:
        raise UsageError(f"{path} holds ratings, but the model's data set has events alone.")
    ratings: dict[RawId, float] = {}
    for line in history:
        if line.stars is None:
            continue
        names = (
            [line.movie_id]
            if line.movie_id
            else [f"{title} ({line.year})" if line.year else title for title in line.titles]
        )
        if (item := _first_found(model, path, names, fuzzy)) is not None:
            ratings[item] = float(feedback.ratings(np.array(line.stars)))
    return ratings


def _first_found(model: Model, where: object, names: Sequence[str], fuzzy: bool) -> RawId | None:
    """Return the id of the first of these titles or ids that is one item's; None, said on stderr, where none is."""
    problem: object = "It names no title or id."
    for name in names:
        try:
            return model.find(_raw_id(name), fuzzy=fuzzy)
        except LookupFailedError as error:
            problem = error
    warn(f"{where}: {names[0] if names else 'a row'} is left out: {problem}")
    return None


def _read_pairs(model: Model, path: Path, text: str, fuzzy: bool) -> dict[RawId, float]:
    """Return the ratings of a CSV file by id, the first two columns of each row. Raises HistoryError."""
    from webapp.histories.reading import read_cells

    ratings: dict[RawId, float] = {}
    rows = read_cells(text, ",")
    for number, row in enumerate(rows, 1):
        if not row:
            continue
        try:
            name, rating = row[0].strip(), float(row[1])
        except (IndexError, ValueError):
            if number == 1 and _is_header(model, row, is_alone=not any(rows[1:])):
                continue
            raise UsageError(
                f"{path}, row {number}: expected title or id, and a rating in the second column; "
                f"found {shorten(repr(row), 100)}."
            ) from None
        if (item := _first_found(model, f"{path}, row {number}", [name], fuzzy)) is not None:
            ratings[item] = rating
    return ratings


def _is_header(model: Model, row: Sequence[str], *, is_alone: bool) -> bool:
    """Return whether a first row without a rating names columns: it says "rating", or its two cells name no item."""
    if len(row) > 1 and "rating" in row[1].lower():
        return True
    if len(row) != 2 or is_alone:
        return False
    try:
        model.find(_raw_id(row[0].strip()))
    except LookupFailedError:
        return True
    return False
