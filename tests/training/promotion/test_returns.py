"""People who come back judge in the place of one sitting where they are enough, and are shown where they are not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.training.promotion.test_gate import RULES, evaluation, evaluations
from training.evaluation.significance import compare
from training.promotion import gate
from training.promotion.gate import Rival, decide
from training.promotion.one_verdict import notes
from training.promotion.report import markdown

GUARDED = "least_active_ndcg_at_10"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(gate, "compare", partial(compare, draws=1000))


def version(sitting=0.0, returns=0.0, *, seed, people=400, returning=400, **more):
    """A small set's evaluations: gains by `latest20`, and by people who come back; None: not tested."""
    judged = evaluations(0.0, 0.0, seed=seed, people=people)
    gains = {"ndcg_at_10": sitting, "recall_at_20": 0.0, **more}
    judged["people"] = evaluation("latest20", gains, people=people, seed=seed)
    if returns is not None:
        gains = {"ndcg_at_10": returns, "recall_at_20": 0.0, **more}
        judged["returns"] = evaluation("rolling", gains, people=returning, seed=seed + 50)
    return judged


def judged(challenger, champion):
    """The verdict, and its notes as one text."""
    rivals = [Rival("champion", 1, champion)]
    verdict = decide(challenger, rivals, RULES)
    return verdict, "\n".join(notes(verdict, challenger, rivals, RULES))


def test_a_gain_in_one_sitting_does_not_pay_for_a_loss_with_people_who_come_back():
    verdict, text = judged(version(0.1, -0.14, seed=1), version(seed=2))
    assert verdict.outcome == "refuse"
    assert any(reason.startswith("worse than the champion: rolling/ndcg_at_10") for reason in verdict.reasons)
    assert "rolling/ndcg_at_10" in text
    assert "in the place of latest20" in text
    assert {guard.comparison.protocol for guard in verdict.shown} == {"latest20"}


def test_a_gain_with_people_who_come_back_is_enough():
    assert judged(version(0.0, 0.1, seed=1), version(seed=2))[0].outcome == "promote"


@pytest.mark.parametrize("returning", [12, 60])
def test_too_few_who_come_back_are_shown_and_decide_nothing(returning):
    rules = RULES.model_copy(update={"least_returning": 100})
    assert rules.least_returning == RULES.least_returning
    verdict, text = judged(version(0.1, -0.14, seed=1, returning=returning), version(seed=2, returning=returning))
    assert verdict.outcome == "promote"
    assert f"{returning} people who come back, smallest detectable difference" in text
    assert "ratio 0.8" in text
    assert "decides nothing" in text
    assert "at least 100 people are needed" in text
    assert "latest20 measures one sitting going on" in text
    assert "## Differences that decide nothing" in markdown(verdict, "version 2", [])


def test_a_difference_too_small_for_them_to_see_decides_nothing():
    noisy = version(0.1, seed=1)
    noise = np.random.default_rng(5).normal(0, 0.3, 400)
    returns = noisy["returns"]
    noisy["returns"] = replace(returns, per_user={name: v + noise for name, v in returns.per_user.items()})
    verdict, text = judged(noisy, version(seed=2))
    assert verdict.outcome == "promote"
    assert "it cannot see a loss of the margin" in text
    assert "are needed" not in text


def test_versions_judged_before_people_who_come_back_were_tested_still_compare():
    verdict, text = judged(version(0.1, seed=1), version(seed=2, returns=None))
    assert verdict.outcome == "promote"
    assert "decide nothing: the champion lacks figures of them" in text


def test_a_gain_for_the_many_does_not_pay_for_a_loss_of_the_least_active():
    loss = version(0.1, seed=1, returns=None, **{GUARDED: -0.2})
    assert judged(loss, version(seed=2, returns=None, **{GUARDED: 0.0}))[0].outcome == "refuse"
    verdict, text = judged(loss, version(seed=2, returns=None))
    assert verdict.outcome == "promote"
    assert f"latest20/{GUARDED} is not guarded: the champion lacks it" in text
    assert "latest20/disliked_share_at_10 is not guarded: this version and the champion lack it" in text
