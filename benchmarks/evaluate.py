"""Speed of nDCG, MAP, precision and recall against the `recommenders` package, on the same lists of 100,000 users.

Also the time of one complete evaluation of as many users on the synthetic twin.
"""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.tools.figures import Figure, Timed, in_turn, seconds
from benchmarks.tools.twins import twin_dataset
from recommender.errors import MissingInputError
from recommender.model import Model
from training.bundling.build import build_bundle
from training.evaluation.evaluate import combine, evaluate
from training.evaluation.metrics import Lists, list_metrics
from training.evaluation.result import Evaluation
from training.kernels.hits import find_hits
from training.models.factors.als import als_model
from training.models.parameters import AlsConfig
from training.splits.cut import splits, training_data
from training.splits.protocol import load_protocol

PEOPLE, FILMS, K = 100_000, 59_000, 10
RELEVANT = 15  # relevant films of a user, on average
FOUND = 0.3  # share of list places with a relevant film
SAMPLE = 2_000  # users whose metrics must agree
SEED = 0
# Column names of the `recommenders` package.
_USER, _ITEM, _RATING, _SCORE = "userID", "itemID", "rating", "prediction"
_CACHED = ("merge_ranking_true_pred", "_get_reciprocal_rank")
_METRICS = ("ndcg", "map_by_relevant", "precision", "recall")


@dataclass(frozen=True)
class Task:
    """Recommended lists and relevant films, in our form and in that of `recommenders`."""

    lists: Lists
    relevant: sp.csr_matrix
    truth: pd.DataFrame
    predictions: pd.DataFrame

    def head(self, people: int) -> Task:
        """Return the task of the first `people` users alone."""
        return make_task(self.lists[:people], self.relevant[:people])


def run(size: float, rounds: int) -> list[Figure]:
    """Measure the speed of four metrics against `recommenders`, and the largest difference from its values.

    Raises MissingInputError where the peer is not installed.
    """
    task = synthetic_task(max(SAMPLE, round(PEOPLE * size)), round(FILMS * max(size, 0.02)))
    sample = task.head(SAMPLE)
    mine, peers = ours(sample), theirs(sample)  # compiles, too
    difference = max(abs(mine[name] - peers[name]) for name in _METRICS)
    people = f"{task.relevant.shape[0]:,} people, {task.relevant.shape[1]:,} films, lists of {K}"
    with_cache = in_turn(lambda: ours(task), lambda: theirs(task), rounds)
    without_cache = in_turn(lambda: ours(task), lambda: theirs(task, cached=False), rounds)
    return [
        _figure(
            "recommenders' time over ours, four metrics of the same lists", with_cache, rounds, people, target=50.0
        ),
        _figure("the same without their cache, which hashes whole frames", without_cache, rounds, people),
        Figure("evaluate: largest difference from their figures", difference, 1e-9, unit="", note=f"{SAMPLE:,} people"),
        complete(size),
    ]


def _figure(what: str, timed: Timed, rounds: int, note: str, target: float | None = None) -> Figure:
    ratio = timed.theirs / timed.ours
    return Figure(f"evaluate: {what}", ratio, target, "higher", timed.ours, timed.theirs, rounds=rounds, note=note)


def complete(size: float) -> Figure:
    """Measure the seconds of one complete evaluation: all films ranked for 100,000 users, all metrics, intervals.

    The model has random factors: its quality does not change the work.
    """
    dataset, protocol = twin_dataset(size), load_protocol("latest20")
    split = splits(protocol, dataset, SEED)[0]
    data = training_data(dataset, split)
    rng, config = np.random.default_rng(SEED), AlsConfig()
    users, films = (rng.normal(size=(n, config.factors)).astype(np.float32) for n in data.user_item.shape)
    evaluated = replace(split, test=split.test & (dataset.user_rows < round(PEOPLE * size)))
    results: list[Evaluation] = []
    with tempfile.TemporaryDirectory() as scratch:
        build_bundle(Path(scratch) / "bundle", als_model(config, users, films), dataset, data)
        model = Model.load(Path(scratch) / "bundle")
        taken = seconds(lambda: results.append(combine([evaluate(model, dataset, evaluated, protocol, seed=SEED)])))
    note = f"{len(results[0].users):,} people, {len(films):,} films, {config.factors} factors, {protocol.name}"
    return Figure("evaluate: one whole evaluation", taken, unit="s", note=f"{note}, {len(results[0].metrics)} figures")


