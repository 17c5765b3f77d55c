"""One search for the parameters of several models, within one budget of time: the better a model, the more trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from training.config import Config
from training.evaluation.significance import lower_is_better
from training.models import configure, members_of
from training.pipeline.plan import Plan
from training.pipeline.space import searched_space
from training.pipeline.tune import Best, Search, tune
from training.progress import Progress
from training.registry import Tracker

# Models that are judged by their lists for users, the quickest first. The ensemble gets what its members get.
TUNED = ("low_pass", "item_knn", "ease", "als", "ials")
ENSEMBLE = "ensemble"


def tune_all(
    plan: Plan,
    seconds: float,
    *,
    tracker: Tracker | None = None,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Best]:
    """Tune models on validation parts of the protocol for users and return the best trials.

    No trial begins after `seconds`. Every model is tried as it stands first; then the better a model, the more of the
    time it gets. The studies are those of `movierec tune`, and go on where they were left.
    """
    searches = {name: _search(plan, name) for name in TUNED if name in plan.configs}
    seconds_of: dict[str, list[float]] = {name: [] for name in searches}  # of each trial
    best: dict[str, Best] = {}
    began = clock()

    def one_trial(name: str) -> None:
        started = clock()
        finished = best[name].trials if name in best else 0
        best[name] = tune(searches[name], finished + 1, tracker=tracker, progress=progress)
        seconds_of[name].append(clock() - started)

    for name in searches:
        if clock() - began < seconds:
            one_trial(name)
    while best and clock() - began < seconds:
        one_trial(next_model(best, charged(seconds_of)))
    return best


def charged(seconds_of: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the time that counts as spent on each model, by the `seconds_of` its trials: all as short as the shortest.

    The first trial of all waits for imports and compilation, which are no fault of the model's.
    """
    return {name: len(seconds) * min(seconds) for name, seconds in seconds_of.items() if seconds}


def next_model(best: Mapping[str, Best], spent: Mapping[str, float]) -> str:
    """Return the next model to tune: the one with the least time `spent`, doubled for each better model."""
    sign = 1 if lower_is_better(next(iter(best.values())).metric) else -1
    ranked = sorted(best, key=lambda name: sign * best[name].value)
    return min(ranked, key=lambda name: (spent[name] * 2 ** ranked.index(name), ranked.index(name)))


def tuned_plan(plan: Plan, best: Mapping[str, Best]) -> Plan:
    """Return the plan with the best parameters of each study, also for the members of the ensemble."""
    parameters: dict[str, dict[str, Any]] = {name: dict(outcome.parameters) for name, outcome in best.items()}
    studies = {name: outcome.study for name, outcome in best.items()}
    tuned_members = [name for name in members_of(ENSEMBLE) if name in best]
    if ENSEMBLE in plan.configs and tuned_members:
        parameters[ENSEMBLE] = {name: parameters[name] for name in tuned_members}
        studies[ENSEMBLE] = ", ".join(studies[name] for name in tuned_members)
    configs: dict[str, Config] = {
        name: configure(name, parameters[name]) if name in parameters else config
        for name, config in plan.configs.items()
    }
    return replace(plan, configs=configs, studies=studies)


def _search(plan: Plan, name: str) -> Search:
    space, _ = searched_space(name, plan.dataset)
    return Search(name, plan.dataset, plan.people, plan.settings.choose_by, plan.seed, space)
