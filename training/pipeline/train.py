"""From a processed data set to registered versions, top to bottom: choose, evaluate, refit, compare, register.

Metrics come from fits on the training part of each protocol. What is registered is refitted on all data with the same
configuration and carries those metrics. Every fit is made once per split and seed, or once per split where the seed
changes nothing, however many models are made of it. Finished stages outlive a killed process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from training.bundling.build import Arrays
from training.bundling.extras import extra_arrays
from training.datasets.store import ProcessedDataset
from training.models import COMPOSITE, Overrides, own
from training.models.needs import check_needs
from training.pipeline.checkpoints import code_digest, open_workspace
from training.pipeline.judge import is_small
from training.pipeline.plan import Plan, make_plan, size_of
from training.pipeline.stages import Training
from training.progress import Clock, Progress, silent, unheard

if TYPE_CHECKING:
    from training.pipeline.record import Recorder, Trained
    from training.registry import Tracker


def train(
    what: str,
    dataset: ProcessedDataset,
    *,
    seed: int = 0,
    overrides: Overrides = (),
    further: Sequence[str] = (),
    tune_seconds: float = 0,
    tracker: Tracker | None = None,
    progress: Progress = silent,
    say: Callable[[str], None] = unheard,
    clock: Clock | None = None,
) -> list[Trained]:
    """Train one algorithm, or `all` and then the composite, and return the registered versions in order.

    `overrides` are for the configuration of a single algorithm; `further` names models beside `all`.
    `tune_seconds`: for a search of the parameters of `all` first. `say` gets a sentence for each protocol that cannot
    judge these data and for each study, `clock` the seconds of each stage. Raises UsageError and DataError.
    """
    plan = make_plan(what, dataset, seed=seed, overrides=overrides, further=further)
    for protocol, reason in plan.left_out.items():
        say(f"Not judged by {protocol}: {reason.rstrip('.')}.")
    # Weights are chosen on the validation part and, on small data, on a part cut from it: one more fit for each.
    check_needs(plan.configs, size_of(dataset), say, weighing_fits=2 if is_small(dataset) else 1)
    if tune_seconds:
        with (clock or Clock()).measure("tuning"):
            plan = _tuned(plan, tune_seconds, tracker, progress, say)
    # Work for one core that needs no model is done while models are fitted: MLflow's start, the map of films.
    code = code_digest(*(own.source_digest(name) for name in plan.configs if name in own.names()))
    with open_workspace(f"{dataset.name}-{plan.key}-{code}") as workspace, ThreadPoolExecutor(1) as aside:
        training = Training(plan, workspace, progress, clock=clock or Clock(), say=say)
        opened = aside.submit(_open_recorder, training, tracker)
        extras = aside.submit(_describe, training)
        recipes = training.recipes()
        recorder = opened.result()
        return recorder.record_all(training.finish(recipes, extras.result), len(recipes))


def _tuned(plan: Plan, seconds: float, tracker: Tracker | None, progress: Progress, say: Callable[[str], None]) -> Plan:
    """Tune for `seconds`, report the best trial of each study, and return the plan with the best parameters."""
    from training.pipeline.tune_all import tune_all, tuned_plan

    best = tune_all(plan, seconds, tracker=tracker, progress=progress)
    for name, outcome in best.items():
        values = ", ".join(f"{key} {value:.4g}" for key, value in outcome.parameters.items())
        say(
            f"{name}: {outcome.metric} {outcome.value:.4f} on validation after {outcome.trials} trials of study "
            f"{outcome.study}: {values}."
        )
    return tuned_plan(plan, best)


def current_composite(dataset: ProcessedDataset, *, tracker: Tracker | None = None) -> int | None:
    """Return the newest judged composite of exactly this data and configuration; None without a champion."""
    from training.registry import CHAMPION, Tracker

    tracker = tracker or Tracker()
    if tracker.aliased(CHAMPION) is None:
        return None
    tags = {"algorithm": COMPOSITE, "training_key": make_plan("all", dataset).key}.items()
    return next((v.number for v in tracker.versions() if tags <= v.tags.items() and "verdict" in v.tags), None)


def _open_recorder(training: Training, tracker: Tracker | None) -> Recorder:
    """Import MLflow and open the tracking store, which takes seconds."""
    with training.clock.measure("start of MLflow"):
        from training.pipeline.record import Recorder
        from training.registry import Tracker

        return Recorder(training.plan, training.workspace, tracker or Tracker(), training.progress, training.clock)


def _describe(training: Training) -> Arrays:
    with training.clock.measure("map of films"):
        builder = training.everything.builder
        return extra_arrays(builder.dataset, builder.data, seed=training.plan.seed)
