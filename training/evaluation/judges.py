"""What each kind of protocol asks of a model: lists for people, lists for films, or predicted stars."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommender.model import Model
from training.datasets.tag_matrix import unit_rows
from training.evaluation import beyond, ratings
from training.evaluation.lists import Queries, film_lists, user_lists
from training.evaluation.metrics import Lists, Values, group_means, list_metrics, weighted_metrics
from training.evaluation.significance import Interval, resampling_weights, standard_error_interval
from training.kernels.hits import find_hits
from training.progress import Progress
from training.splits.protocol import ProtocolConfig

Rows = NDArray[np.int64]
PerUser = dict[str, Values]
_SET_DRAWS = 200  # resamples of a whole set of lists


@dataclass(frozen=True)
class Parts:
    """A split as matrices (n_users, n_movies) of stars."""

    train: sp.csr_matrix
    history: sp.csr_matrix  # what the model is shown of the people it answers
    folded: bool  # it knows them by that history alone
    masked: sp.csr_matrix  # films that a person's list leaves out
    test: sp.csr_matrix
    relevant: sp.csr_matrix  # the test ratings that make a film relevant
    queries: sp.csr_matrix | None  # item to item: the films that are asked about
    tags: sp.csr_matrix  # (n_movies, n_features)

    @cached_property
    def popularity(self) -> NDArray[np.int64]:
        """(n_movies,) training ratings."""
        return np.bincount(self.train.indices, minlength=self.train.shape[1])

    def shelf(self, people: Rows | None = None) -> beyond.Shelf:
        """The films, with what `people` had rated where lists are for people."""
        raters = int(np.count_nonzero(np.diff(self.train.indptr)))
        tags = unit_rows(self.tags)
        if people is None:
            return beyond.Shelf(self.popularity, raters, tags)
        theirs = self.history[people]
        counts = np.maximum(np.diff(theirs.indptr), 1)
        return beyond.Shelf(self.popularity, raters, tags, (theirs.astype(bool) @ self.popularity) / counts)


@dataclass(frozen=True)
class Outcome:
    """What a judge found, before intervals."""

    users: Rows  # (u,) user rows
    per_user: PerUser
    overall: dict[str, float]
    bounds: dict[str, Interval] = field(default_factory=dict)
    arrays: PerUser = field(default_factory=dict)


def judge_people(model: Model, parts: Parts, protocol: ProtocolConfig, seed: int, progress: Progress) -> Outcome:
    """Lists for the people with a relevant test film; predicted stars for everybody with a test rating."""
    tested = np.flatnonzero(np.diff(parts.test.indptr))
    people = np.flatnonzero(np.diff(parts.relevant.indptr))
    lists = user_lists(
        model, people, parts.history, parts.masked, max(protocol.k), folded=parts.folded, progress=progress
    )
    relevant = parts.relevant[people]
    found = find_hits(lists, relevant)
    counts = np.diff(relevant.indptr)
    per_list = list_metrics(found, counts, protocol.k, protocol.metrics)
    per_list |= _beyond(lists, parts.shelf(people), protocol)
    at = np.searchsorted(tested, people)
    per_user = {name: _spread(values, at, len(tested)) for name, values in per_list.items()}
    stars, arrays = _stars(model, parts, protocol, tested)
    overall, bounds = _whole_set(lists, np.arange(len(people)), len(people), parts, protocol, seed)
    overall |= {"users": len(people), "users_without_relevant": len(tested) - len(people)}
    return Outcome(tested, per_user | stars, overall, bounds, arrays | _exposure(lists, parts, protocol))


def judge_films(model: Model, parts: Parts, protocol: ProtocolConfig, seed: int, progress: Progress) -> Outcome:
    """Lists for films that people like: as anybody gets them, and without what the person had rated."""
    assert parts.queries is not None, "the split of an item-to-item protocol names its queries"
    by_film = parts.queries.T.tocsr()
    by_film.sort_indices()
    queries = Queries(by_film.indices.astype(np.int64), np.repeat(np.arange(by_film.shape[0]), np.diff(by_film.indptr)))
    people, owners = np.unique(queries.users, return_inverse=True)
    found = film_lists(model, queries, parts.masked, max(protocol.k), progress)
    of_film = np.searchsorted(found.films, queries.films)
    relevant = parts.relevant[queries.users]
    per_query = _accuracy(found.kept[of_film], relevant, parts, protocol)
    per_query |= {f"masked_{name}": each for name, each in _accuracy(found.masked, relevant, parts, protocol).items()}
    per_query |= _chance(queries, parts, protocol)
    per_query |= {name: each[of_film] for name, each in _beyond(found.kept, parts.shelf(), protocol).items()}
    per_user = {name: group_means(values, owners, len(people)) for name, values in per_query.items()}
    overall, bounds = _whole_set(found.kept[of_film], owners, len(people), parts, protocol, seed)
    overall |= {"users": len(people), "queries": len(queries.films)}
    return Outcome(people, per_user, overall, bounds, _exposure(found.kept[of_film], parts, protocol))


def judge_ratings(model: Model, parts: Parts, protocol: ProtocolConfig, seed: int, progress: Progress) -> Outcome:
    """Predicted stars alone."""
    tested = np.flatnonzero(np.diff(parts.test.indptr))
    per_user, arrays = _stars(model, parts, protocol, tested)
    return Outcome(tested, per_user, {"users": len(tested)}, arrays=arrays)


def _accuracy(lists: Lists, relevant: sp.csr_matrix, parts: Parts, protocol: ProtocolConfig) -> PerUser:
    found = find_hits(lists, relevant)
    metrics = list_metrics(found, np.diff(relevant.indptr), protocol.k, protocol.metrics)
    weights = 1.0 / np.maximum(parts.popularity, 1)
    weighted = weighted_metrics(lists, found, relevant, weights, protocol.k)
    wanted = {name for name in weighted if name.rpartition("_at_")[0] in protocol.metrics}
    return metrics | {name: weighted[name] for name in weighted if name in wanted}


def _chance(queries: Queries, parts: Parts, protocol: ProtocolConfig) -> PerUser:
    """What random lists would hit, with every film but the query to choose from, and without the masked ones."""
    if "chance_hit_rate" not in protocol.metrics:
        return {}
    relevant = np.diff(parts.relevant.indptr)[queries.users]
    films = np.full(len(relevant), parts.train.shape[1] - 1)
    unseen = films + 1 - np.diff(parts.masked.indptr)[queries.users]  # the query is one of the masked films
    return {
        f"{prefix}chance_hit_rate_at_{k}": beyond.chance_hit_rate(candidates, relevant, k)
        for prefix, candidates in (("", films), ("masked_", unseen))
        for k in protocol.k
    }


def _beyond(lists: Lists, shelf: beyond.Shelf, protocol: ProtocolConfig) -> PerUser:
    return {
        f"{name}_at_{k}": beyond.PER_LIST[name](lists[:, :k], shelf)
        for name in protocol.metrics
        if name in beyond.PER_LIST
        for k in protocol.k
    }


def _whole_set(
    lists: Lists, owners: Rows, n_users: int, parts: Parts, protocol: ProtocolConfig, seed: int
) -> tuple[dict[str, float], dict[str, Interval]]:
    """Figures of all lists together, with intervals over resampled people; `owners` (m,) person of each list."""
    names = [name for name in protocol.metrics if name in beyond.WHOLE_SET]
    bounds: dict[str, Interval] = {}
    for k in protocol.k if names else []:
        shown = _shown_to(lists[:, :k], owners, (n_users, parts.train.shape[1]))
        resampled = [
            np.stack([beyond.WHOLE_SET[name](block) for name in names])
            for weights in resampling_weights(n_users, _SET_DRAWS, seed)
            for block in [np.asarray(weights @ shown)]
        ]
        whole = np.asarray(shown.sum(axis=0)).ravel()
        for name, draws in zip(names, np.concatenate(resampled, axis=1), strict=True):
            bounds[f"{name}_at_{k}"] = standard_error_interval(float(beyond.WHOLE_SET[name](whole)), draws)
    return {name: each.value for name, each in bounds.items()}, bounds


def _shown_to(lists: Lists, owners: Rows, shape: tuple[int, int]) -> sp.csr_matrix:
    """(n_users, n_movies) how often each person is shown each film."""
    lines, places = np.nonzero(lists >= 0)
    entries = (np.ones(len(lines)), (owners[lines], lists[lines, places]))
    return sp.csr_matrix(sp.coo_matrix(entries, shape=shape))


def _exposure(lists: Lists, parts: Parts, protocol: ProtocolConfig) -> PerUser:
    shown = beyond.exposure(lists[:, : protocol.k[0]], parts.train.shape[1])
    return {"exposure": shown.astype(np.float64), "popularity": parts.popularity.astype(np.float64)}


def _stars(model: Model, parts: Parts, protocol: ProtocolConfig, users: Rows) -> tuple[PerUser, PerUser]:
    """RMSE and MAE of each of `users`, and the calibration, where the protocol wants them and the model predicts."""
    if not {"rmse", "mae"} & set(protocol.metrics):
        return {}, {}
    predictions = ratings.predict(model, parts.test, parts.history, folded=parts.folded)
    if predictions is None:
        return {}, {}
    return ratings.rating_metrics(predictions, users), {"calibration": ratings.calibration(predictions)}


def _spread(values: Values, at: Rows, n: int) -> Values:
    spread = np.full(n, np.nan)
    spread[at] = values
    return spread
