"""Predict one film for one person: rating with interval, rank in the list, and the reasons if it is not listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.model import USUAL_RATINGS, Model, Person, Wanted
from recommender.scoring.intervals import bounds
from recommender.scoring.ranking import limited

_DEVIATIONS = 1.2816  # that intervals.LEVEL of a normal distribution lies within
SEEN, SECOND_ENTRY, BELOW, FURTHER_DOWN, EARLIER = "seen", "second_entry", "min_expected", "further_down", "offset"
LIMIT = "max_per"
_WISHES = ("diversity", "steer", "popularity", "recency")  # fields of Wanted that may move a film down


@dataclass(frozen=True)
class Interval:
    """A predicted rating on the data set's scale, and the bounds of the interval of intervals.LEVEL around it."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Place:
    """Rank of a film among the `of` candidates of a person's list; None if it is excluded, see `kept_away_by`."""

    rank: int | None
    of: int
    kept_away_by: list[str]


def interval(model: Model, person: Person, row: int) -> Interval | None:
    """Return the rating that a person would give the film at `row`; None where the model predicts none.

    Where the version has no calibrated intervals, the spread is that of the film's own ratings, damped by that of all
    films, times what the model's RMSE leaves of it.
    """
    predicted = model.predicted_ratings(np.array([row]), person.history, person.row)
    if predicted is None:
        return None
    expected, feedback, spec = float(predicted[0]), model.feedback, model.manifest.rating_scorer
    if spec is not None and spec.interval is not None:
        stars = np.asarray(feedback.stars(predicted), dtype=np.float64)
        ends = bounds(spec.interval, model.arrays, model.stars(person.history).data, np.array([row]), stars)
        low, high = feedback.ratings(ends).ravel().tolist()
    else:
        bound = _DEVIATIONS * _deviation(model, row)
        low, high = expected - bound, expected + bound
    return Interval(expected, max(low, feedback.minimum), min(high, feedback.maximum))


def place(model: Model, person: Person, row: int, options: Wanted, scores: NDArray[np.float32] | None = None) -> Place:
    """Return the rank of the film at `row` in a person's list, or the reasons why it is not listed.

    What keeps it away is a condition of the filter by its name, SEEN, SECOND_ENTRY, BELOW, LIMIT with the facet
    ("max_per:genres"), EARLIER than the page, or FURTHER_DOWN, with each of _WISHES without which the film would be on
    the page. `scores`: (n_movies,) rank the list in the place of the person's own.
    """
    allowed = model.open_to([person], options)
    reasons = _obstacles(model, person, row, options)
    if reasons:
        return Place(None, int(allowed.sum()), reasons)
    scores = model.person_scores(person) if scores is None else scores

    def rows(**changes: Any) -> list[int]:
        """Return the rows of the list for options with changes, of any length."""
        unpaged = replace(options, n=len(model.movie_ids), offset=None)
        listed: list[int] = model.rank(scores, allowed, replace(unpaged, **changes)).rows.tolist()
        return listed

    all_rows = rows()
    rank = 1 + all_rows.index(row) if row in all_rows else None
    return Place(rank, int(allowed.sum()), _causes(model, row, rank, options, rows))


def _causes(model: Model, row: int, rank: int | None, options: Wanted, rows: Callable[..., list[int]]) -> list[str]:
    """Return the reasons why a film is not on the page; `rows(**options)`: the list for other options."""
    page = options.page
    if rank is not None and rank <= page.stop:
        return [EARLIER] if rank <= page.start else []
    if rank is None and (limits := _limits_met(model, row, options, rows)):
        return [f"{LIMIT}:{facet}" for facet in limits]
    wishes = {name: getattr(Wanted(), name) for name in _WISHES if getattr(options, name)}
    return [FURTHER_DOWN, *(name for name, none in wishes.items() if row in rows(n=page.stop, **{name: none})[page])]


def _limits_met(model: Model, row: int, options: Wanted, rows: Callable[..., list[int]]) -> list[str]:
    """Return the facets whose limit is used up by better films that share a value with the film."""
    unlimited = rows(limits=(), popularity=0.0, recency=0.0)
    if row not in unlimited:
        return []
    better = limited(unlimited[: unlimited.index(row)], model.catalog, options.limits)
    films = [model.catalog.film(other) for other in better]
    of_film = model.catalog.film(row)
    facets = []
    for facet, most in options.limits:
        counts = Counter(value for film in films for value in {value.casefold() for value in film.values(facet)})
        if any(counts[value.casefold()] >= most for value in of_film.values(facet)):
            facets.append(facet)
    return facets


def _obstacles(model: Model, person: Person, row: int, options: Wanted) -> list[str]:
    catalog = model.catalog
    main = int(catalog.canonical[row])
    obstacles = [name for name, one in options.filter.conditions.items() if not catalog.allowed(one)[main]]
    if main != row:
        obstacles.append(SECOND_ENTRY)
    if not options.include_seen and main in catalog.canonical[person.history.indices]:
        obstacles.append(SEEN)
    if options.min_expected is not None:
        expected = float(model.expected(person, np.array([row]))[0])
        if round(expected, 2) < options.min_expected:
            obstacles.append(BELOW)
    return obstacles


def _deviation(model: Model, row: int) -> float:
    """Return the standard deviation of a rating of the film at `row` from its prediction."""
    counts, variances = model.catalog.counts, model.rating_variances
    pooled = float(np.average(variances, weights=counts)) if counts.any() else 0.0
    damped = (counts[row] * variances[row] + USUAL_RATINGS * pooled) / (counts[row] + USUAL_RATINGS)
    errors = [metric.value for metric in model.manifest.metrics if metric.name == "rmse"]
    unexplained = float(np.mean(np.square(errors))) / pooled if errors and pooled else 1.0
    return float(np.sqrt(damped * unexplained))
