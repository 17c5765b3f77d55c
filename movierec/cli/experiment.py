"""`movierec experiment`: plan, start, watch and stop an experiment between the champion and a challenger."""

from __future__ import annotations

import json
import math
import secrets
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from movierec.cli.common.output import AsJson
from recommender.errors import UsageError

app = typer.Typer(
    no_args_is_help=True,
    help="Compare the champion with a challenger on people: plan, start, status, stop.",
    epilog="Example: movierec experiment plan --rate .2 --effect .02 --visitors-per-day 800",
)
ShareOption = Annotated[float, typer.Option(min=0.01, max=0.99, help="Visitors of the challenger, or of woven lists.")]
# Those of `online.experiment`, which is not imported before a command runs.
Mode = Literal["ab", "interleave"]
Metric = Literal["click_rate", "watch_rate", "like_rate"]


@app.command()
def plan(
    rate: Annotated[float, typer.Option(min=0.0001, max=0.9999, help="Share of lists that are clicked now.")],
    effect: Annotated[float, typer.Option(min=0.0001, max=0.9999, help="Change of that share to detect.")],
    visitors_per_day: Annotated[int, typer.Option(min=1, help="New visitors a day.")],
    share: ShareOption = 0.5,
    power: Annotated[float, typer.Option(min=0.5, max=0.99, help="Chance to detect it.")] = 0.8,
    window_days: Annotated[float, typer.Option(min=0.001, help="Days that a visitor is watched.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Say how many visitors and days an experiment takes to detect an effect.

    Example: movierec experiment plan --rate .2 --effect .02 --visitors-per-day 800
    """
    from online.decision import Rules
    from online.estimators.sample_size import any_time, fixed_size, share_deviation

    if rate + effect >= 1:
        raise UsageError(f"Expected --rate and --effect below 1 together, found {rate:g} and {effect:g}.")
    rules, deviation = Rules(), share_deviation(rate)
    shape = {"share": share, "power": power}
    smaller = max(rules.least_visitors, rules.least_successes / rate) / min(share, 1 - share)  # no bounds before
    visitors = max(any_time(effect, deviation, error=rules.primary_error, **shape), math.ceil(smaller))
    fixed = fixed_size(effect, deviation, error=rules.error, **shape)
    days = visitors / visitors_per_day + window_days
    if as_json:
        typer.echo(json.dumps({"visitors": visitors, "days": round(days, 2), "fixed_size_visitors": fixed}))
        return
    typer.echo(
        f"{visitors:,} visitors, {days:.1f} days at {visitors_per_day:,} a day: enough to look at any time and to "
        f"detect {rate:.1%} becoming {rate + effect:.1%} with {power:.0%} power."
    )
    typer.echo(f"A test with a single look would take {fixed:,} visitors. Larger effects are seen sooner.")
    options = f"--planned-visitors {visitors} --share {share:g} --window-days {window_days:g}"
    typer.echo(f"Start it: movierec experiment start --challenger N {options}")


@app.command()
def start(
    challenger: Annotated[int, typer.Option(help="Version that is compared with the champion.")],
    mode: Annotated[Mode, typer.Option(help="Visitors get one version each, or woven lists.")] = "ab",
    share: ShareOption = 0.5,
    metric: Annotated[Metric, typer.Option(help="What counts as a success.")] = "click_rate",
    planned_visitors: Annotated[int, typer.Option(min=2, help="As `plan` says, or woven lists with a winner.")] = 2000,
    window_days: Annotated[float, typer.Option(min=0.00001, help="Days that a visitor is watched.")] = 1.0,
    minimum_days: Annotated[float, typer.Option(min=0.0, help="No gain counts earlier.")] = 7.0,
    as_json: AsJson = False,
) -> None:
    """Divide visitors between the champion and a challenger from now on.

    Example: movierec experiment start --challenger 9 --mode interleave
    """
    from movierec.cli.common.experiments import key_of, require_experiment, store_directory
    from online.experiment import Experiment
    from online.signing_keys import read_keys
    from online.store import DIRECTORY
    from recommender.bundle import read_manifest
    from serving.versions.experiment import changing_experiment, read_experiment, write_experiment
    from serving.versions.model_store import ModelStore
    from training.promotion.gate import load_rules
    from training.promotion.promote import check_bundle
    from training.registry import CHALLENGER, CHAMPION, Tracker

    store, tracker = store_directory(), Tracker.existing()
    version, champion = tracker.version(challenger), tracker.aliased(CHAMPION)
    served = ModelStore(store).current("champion")
    if champion is None or served is None or served.key != key_of(champion):
        raise UsageError(
            f"Expected a service that serves the champion from {store}, found version "
            f"{served.meta.version if served else 'none'} there and champion {champion.number if champion else 'none'}."
        )
    if champion.number == challenger or version.tags.get("dataset") != champion.tags.get("dataset"):
        raise UsageError(f"Expected another version than the champion, of the same data set; found {challenger}.")
    if read_keys(store / DIRECTORY) is None:
        raise UsageError(f"The service of {store} takes no events. Start it with MOVIEREC_EVENTS=true.")
    check_bundle(tracker, version, champion)
    feedback = read_manifest(served.bundle).feedback
    experiment = Experiment(
        name=secrets.token_hex(4),
        champion=served.key,
        challenger=key_of(version),
        mode=mode,
        share=share,
        metric=metric,
        started_at=time.time(),
        window_days=window_days,
        minimum_days=minimum_days,
        planned_visitors=planned_visitors,
        like=feedback.like if feedback.has_ratings else None,
        rules=load_rules(version.tags.get("dataset", "")).experiment,
    )
    with changing_experiment(store):
        earlier = read_experiment(store)
        if earlier is not None and earlier.is_running and earlier.champion == served.key:
            raise UsageError(f"Experiment {earlier.name} is running. End it first: movierec experiment stop.")
        tracker.set_alias(CHALLENGER, challenger)  # the service fetches it, and then the experiment begins
        write_experiment(store, experiment)
    if as_json:
        typer.echo(require_experiment(store).model_dump_json())
        return
    typer.echo(f"Experiment {experiment.name}: version {challenger} against champion {champion.number}, {mode}.")
    typer.echo("It begins when the service has fetched the version: movierec experiment status.")


@app.command(name="status")
def show_status(
    as_json: AsJson = False,
    picture: Annotated[Path | None, typer.Option(help="Draw the bounds over time into this PNG file.")] = None,
) -> None:
    """Show bounds and checks of the experiment, as often as one likes.

    Example: movierec experiment status --picture bounds.png
    """
    from movierec.cli.common.experiments import current_status, store_directory

    now = current_status(store_directory())
    if picture is not None:
        _draw(now, picture)
    if as_json:
        typer.echo(now.model_dump_json())
        return
    experiment = now.settings
    ended = f", ended: {experiment.ended_because}" if experiment.ended_because else ""
    versions = f"{experiment.challenger} against {experiment.champion}"
    typer.echo(f"Experiment {experiment.name} ({experiment.mode}): {versions}{ended}")
    typer.echo(f"  {now.line}")
    typer.echo(
        f"  {now.lists:,} lists in {now.days:.1f} days" + (f", {now.ties:,} without a winner" if now.ties else "")
    )
    typer.echo(f"  {now.guardrails}")


@app.command()
def stop(
    reason: Annotated[str, typer.Option(help="Why; kept with the experiment.")] = "stopped by hand",
    as_json: AsJson = False,
) -> None:
    """End the experiment: every visitor gets the champion again.

    Example: movierec experiment stop
    """
    from movierec.cli.common.experiments import end_experiment, store_directory

    ended = end_experiment(store_directory(), reason)
    typer.echo(ended.model_dump_json() if as_json else f"Experiment {ended.name} has ended: {ended.ended_because}.")


def _draw(now: Any, path: Path) -> None:
    """Draw the gain, or the share of wins, with its bounds over time."""
    from training.evaluation.style import figure

    experiment = now.settings
    is_woven = experiment.mode == "interleave"
    looks = [look for look in now.looks if look.lower is not None]
    days = [(look.time - experiment.started_at) / 86_400 for look in looks]
    with figure(7.0, 3.5, f"{experiment.challenger} against {experiment.champion}: {now.state}") as (fig, axes):
        ax = axes[0, 0]
        ax.axhline(0.5 if is_woven else 0.0, color="0.4", linewidth=1)
        ax.fill_between(days, [look.lower for look in looks], [look.upper for look in looks], alpha=0.25)
        ax.plot(days, [look.value for look in looks])
        ax.set(xlabel="days", ylabel="share of lists won" if is_woven else f"gain in {experiment.metric}")
        fig.savefig(path)
