"""`movierec promote`, `rollback`, `diff`, `relocate`: change the served version, compare versions, mend the store."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movierec.cli.common.output import AsJson
from recommender.errors import GateRefusedError, LostRaceError, UsageError

if TYPE_CHECKING:
    from training.evaluation.difference import Difference, ListChange
    from training.promotion.gate import Verdict

_MOST_CHANGED = 5


def promote(
    version: Annotated[int, typer.Option(help="Version to promote.")],
    force: Annotated[bool, typer.Option("--force", help="Promote whatever the gate says; needs --reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the version.")] = "",
    accept_undecided: Annotated[bool, typer.Option(help="Promote when the evidence cannot decide.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the gate judge a version; make it the champion if it passes. Exits with 3 where it does not.

    Example: movierec promote --version 9
    """
    from movierec.cli.common.experiments import end_with_change, evidence, store_directory
    from training.promotion.gate import Online
    from training.promotion.promote import NotPromotedError
    from training.promotion.promote import promote as promote_version
    from training.promotion.report import evidence_table
    from training.registry import CHAMPION, Tracker

    store, tracker = store_directory(), Tracker.existing()
    before = tracker.aliased(CHAMPION)
    status = evidence(store, tracker, version)
    online = Online(status.state, status.line, status.guardrails) if status else None
    try:
        verdict = promote_version(
            version, force=force, reason=reason, accept_undecided=accept_undecided, online=online, tracker=tracker
        )
    except (GateRefusedError, LostRaceError) as refusal:
        if as_json:
            outcome = {"version": version, "promoted": False, "summary": str(refusal)}
            if isinstance(refusal, NotPromotedError):
                outcome |= {"summary": refusal.verdict.summary, "evidence": list(refusal.verdict.lines)}
            typer.echo(json.dumps(outcome))
        raise
    end_with_change(store, before, f"version {version} was promoted")
    if as_json:
        is_forced = force and verdict.outcome != "promote"
        outcome = {"version": version, "promoted": True, "forced": is_forced, "summary": verdict.summary}
        outcome["evidence"] = list(verdict.lines)
        typer.echo(json.dumps(outcome))
        return
    typer.echo(f"Version {version} is champion. {_how(verdict, force=force, reason=reason)}")
    for line in verdict.lines:
        typer.echo(line)
    if table := evidence_table(verdict):
        typer.echo(f"\n{table}")
    for note in verdict.notes:
        typer.echo(f"\n{note}")


def _how(verdict: Verdict, *, force: bool, reason: str) -> str:
    """Return how a version became champion: by its evidence, undecided, or by force against the gate."""
    from training.promotion.report import explain

    if verdict.outcome == "promote":
        return f"The gate let it through: {explain(verdict)}"
    against = "refused it" if verdict.outcome == "refuse" else "was undecided"
    if force:
        return f"FORCED, though the gate {against}: {explain(verdict)} Reason kept with it: {reason}"
    return f"Accepted, though the gate {against}: {explain(verdict)}"


def rollback(as_json: AsJson = False) -> None:
    """Make the previous champion the champion again.

    Example: movierec rollback
    """
    from movierec.cli.common.experiments import end_with_change, store_directory
    from training.promotion.promote import rollback as roll_back
    from training.registry import CHAMPION, Tracker

    tracker = Tracker.existing()
    before = tracker.aliased(CHAMPION)
    version = roll_back(tracker=tracker)
    end_with_change(store_directory(), before, f"version {version} was restored")
    typer.echo(json.dumps({"version": version}) if as_json else f"Version {version} is champion again.")


def diff(
    before: Annotated[int, typer.Argument(help="Version that people see now.")],
    after: Annotated[int, typer.Argument(help="Version that they would see.")],
    more_titles: Annotated[
        list[str] | None, typer.Argument(metavar="TITLE", help="More films, as after `--titles`.")
    ] = None,
    titles: Annotated[
        list[str] | None, typer.Option(help="Films to compare, one or more. Default: the most rated.")
    ] = None,
    users: Annotated[int, typer.Option(min=1, help="People to compare, evenly drawn.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what a promotion would change: films that enter and leave lists, and whose lists change most.

    Example: movierec diff 7 9 --titles Heat "Toy Story" --users 200
    """
    from recommender.model import Model
    from training.evaluation.difference import difference
    from training.registry import Tracker

    tracker = Tracker.existing()
    with tempfile.TemporaryDirectory() as scratch:
        old, new = (
            Model.load(tracker.bundle(tracker.version(number).number, Path(scratch) / side))
            for side, number in (("before", before), ("after", after))
        )
        changes = difference(old, new, [*(titles or []), *(more_titles or [])], users)
    if as_json:
        typer.echo(json.dumps(asdict(changes)))
    else:
        _show(changes, before, after)


def relocate(as_json: AsJson = False) -> None:
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


def _show(changes: Difference, before: int, after: int) -> None:
    typer.echo(f"From version {before} to version {after}; 1 is the same list, 0 another one (rank-biased overlap).\n")
    for change in changes.titles:
        _show_change(change)
    typer.echo(f"Films like a film: {changes.mean_title_similarity:.2f} on average over {len(changes.titles)} titles.")
    typer.echo(
        f"Films for people: {changes.mean_people_similarity:.2f} on average over {len(changes.people)} people.\n"
    )
    typer.echo("Whose lists change most:")
    for change in changes.people[:_MOST_CHANGED]:
        _show_change(change)


def _show_change(change: ListChange) -> None:
    typer.echo(f"{change.subject}: {change.similarity:.2f}")
    for sign, titles in (("+", change.entering), ("-", change.leaving)):
        if titles:
            typer.echo(f"  {sign} {', '.join(titles)}")
