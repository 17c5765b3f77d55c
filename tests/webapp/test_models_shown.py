"""What pages say of models is what the served version says of its algorithms."""

from __future__ import annotations

import pytest

from client.answers import AboutModel, Explanation, Paper, Reason
from tests.webapp.test_logic import entry
from training.models import NAMES, about, members_of
from webapp.charts.timeline import timeline_rows
from webapp.elements import reasons
from webapp.milestones import IMPLICIT, MILESTONES, followed

TOLD = {name: AboutModel.model_validate(declared.model_dump()) for name, declared in about(NAMES).items()}


def segment(name: str, told: dict[str, AboutModel]) -> str:
    part = Explanation(reasons=(Reason(kind="part", name=name, contribution=1.0),), rest=0.0)
    [(title, width, _)] = reasons.segments(entry(1, explanation=part), 2.0, told)
    assert width == 1.0
    return title


@pytest.mark.parametrize("name", [name for name in NAMES if name != "popularity" and not members_of(name)])
def test_the_score_bar_names_the_part_of_every_model(name: str) -> None:
    shown = reasons.SEGMENTS["content" if name == "content" else "people"][0]
    assert segment(name, TOLD) == segment(name, {}) == shown, "with and without what older versions do not say"


def test_a_model_of_ones_own_names_its_share() -> None:
    mine = AboutModel(label="Mine", sentence="By plot.", share="content")
    assert segment("mine", {"mine": mine}) == reasons.SEGMENTS["content"][0]
    assert segment("expected", {}) == reasons.SEGMENTS["other"][0]


@pytest.mark.parametrize("name", NAMES)
def test_every_model_stands_on_a_paper_of_the_timeline(name: str) -> None:
    papers = followed(TOLD)
    assert len(papers) == len(MILESTONES), "a paper that the timeline does not have needs its year and name"
    assert any(name in paper.algorithms for paper in papers)


def test_a_paper_that_the_timeline_lacks_is_placed_by_its_model() -> None:
    paper = Paper(url="https://example.org/p", year=2015, name="Mine", authors="A", title="T", venue="V")
    mine = {"mine": AboutModel(label="Mine", sentence="By plot.", share="content", papers=(paper,))}
    placed = followed(mine)[-1]
    assert (placed.year, placed.family, placed.algorithms) == (2015, IMPLICIT, ("mine",))
    assert len(timeline_rows(followed(mine))[0]) == len(MILESTONES) + 1


def test_without_a_served_version_the_timeline_stands_alone() -> None:
    assert followed({}) == list(MILESTONES)
