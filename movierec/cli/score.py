"""`movierec score`: judge ranked lists of any origin under every convention in use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from movierec.cli.tables import show
from recommender.errors import UsageError


def score(
    lists: Annotated[Path, typer.Option(help="Lists: `user item item ...`, or rows user,item[,score].")],
    test: Annotated[Path, typer.Option(help="Test part of the split.")],
    train: Annotated[
        Path | None, typer.Option(help="Training part: lists are judged with and without its items.")
    ] = None,
    k: Annotated[list[int] | None, typer.Option(help="List length; repeatable. Default: 10.")] = None,
    like: Annotated[float | None, typer.Option(help="Least rating of a relevant test row. Default: all are.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Judge anybody's ranked lists under every convention in use, and name who uses which.

    Example: movierec score --lists lists.txt --train train.csv --test test.csv --k 10
    """
    from training.evaluation.conventions import read_judged

    lengths = k or [10]
    if min(lengths) < 1:
        raise UsageError(f"Expected list lengths of 1 or more, found {min(lengths)}.")
    judged = read_judged(lists, test, train, like=like)
    rows: dict[tuple[int, str, str], dict[str, object]] = {}
    for figure in judged.scores(lengths):
        rule = figure.convention
        if as_json:
            record = {"metric": rule.metric, "k": figure.k, "convention": rule.formula, "used_by": rule.used_by}
            record |= {"masked": figure.masked, "all_users": figure.all_users, "value": figure.value}
            typer.echo(json.dumps(record))
            continue
        head: dict[str, object] = {"metric": f"{rule.metric}@{figure.k}", "convention": rule.formula}
        row = rows.setdefault((figure.k, rule.metric, rule.formula), {**head, "used by": rule.used_by})
        column = "train items removed" if figure.masked else "lists as given"
        row[f"{column}, all users" if figure.all_users else column] = f"{figure.value:.6f}"
    if as_json:
        return
    show([rows[key] for key in sorted(rows, key=lambda key: lengths.index(key[0]))])
    typer.echo(
        f"{len(judged.lists):,} users; {judged.without_relevant:,} without a relevant test row: left out, or 0 each in "
        f"columns of all users; {judged.without_list:,} with relevant rows and no list: 0 for each."
    )
