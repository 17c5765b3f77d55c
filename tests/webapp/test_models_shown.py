"""What pages know about models covers every registered model."""

from __future__ import annotations

import pytest

from client.answers import Explanation, Reason
from tests.webapp.test_logic import entry
from training.models import NAMES, members_of
from webapp.elements import reasons
from webapp.milestones import MILESTONES


@pytest.mark.parametrize("name", [name for name in NAMES if name != "popularity" and not members_of(name)])
def test_the_score_bar_names_the_part_of_every_model(name: str) -> None:
    part = Explanation(reasons=(Reason(kind="part", name=name, contribution=1.0),), rest=0.0)
    (segment,) = reasons.segments(entry(1, explanation=part), 4.0)
    assert segment[0] in (reasons.SEGMENTS["people"][0], reasons.SEGMENTS["content"][0])


def test_the_timeline_has_a_paper_for_every_model_but_the_baseline() -> None:
    assert {name for paper in MILESTONES for name in paper.algorithms} >= set(NAMES) - {"popularity"}
