"""From a processed data set to registered versions, top to bottom: choose, evaluate, refit, compare, register.

Metrics come from fits on the training part of each protocol. What is registered is refitted on all data with the same
configuration and carries those metrics. Every fit is made once per split and seed, or once per split where the seed
changes nothing, however many models are made of it. Finished stages outlive a killed process.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from training.bundling.build import describe
from training.datasets.store import ProcessedDataset
from training.models.base import Progress, silent
from training.pipeline.checkpoints import open_workspace
from training.pipeline.code_version import code_digest
from training.pipeline.plan import make_plan
from training.pipeline.record import Results, Trained, record_all
from training.pipeline.stages import COMPOSITE, Training
from training.registry import CHAMPION, Tracker


def train(
    what: str,
    dataset: ProcessedDataset,
    *,
    seed: int = 0,
    overrides: Sequence[str] = (),
    tracker: Tracker | None = None,
    progress: Progress = silent,
) -> list[Trained]:
    """Train the algorithm `what`, or `all` of them and last the composite, and return the registered versions in order.

    `overrides` are `key=value` for the configuration of a single algorithm. Raises UsageError, DataError.
    """
    plan = make_plan(what, dataset, seed=seed, overrides=overrides)
    tracker = tracker or Tracker()
    with open_workspace(f"{dataset.name}-{plan.key}-{code_digest()}") as workspace, ThreadPoolExecutor(1) as aside:
        training = Training(plan, workspace, progress)
        # The map of films takes one core for seconds and needs none of the models: it is made while they are fitted.
        extras = aside.submit(describe, training.everything.builder, seed=seed)
        recipes = training.recipes()
        evaluations = training.evaluate(recipes)
        bundles = training.refit(recipes, extras.result)
        agreements = training.check_refitted(bundles)
        return record_all(plan, Results(evaluations, bundles, agreements), workspace, tracker, progress)


def current_composite(dataset: ProcessedDataset, *, seed: int = 0, tracker: Tracker | None = None) -> int | None:
    """Return the newest judged composite of exactly this data, configuration and seed; None without a champion."""
    tracker = tracker or Tracker()
    if tracker.aliased(CHAMPION) is None:
        return None
    tags = {"algorithm": COMPOSITE, "training_key": make_plan("all", dataset, seed=seed).key}.items()
    return next((v.number for v in tracker.versions() if tags <= v.tags.items() and "verdict" in v.tags), None)
