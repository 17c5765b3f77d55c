"""A challenger that shows people what they hate is refused, though no ranking metric tells it from the champion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.bundle import BUNDLE
from recommender.errors import GateRefusedError
from tests.training.evaluation.builders import written_model
from tests.training.promotion.test_gate import RULES
from tests.training.small import log_evaluation
from training.datasets.store import prepare
from training.datasets.synth.files import write_twin
from training.datasets.synth.world import load_synthetic_config
from training.evaluation.evaluate import evaluate
from training.promotion.gate import Rival, decide
from training.promotion.promote import promote
from training.registry import CHAMPION, Tracker, register_bundle
from training.splits.cut import splits
from training.splits.protocol import load_protocol

PROTOCOLS = {"people": "latest20", "titles": "item2item"}
SIZE = {"users": 300, "movies": 400, "ratings": 18_000, "seed": 1}
SHOWN, HITS = 10, 2


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    root = tmp_path_factory.mktemp("twin")
    write_twin(load_synthetic_config(**SIZE), root / "raw")
    return prepare("twin", raw=root / "raw", processed_root=root / "processed")


@pytest.fixture(scope="module")
def judged(twin, tmp_path_factory):
    """Bundle and evaluations of a model that shows few hated films, and of one that shows all it can."""
    root = tmp_path_factory.mktemp("models")
    return {name: _judged(twin, root / name, most_hated) for name, most_hated in (("kind", 1), ("cruel", SHOWN))}


def _judged(twin, path, most_hated):
    evaluations = {}
    known = np.bincount(twin.movie_rows, minlength=len(twin.movie_ids)) >= 40
    films = np.random.default_rng(0).random((len(known), len(known))) * known
    for role, name in PROTOCOLS.items():
        protocol = load_protocol(name)
        (split,) = splits(protocol, twin, 0)
        people = _planted(twin, split, most_hated)
        model = written_model(path / role / BUNDLE, twin, split, people=people, films=films)
        evaluations[role] = evaluate(model, twin, split, protocol, seed=0)
    return path / "people" / BUNDLE, evaluations


def _planted(twin, split, most_hated):
    """Return scores (n_users, n_movies): liked test films, then up to `most_hated` hated ones, then others."""
    rng = np.random.default_rng(1)
    test, train = twin.user_item(split.test).toarray(), twin.user_item(split.train).toarray()
    known = (train > 0).sum(axis=0) >= 20
    scores = rng.random(test.shape) * known * (test == 0)
    for user, stars in enumerate(test):
        scores[user, np.flatnonzero(stars >= twin.feedback.like)[:HITS]] = 3
        hated = np.flatnonzero((stars > 0) & (stars < twin.feedback.like) & known)
        scores[user, hated[:most_hated]] = 2
    return scores


def test_no_ranking_metric_tells_the_two_apart(judged):
    kind, cruel = (judged[name][1]["people"] for name in ("kind", "cruel"))
    for metric in ("ndcg_at_10", "recall_at_10", "hit_rate_at_10", "map_at_10"):
        np.testing.assert_allclose(kind.per_user[metric], cruel.per_user[metric])
    assert cruel.metric("disliked_share_at_10").value > 1.3 * kind.metric("disliked_share_at_10").value


def test_the_gate_refuses_the_one_that_shows_what_people_hate(judged, mlflow_store):
    tracker = Tracker(mlflow_store)
    numbers = {}
    for name, (bundle, evaluations) in judged.items():
        tags = {f"{role}_protocol": protocol for role, protocol in PROTOCOLS.items()}
        version = register_bundle(bundle, tracker=tracker, tags={**tags, "judging_key": "same", "configuration": name})
        for evaluation in evaluations.values():
            log_evaluation(tracker, version.run_id, evaluation)
        numbers[name] = version.number
    promote(numbers["kind"], force=True, reason="the first", tracker=tracker)
    with pytest.raises(GateRefusedError, match=r"worse than the champion(.|\n)*latest20/disliked_share_at_10"):
        promote(numbers["cruel"], tracker=tracker)
    champion = tracker.aliased(CHAMPION)
    assert champion is not None
    assert champion.number == numbers["kind"]


def test_a_champion_judged_before_dislikes_were_measured_can_still_be_compared(judged):
    def before(evaluation):
        known = {name: values for name, values in evaluation.per_user.items() if "shown" not in name}
        return replace(evaluation, per_user={name: v for name, v in known.items() if "disliked" not in name})

    older = {role: before(evaluation) for role, evaluation in judged["kind"][1].items()}
    verdict = decide(judged["cruel"][1], [Rival("champion", 1, older)], RULES)
    assert verdict.outcome == "undecided"
    assert {guard.comparison.metric for guard in verdict.guards} >= {"ndcg_at_10", "recall_at_20"}
