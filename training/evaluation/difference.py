"""How the lists of two models differ: overlap, rank-biased overlap, entering and leaving items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.errors import UsageError
from recommender.films.ids import RawId
from recommender.model import Model, Wanted
from training.kernels.ordering import evenly_spaced

SHOWN = 10  # items on a page
PERSISTENCE = 0.9  # the tenth item weighs 0.9^9 = 0.39 of the first
_DEPTH = 50  # a list this long still has ten items after those rated since are removed

Ids = NDArray[Any]  # raw ids: int64 or str


@dataclass(frozen=True)
class ListChange:
    """One list before and after a change of model: titles, best first."""

    subject: str  # a title, or `user 7`
    before: list[str]
    after: list[str]
    similarity: float  # rank-biased overlap

    @property
    def entering(self) -> list[str]:
        """Return the titles that only the new list has."""
        return [title for title in self.after if title not in self.before]

    @property
    def leaving(self) -> list[str]:
        """Return the titles that only the old list has."""
        return [title for title in self.before if title not in self.after]


@dataclass(frozen=True)
class Difference:
    """Differences between the lists of two models."""

    titles: list[ListChange]  # in the order of the query
    people: list[ListChange]  # largest change first
    mean_title_similarity: float
    mean_people_similarity: float


@dataclass(frozen=True)
class Agreement:
    """Mean share of the items in one model's lists that are in another model's lists too."""

    titles: float  # lists of similar items
    people: float  # lists for users


def rank_biased_overlap(first: Sequence[RawId], second: Sequence[RawId]) -> float:
    """Return the similarity of two ranked lists: 1 for equal lists, 0 for disjoint ones, the top weighing most.

    Webber, Moffat and Zobel (2010); a reader goes on to the next rank with probability PERSISTENCE. Both lists are cut
    to the length of the shorter one, and the agreement at that depth stands for everything below.
    """
    depth = min(len(first), len(second))
    if not depth:
        return float(len(first) == len(second))
    agreements = [len(set(first[: d + 1]) & set(second[: d + 1])) / (d + 1) for d in range(depth)]
    weights = (1 - PERSISTENCE) * PERSISTENCE ** np.arange(depth)
    return float(weights @ agreements + agreements[-1] * PERSISTENCE**depth)


def overlap(first: Ids, second: Ids) -> float:
    """Return the share of the first SHOWN items of one list that are among the first SHOWN of the other."""
    length = min(SHOWN, len(first), len(second))
    return len(set(first[:SHOWN].tolist()) & set(second[:SHOWN].tolist())) / length if length else 1.0


def similar_item_lists(model: Model, movie_ids: Sequence[RawId]) -> list[Ids]:
    """Return the raw ids of the SHOWN items most similar to each item, best first."""
    rows = [model.movie_row(raw_id) for raw_id in movie_ids]
    return [model.movie_ids.values(model.similar(row, Wanted(n=SHOWN)).rows) for row in rows]


def user_lists(model: Model, user_ids: Sequence[RawId], n: int = SHOWN) -> list[Ids]:
    """Return the raw ids of the n items recommended to each user, best first."""
    rows = [model.user_row(raw_id) for raw_id in user_ids]
    return [model.movie_ids.values(model.for_user(row, Wanted(n=n)).rows) for row in rows]


def agreement(before: Model, after: Model, films: int, people: int) -> Agreement:
    """Return how much the lists of two models overlap, for the `films` most rated items and `people` users.

    `after` has seen more ratings: items that a user has rated since are removed from the list of `before` too.
    """
    most_rated = np.argsort(-after.catalog.counts, kind="stable")[:films]
    movie_ids = after.movie_ids.raws(most_rated[after.catalog.counts[most_rated] > 0])
    item_pairs = zip(similar_item_lists(before, movie_ids), similar_item_lists(after, movie_ids), strict=True)
    active_users = np.flatnonzero(np.diff(before.arrays["history_indptr"]) > 0)
    user_ids = before.user_ids.raws(evenly_spaced(active_users, people))
    user_pairs = zip(_without_newly_rated(before, after, user_ids), user_lists(after, user_ids), strict=True)
    return Agreement(_mean_overlap(item_pairs), _mean_overlap(user_pairs))


def difference(before: Model, after: Model, titles: Sequence[str], people: int) -> Difference:
    """Return the lists of both models for the items named by `titles` (none: the most rated) and for `people` users.

    Raises LookupFailedError for a title that no item or several items have, UsageError for models without common items.
    """
    if not any(raw_id in after.movie_ids for raw_id in before.movie_ids.raws(range(len(before.movie_ids)))):
        raise UsageError("The two versions have no film in common; only versions of one data set can be compared.")
    movie_ids = before.movie_ids.raws(before.titles.resolve(title).row for title in titles)
    movie_ids = movie_ids or before.movie_ids.raws(np.argsort(-before.catalog.counts, kind="stable")[:SHOWN])
    common_users = np.flatnonzero(after.user_ids.rows(before.user_ids.values()) >= 0)
    user_ids = before.user_ids.raws(evenly_spaced(common_users, people))
    labels = [_label(before, movie_id) for movie_id in movie_ids]
    item_changes = _changes(before, after, labels, similar_item_lists, movie_ids)
    user_changes = _changes(before, after, [f"user {user_id}" for user_id in user_ids], user_lists, user_ids)
    return Difference(
        titles=item_changes,
        people=sorted(user_changes, key=lambda change: change.similarity),
        mean_title_similarity=float(np.mean([change.similarity for change in item_changes])),
        mean_people_similarity=float(np.mean([change.similarity for change in user_changes])),
    )


def _changes(
    before: Model, after: Model, names: Sequence[str], lists: Callable[..., list[Ids]], query_ids: Sequence[RawId]
) -> list[ListChange]:
    """Return the change of each query's list; `lists(model, query_ids)` computes one model's lists."""
    return [
        ListChange(
            name,
            [_label(before, movie_id) for movie_id in old.tolist()],
            [_label(after, movie_id) for movie_id in new.tolist()],
            rank_biased_overlap(old.tolist(), new.tolist()),
        )
        for name, old, new in zip(names, lists(before, query_ids), lists(after, query_ids), strict=True)
    ]


def _label(model: Model, movie_id: RawId) -> str:
    return model.catalog.film(model.movie_row(movie_id)).label


def _without_newly_rated(before: Model, after: Model, user_ids: Sequence[RawId]) -> list[Ids]:
    """Return the users' lists by `before` without the items that they had rated by the time of `after`."""
    user_rows = [after.user_row(user_id) for user_id in user_ids]
    rated = [after.movie_ids.values(after.history.ratings(np.array([row])).indices) for row in user_rows]
    lists = user_lists(before, user_ids, _DEPTH)
    return [movie_ids[~np.isin(movie_ids, rated_ids)] for movie_ids, rated_ids in zip(lists, rated, strict=True)]


def _mean_overlap(list_pairs: zip[tuple[Ids, Ids]]) -> float:
    return float(np.mean([overlap(first, second) for first, second in list_pairs]))
