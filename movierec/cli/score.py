"""`movierec score`: judge lists or predicted ratings of any origin under every convention in use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from movierec.cli.common.inputs import Lengths
from movierec.cli.common.output import AsJson, show
from recommender.errors import UsageError


def score(
    test: Annotated[Path, typer.Option(help="Test part of the split.")],
    lists: Annotated[Path | None, typer.Option(help="Lists: `user item item ...`, or rows user,item[,score].")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Predicted ratings: rows user,item,predicted.")] = None,
    train: Annotated[
        Path | None, typer.Option(help="Training part: lists are judged with and without its items.")
    ] = None,
    valid: Annotated[Path | None, typer.Option(help="Validation part: as well without its items.")] = None,
    k: Lengths = None,
    like: Annotated[float | None, typer.Option(help="Least rating of a relevant test row. Default: all are.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge anybody's lists or predicted ratings under every convention in use, and name who uses which.

    Example: movierec score --lists lists.txt --train train.csv --test test.csv --k 10 20
    Predicted ratings: movierec score --predictions predictions.csv --test test.csv
    """
    from training.splits.protocol import list_lengths

    if lists is None and predictions is None:
        raise UsageError("Name what is to be judged: --lists FILE, --predictions FILE or both.")
    if valid and not train:
        raise UsageError("--valid is left out of lists together with the training part: give --train FILE.")
    if lists:
        _score_lists(lists, test, (train, valid), list_lengths(k or [10]), like, as_json=as_json)
    if predictions:
        _score_predictions(predictions, test, as_json=as_json)


def _score_lists(
    lists: Path,
    test: Path,
    seen: tuple[Path | None, Path | None],
    lengths: Sequence[int],
    like: float | None,
    *,
    as_json: bool,
) -> None:
    from training.evaluation.conventions import AS_GIVEN, MASKS, USERS, read_judged

    judged = read_judged(lists, test, *seen, like=like)
    rows: dict[tuple[int, str, str], dict[str, object]] = {}
    columns: dict[str, str] = {}
    for figure in judged.scores(lengths):
        rule = figure.convention
        if as_json:
            record = {"metric": rule.metric, "k": figure.k, "convention": rule.formula, "used_by": rule.used_by}
            record |= {"removed": figure.mask, "users": figure.users, "value": figure.value}
            typer.echo(json.dumps(record))
            continue
        column = figure.mask if figure.mask == AS_GIVEN else f"{figure.mask} items removed"
        column += f", users {figure.users}"
        columns[column] = f"{MASKS[figure.mask]}; users {figure.users}: {USERS[figure.users]}"
        head: dict[str, object] = {"metric": f"{rule.metric}@{figure.k}", "convention": rule.formula}
        row = rows.setdefault((figure.k, rule.metric, rule.formula), {**head, "used by": rule.used_by})
        row[chr(ord("A") + list(columns).index(column))] = f"{figure.value:.6f}"
    if as_json:
        return
    show([rows[key] for key in sorted(rows, key=lambda key: lengths.index(key[0]))])
    for letter, (column, used_by) in enumerate(columns.items(), ord("A")):
        typer.echo(f"{chr(letter)}: {column} ({used_by}).")
    typer.echo(
        f"{len(judged.lists):,} users; {judged.without_relevant:,} without a relevant test row; "
        f"{judged.without_list:,} with relevant rows and no list."
    )


def _score_predictions(predictions: Path, test: Path, *, as_json: bool) -> None:
    from training.evaluation.conventions import RATING_CONVENTIONS, read_predictions

    judged = read_predictions(predictions, test)
    rows = [
        {"metric": rule.metric, "convention": rule.formula, "used_by": rule.used_by}
        | {"value": rule.value(judged.errors, judged.users)}
        for rule in RATING_CONVENTIONS
    ]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    show([{**row, "value": f"{row['value']:.6f}"} for row in rows])
    users = int(judged.users.max()) + 1
    typer.echo(
        f"{len(judged.errors):,} test rows of {users:,} users; {judged.missing:,} without a prediction are left out."
    )
