"""`movierec recommend`: a list for one film or person, or lists for everybody in a file."""

from __future__ import annotations

import csv
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movierec.cli.inputs import warn
from movierec.cli.progress import reporter
from movierec.cli.tables import show
from recommender.errors import LookupFailedError, MissingInputError, UsageError

if TYPE_CHECKING:
    from movierec.model import Model
    from recommender.films.ids import RawId


class ListFormat(StrEnum):
    """Formats of lists for everybody."""

    parquet = "parquet"
    csv = "csv"
    ndjson = "ndjson"


class ListSubject(StrEnum):
    """Whom lists for everybody are for."""

    users = "users"
    items = "items"


def recommend(
    title: Annotated[str | None, typer.Option(help="Films like the film with this title or id.")] = None,
    user: Annotated[str | None, typer.Option(help="Films for this user of the training data.")] = None,
    ratings: Annotated[
        Path | None, typer.Option(help="Films for a person by a CSV file of titles or ids, and ratings.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Lists for everybody, to the file --out.")] = False,
    of: Annotated[ListSubject, typer.Option(help="With --all: whom the lists are for.")] = ListSubject.users,
    out: Annotated[Path | None, typer.Option(help="With --all: the file. A run that was stopped goes on.")] = None,
    form: Annotated[ListFormat, typer.Option("--format", help="With --all: format of the file.")] = ListFormat.parquet,
    n: Annotated[int, typer.Option(help="Length of a list.", min=1, max=100)] = 10,
    fuzzy: Annotated[bool, typer.Option("--fuzzy", help="Take the closest title where none is the same.")] = False,
    model: Annotated[
        str, typer.Option(help="A version's number, an alias, or the directory of a bundle.")
    ] = "champion",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line instead of a table.")] = False,
) -> None:
    """Print films like a film or for a person, or write lists for everybody to a file.

    Example: movierec recommend --all --n 20 --format csv --out lists.csv
    """
    if sum([title is not None, user is not None, ratings is not None, everybody]) != 1:
        raise UsageError("Expected exactly one of --title, --user, --ratings and --all.")
    if everybody != (out is not None):
        raise UsageError("--all and --out FILE belong together.")
    from movierec.versions import open as open_model

    opened = open_model(model)
    if out is not None:
        with reporter() as report:
            opened.recommend_all(out, n=n, of=of.value, format=form.value, progress=report)
        return
    if title is not None:
        frame = opened.similar(_raw_id(title), n, fuzzy=fuzzy)
    elif user is not None:
        frame = opened.recommend(_raw_id(user), n=n)
    else:
        assert ratings is not None
        frame = opened.recommend(ratings=_read_ratings(opened, ratings, fuzzy), n=n)
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    if as_json:
        for record in records:
            typer.echo(json.dumps(record))
        return
    show([{str(name): value for name, value in record.items()} for record in records], "nothing to recommend")


def _raw_id(text: str) -> RawId:
    """Return a number for the text of an integer id. A title of digits must be given with its year."""
    from recommender.films.ids import is_integer_id

    return int(text) if is_integer_id(text) else text


def _read_ratings(model: Model, path: Path, fuzzy: bool) -> dict[RawId, float]:
    """Return the ratings of a CSV file by id, the first two columns of each row; unknown titles are named on stderr."""
    if not path.is_file():
        raise MissingInputError(f"There is no file {path}. Expected rows of title or id, rating.")
    ratings: dict[RawId, float] = {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            if not row:
                continue
            try:
                name, rating = row[0].strip(), float(row[1])
            except (IndexError, ValueError):
                if number == 1 and len(row) > 1 and (len(row) == 2 or "rating" in row[1].lower()):
                    continue  # names of columns
                raise UsageError(
                    f"{path}, row {number}: expected title or id, and a rating in the second column; found {row!r}."
                ) from None
            try:
                ratings[model.find(_raw_id(name), fuzzy=fuzzy)] = rating
            except LookupFailedError as error:
                warn(f"{path}, row {number} is left out: {error}")
    return ratings
