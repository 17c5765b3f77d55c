"""Public splits of sparse catalogues unlike films, with what was published of them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.replication.models import BASELINE, against_baseline
from benchmarks.replication.published import LASTFM
from benchmarks.replication.section import Section, Study, cell, heads, ratio_cell
from benchmarks.tools.figures import watched
from recommender.errors import MovierecError
from training.evaluation.evaluate import combine
from training.evaluation.result import Evaluation
from training.models import NAMES, configure
from training.pipeline.judge import TrainingSplit, fit, training_splits
from training.splits.protocol import ProtocolConfig, load_protocol

METRICS = ("recall_at_10", "ndcg_at_10", "recall_at_20", "ndcg_at_20", "recall_at_40", "ndcg_at_40")
BY = "recall_at_20"
Cost = tuple[str, str]  # minutes and GiB
PUBLISHED = {"lastfm": LASTFM}  # of amazon-beauty we know of no table on just this split


def files_protocol(directory: Path) -> ProtocolConfig:
    """Return the protocol `files` with train.txt, valid.txt and test.txt of a directory, at lengths 10, 20 and 40."""
    rules = load_protocol("files").model_copy(update={"k": [10, 20, 40]})
    train, valid, test = (directory / f"{part}.txt" for part in ("train", "valid", "test"))
    return rules.with_files(train, test, valid)


def sparse(study: Study, rules: ProtocolConfig) -> Section:
    """Evaluate every model on a split of files as it is shipped, beside published figures, as a section."""
    dataset = study.dataset
    section = Section(f"{dataset.name}, `files`: a sparse catalogue")
    (split,) = training_splits(dataset, rules, progress=study.progress)
    results, costs, refusals = _judge(split)
    section.say(
        f"{len(dataset.user_ids):,} users, {len(dataset.movie_ids):,} items, {len(dataset.ratings):,} interactions. "
        "Each model as it is shipped, one training seed, fitted on the training file alone; lists leave out its items. "
        "Minutes, and memory in GiB by which the process grew, are of fit and evaluation on this machine; those of the "
        "ensemble are without its members'."
    )
    table = PUBLISHED.get(dataset.name)
    published = table.rows.items() if table else ()
    rows = [
        [name, "published", *(f"{row[m]:.3f}" if m in row else "" for m in METRICS), "", "", ""]
        for name, row in published
    ]
    if table:
        section.say(f"Published: {table.source}.")
    else:
        section.say("Published figures of just this split are not known to us, so none stand here.")
    ratios = {name: ratio_cell(pair) for name, pair in against_baseline(results, BY).items()}
    rows += [
        [name, "ours", *(cell(result, metric) for metric in METRICS), ratios.get(name, ""), *costs[name]]
        for name, result in results.items()
    ]
    section.table(["model", "", *heads(METRICS), f"{heads([BY])[0]} against {BASELINE}", "minutes", "GiB"], rows)
    for name, reason in refusals.items():
        section.say(f"{name} refuses these data: {reason}")
    return section


def _judge(split: TrainingSplit) -> tuple[dict[str, Evaluation], dict[str, Cost], dict[str, str]]:
    """Return evaluation and cost of every model, one after the other, and why others refuse the data."""
    results: dict[str, Evaluation] = {}
    costs: dict[str, Cost] = {}
    refusals: dict[str, str] = {}
    for name in NAMES:
        try:
            results[name], costs[name] = _measured(split, name)
        except MovierecError as error:
            refusals[name] = str(error)
    return results, costs, refusals


def _measured(split: TrainingSplit, name: str) -> tuple[Evaluation, Cost]:
    """Return the evaluation of a model, and the minutes and GiB that it took."""
    evaluation, taken, peak = watched(lambda: combine([split.evaluate(fit(name, configure(name)), seed=0)]))
    return evaluation, (f"{taken / 60:.1f}", f"{peak / 2**30:.1f}")