def ours(task: Task) -> dict[str, float]:
    """Compute every metric with our code and return its mean."""
    hits = find_hits(task.lists, task.relevant)
    metrics = list_metrics(hits, np.diff(task.relevant.indptr), [K], _METRICS)
    return {name: float(metrics[f"{name}_at_{K}"].mean()) for name in _METRICS}


def theirs(task: Task, *, cached: bool = True) -> dict[str, float]:
    """Compute every metric with the library `recommenders` and return its mean; `cached` keeps its cache on."""
    peer = _peer()
    functions = {
        "ndcg": peer.ndcg_at_k,
        "map_by_relevant": peer.map,
        "precision": peer.precision_at_k,
        "recall": peer.recall_at_k,
    }
    for name in _CACHED:  # keyed by content, it would answer a second round
        getattr(peer, name).cache_clear()
    uncached = {name: getattr(peer, name).__wrapped__ for name in _CACHED}
    with nullcontext() if cached else patch.multiple(peer, **uncached):
        return {
            name: float(function(rating_true=task.truth, rating_pred=task.predictions, k=K))
            for name, function in functions.items()
        }


def synthetic_task(people: int, films: int) -> Task:
    """Make random lists of distinct films, a share FOUND of them relevant; every user has a relevant film."""
    rng = np.random.default_rng(SEED)
    counts = 1 + rng.poisson(RELEVANT - 1, people)
    pairs = np.column_stack([np.repeat(np.arange(people), counts), rng.integers(0, films, counts.sum())])
    relevant = sp.csr_matrix(sp.coo_matrix((np.ones(len(pairs)), tuple(pairs.T)), shape=(people, films)))
    relevant.sum_duplicates()
    return make_task(_lists(rng, relevant), relevant)


def make_task(lists: Lists, relevant: sp.csr_matrix) -> Task:
    """Put lists and relevant films into our form and into that of `recommenders`."""
    rows, columns = relevant.nonzero()
    truth = pd.DataFrame({_USER: rows, _ITEM: columns, _RATING: 1.0})
    people = np.repeat(np.arange(len(lists)), K)
    scores = np.tile(np.arange(K, 0, -1, dtype=np.float64), len(lists))
    predictions = pd.DataFrame({_USER: people, _ITEM: lists.ravel().astype(np.int64), _SCORE: scores})
    return Task(lists, relevant, truth.astype({_USER: "int64", _ITEM: "int64"}), predictions)


def _lists(rng: np.random.Generator, relevant: sp.csr_matrix) -> Lists:
    people, films = relevant.shape
    # Consecutive rows from a random start are distinct; relevant films then replace some of them.
    lists = ((rng.integers(0, films, people)[:, None] + np.arange(K)) % films).astype(np.int32)
    for person in range(people):
        candidates = relevant.indices[relevant.indptr[person] : relevant.indptr[person + 1]]
        candidates = candidates[~np.isin(candidates, lists[person])]
        places = np.flatnonzero(rng.random(K) < FOUND)[: len(candidates)]
        lists[person, places] = rng.permutation(candidates)[: len(places)]
    return lists


def _peer() -> Any:
    try:
        from recommenders.evaluation import python_evaluation
    except ModuleNotFoundError as error:
        raise MissingInputError(
            f"The peer is not installed (no {error.name}): run `uv sync --inexact --group peers`, then this again."
        ) from error
    return python_evaluation
