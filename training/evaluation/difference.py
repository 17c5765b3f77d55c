"""How two models' lists differ: overlap, rank-biased overlap, what enters and what leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.errors import UsageError
from recommender.model import Model, Wanted

SHOWN = 10  # films on a page
PERSISTENCE = 0.9  # the tenth film weighs 0.9^9 = 0.39 of the first
_DEPTH = 50  # a list this long still has ten films when films rated since are taken out

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class ListChange:
    """What becomes of one list: titles, best first."""

    subject: str  # a title, or `user 7`
    before: list[str]
    after: list[str]
    similarity: float  # rank-biased overlap

    @property
    def entering(self) -> list[str]:
        return [title for title in self.after if title not in self.before]

    @property
    def leaving(self) -> list[str]:
        return [title for title in self.before if title not in self.after]


@dataclass(frozen=True)
class Difference:
    """What would change for people if one model took the place of another."""

    titles: list[ListChange]  # in the order asked for
    people: list[ListChange]  # whose lists change most first
    mean_title_similarity: float
    mean_people_similarity: float


@dataclass(frozen=True)
class Agreement:
    """Mean share of the films shown by one model that another shows too."""

    titles: float
    people: float


def rank_biased_overlap(first: Sequence[int] | Ids, second: Sequence[int] | Ids, p: float = PERSISTENCE) -> float:
    """Webber, Moffat and Zobel (2010): 1 for equal lists, 0 for disjoint ones; a person looks on with probability p.

    Both lists are judged to the depth of the shorter one, the agreement there standing for everything below.
    """
    depth = min(len(first), len(second))
    if not depth:
        return float(len(first) == len(second))
    shared = [len(set(first[: d + 1]) & set(second[: d + 1])) / (d + 1) for d in range(depth)]
    weights = (1 - p) * p ** np.arange(depth)
    return float(weights @ shared + shared[-1] * p**depth)


def overlap(first: Ids, second: Ids, n: int = SHOWN) -> float:
    """Share of the first n films of one list that are among the first n of the other."""
    shown = min(n, len(first), len(second))
    return len(set(first[:n].tolist()) & set(second[:n].tolist())) / shown if shown else 1.0


def title_lists(model: Model, movie_ids: Sequence[int] | Ids, n: int = SHOWN) -> list[Ids]:
    """Raw ids of the films like each film."""
    return [model.movie_ids.ids[model.similar(model.movie_row(int(i)), Wanted(n=n)).rows] for i in movie_ids]


def people_lists(model: Model, user_ids: Sequence[int] | Ids, n: int = SHOWN) -> list[Ids]:
    """Raw ids of the films for each person."""
    return [model.movie_ids.ids[model.for_user(model.user_row(int(i)), Wanted(n=n)).rows] for i in user_ids]


def agreement(before: Model, after: Model, films: int, people: int) -> Agreement:
    """Mean overlap of the ten films shown, for the most rated `films` films and for `people` people.

    `after` has seen more ratings: films that a person has rated since are taken out of the list of `before` too.
    """
    most_rated = np.argsort(-after.catalog.counts, kind="stable")[:films]
    chosen = after.movie_ids.ids[most_rated[after.catalog.counts[most_rated] > 0]]
    titles = zip(title_lists(before, chosen), title_lists(after, chosen), strict=True)
    users = before.user_ids.ids[_spread(np.flatnonzero(_ratings_of_each(before) > 0), people)]
    persons = zip(_without_newly_rated(before, after, users), people_lists(after, users), strict=True)
    return Agreement(_mean_overlap(titles), _mean_overlap(persons))


def difference(before: Model, after: Model, titles: Sequence[str], people: int) -> Difference:
    """The lists of both models for films named by `titles` (none: well-known ones) and for `people` people.

    Raises LookupFailedError for a title that no film or several films have, UsageError for models of different films.
    """
    if not np.isin(before.movie_ids.ids, after.movie_ids.ids).any():
        raise UsageError("The two versions have no film in common; only versions of one data set can be compared.")
    films = [before.movie_ids.ids[before.titles.resolve(title).row] for title in titles] or _most_rated(before)
    users = np.intersect1d(before.user_ids.ids, after.user_ids.ids)
    users = users[_spread(np.arange(len(users)), people)]
    for_titles = _changes(before, after, [_name(before, int(film)) for film in films], title_lists, films)
    for_people = _changes(before, after, [f"user {user}" for user in users], people_lists, users)
    return Difference(
        titles=for_titles,
        people=sorted(for_people, key=lambda change: change.similarity),
        mean_title_similarity=float(np.mean([change.similarity for change in for_titles])),
        mean_people_similarity=float(np.mean([change.similarity for change in for_people])),
    )


def _changes(
    before: Model, after: Model, names: Sequence[str], lists: Callable[..., list[Ids]], subjects: Sequence[int] | Ids
) -> list[ListChange]:
    return [
        ListChange(
            name,
            [_name(before, int(film)) for film in old],
            [_name(after, int(film)) for film in new],
            rank_biased_overlap(old.tolist(), new.tolist()),
        )
        for name, old, new in zip(names, lists(before, subjects), lists(after, subjects), strict=True)
    ]


def _name(model: Model, movie_id: int) -> str:
    return model.catalog.film(model.movie_row(movie_id)).label


def _most_rated(model: Model) -> Ids:
    return model.movie_ids.ids[np.argsort(-model.catalog.counts, kind="stable")[:SHOWN]]


def _without_newly_rated(before: Model, after: Model, users: Ids) -> list[Ids]:
    rated = [after.movie_ids.ids[after.history.ratings(np.array([after.user_row(int(u))])).indices] for u in users]
    lists = people_lists(before, users, _DEPTH)
    return [films[~np.isin(films, known)] for films, known in zip(lists, rated, strict=True)]


def _ratings_of_each(model: Model) -> NDArray[np.int64]:
    return np.diff(model.arrays["history_indptr"])


def _spread(rows: Ids, n: int) -> Ids:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(np.int64))]


def _mean_overlap(pairs: zip[tuple[Ids, Ids]]) -> float:
    return float(np.mean([overlap(first, second) for first, second in pairs]))
