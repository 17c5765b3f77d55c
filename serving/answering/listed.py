"""What a list of recommendations is for, noted beside the answer for the id that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.schemas.recommend import SUBJECTS, ListOptions
from serving.versions.served import Served

if TYPE_CHECKING:
    from serving.answering.explored import Exploration
    from serving.versions.experiment import Assignment

_CHANGE_NOTHING = frozenset({*SUBJECTS, "n", "model", "explain", "for_and_against", "fuzzy"})  # of items


@dataclass(slots=True, eq=False)
class Listed:
    """A list: the version that made it, its length, and its subject: the row of an item, of a user, or a request."""

    served: Served
    n: int
    item_row: int | None = None
    user_row: int | None = None
    request: ListOptions | None = None  # of a list that takes more than a row to be computed again
    assignment: Assignment | None = None  # of a list that an experiment gave
    exploration: Exploration | None = None  # of a list of which some places were left to chance


def listed(served: Served, options: ListOptions, *, item_row: int | None = None, user_row: int | None = None) -> Listed:
    """Return what a list is for: a row where no option changed the list, else the request."""
    if (item_row is None and user_row is None) or not options.model_fields_set <= _CHANGE_NOTHING:
        return Listed(served, options.n, request=options)
    return Listed(served, options.n, item_row, user_row)
