"""`movierec promote`, `rollback` and `diff`: which version is served, and what a change would mean for people."""

from __future__ import annotations

from typing import Annotated

import typer


def promote(
    version: Annotated[int, typer.Option(help="Version to promote.")],
    force: Annotated[bool, typer.Option("--force", help="Promote whatever the gate says; needs --reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the version.")] = "",
    accept_undecided: Annotated[bool, typer.Option(help="Promote when the evidence cannot decide.")] = False,
) -> None:
    """Let the gate judge a version; make it the champion if it passes. Exits with 3 where it does not.

    Example: movierec promote --version 9
    """
    from training.promotion import promote as promote_version

    verdict = promote_version(version, force=force, reason=reason, accept_undecided=accept_undecided)
    typer.echo(f"Version {version} is champion. {verdict.summary}")


def rollback() -> None:
    """Make the previous champion the champion again.

    Example: movierec rollback
    """
    from training.promotion import rollback as roll_back

    typer.echo(f"Version {roll_back()} is champion again.")
