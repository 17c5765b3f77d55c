"""`movierec relocate`: mend a tracking store that was moved."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from recommender.errors import UsageError


def relocate(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Write the artifact addresses of the tracking store anew, after its directory was moved or copied.

    Example: movierec relocate
    """
    from training.registry import Tracker, relocation

    file = Tracker.existing().file
    if file is None:
        raise UsageError(
            "Expected a tracking store in a SQLite file, found a server: its addresses do not move with us."
        )
    changed = relocation.relocate(file)
    if as_json:
        typer.echo(json.dumps({"changed": changed, "artifacts": str(relocation.artifact_root(file))}))
        return
    typer.echo(f"{changed} artifact addresses now begin with {relocation.artifact_root(file)}.")
