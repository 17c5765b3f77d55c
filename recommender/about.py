"""Description of an algorithm for readers: declared by its class, stored in every bundle, shown on pages."""

from __future__ import annotations

from typing import Literal

from recommender.spec import Spec


class Paper(Spec):
    """A paper that an algorithm follows: its place on the timeline of papers.

    `url` is enough for a paper that the timeline shows anyway; another one needs the other fields too. `family`: its
    lane there.
    """

    url: str
    year: int | None = None
    family: str = ""
    name: str = ""
    authors: str = ""
    title: str = ""
    venue: str = ""


class About(Spec):
    """Description of an algorithm for readers.

    `label`: its name. `sentence`: what it does. `share`: what its share of a score stands for: what the same people
    rated, what the items are about, or neither. `papers`: those that it follows.
    """

    label: str
    sentence: str
    share: Literal["people", "content", "other"]
    papers: tuple[Paper, ...] = ()
