"""Offline evaluation, experiment and what answers cost, in one verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.toy import save_toy
from training.promotion.answer_cost import Cost, measure
from training.promotion.gate import Online, Verdict, load_rules
from training.promotion.one_verdict import add_cost, add_experiment

RULES = load_rules("ml-100k")
REQUIRED = RULES.model_copy(update={"experiment_required": True})


@pytest.mark.parametrize(
    ("offline", "state", "expected"),
    [
        ("promote", "better", "promote"),
        ("promote", "not worse", "promote"),
        ("promote", "running", "undecided"),
        ("promote", "undecided", "undecided"),
        ("promote", "refuse", "refuse"),
        ("undecided", "better", "promote"),
        ("undecided", "not worse", "undecided"),
        ("undecided", "refuse", "refuse"),
        ("refuse", "better", "refuse"),
    ],
)
def test_either_can_refuse_and_a_better_experiment_decides(offline: str, state: str, expected: str) -> None:
    judged = Verdict(offline, ["offline"], lines=["offline: x"])  # type: ignore[arg-type]
    verdict = add_experiment(judged, Online(state, "told", "coverage 9 and 8"), RULES)  # type: ignore[arg-type]
    assert verdict.outcome == expected
    assert list(verdict.lines) == [
        "offline: x",
        "experiment: told",
        "guardrails, champion and challenger: coverage 9 and 8",
    ]


def test_an_experiment_can_be_required() -> None:
    verdict = Verdict("promote", ["better"])
    assert add_experiment(verdict, None, RULES).outcome == "promote"
    assert add_experiment(verdict, None, REQUIRED).outcome == "undecided"


def test_slow_or_large_answers_are_refused_and_quick_ones_never_slow() -> None:
    champion = Cost(30.0, 100.0)
    for cost, expected in (
        (Cost(59.0, 199.0), "promote"),
        (Cost(61.0, 100.0), "refuse"),
        (Cost(30.0, 201.0), "refuse"),
    ):
        assert add_cost(Verdict("promote", ["better"]), cost, champion, RULES).outcome == expected
    assert add_cost(Verdict("promote", []), Cost(19.0, 100.0), Cost(1.0, 100.0), RULES).outcome == "promote"


def test_the_cost_is_that_of_a_process_that_answers(tmp_path: Path) -> None:
    save_toy(tmp_path / "toy")
    cost = measure(tmp_path / "toy")
    assert cost.p95_ms > 0
    assert 10 < cost.memory_mib < 400
