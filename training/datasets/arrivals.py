"""Ratings and watched films that came in as events, and how they join the interactions of a data set's files.

Of a person and an item the latest rating counts; a film that was only watched counts as a like of the lowest degree on
a scale of ratings, and as one event where there are no ratings. Visitors become users under ids of their own: their
keys go nowhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from online.events import Kind
from online.store import EventReader, events_file
from recommender.feedback import Feedback
from recommender.films.ids import LARGEST_INTEGER, IdMap, is_integer_id
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from training.datasets.cleaning.schemas import is_on_scale

LATE_SECONDS = 86_400.0
BOT_EVENTS = 1_000  # of one visitor within an hour; the busiest people of MovieLens rate 600
_HOUR = 3_600.0
_WATCHED = "watched"

Report = dict[str, int]


class Arrivals(NamedTuple):
    """Rated and watched events in the order in which they came in, and counts of what was read.

    `frame`: visitor, user_id, item: str ("" for none); rating: float64, NaN of watched; time, received: float64.
    """

    frame: pd.DataFrame
    report: Report

    @property
    def identity(self) -> str:
        """Return a digest of the events, which becomes part of a data set's fingerprint."""
        columns = self.frame[["visitor", "user_id", "item", "rating", "time"]]
        return hashlib.sha256(pd.util.hash_pandas_object(columns, index=False).to_numpy().tobytes()).hexdigest()


def read_arrivals(store: Path) -> Arrivals:
    """Return the rated and watched events of a service's store. Raises MissingInputError where it has none."""
    reader = EventReader(events_file(store))
    try:
        rows = [
            (event.visitor, event.user_id, event.items[0], event.rating, event.time, event.received)
            for _, event in reader.events([Kind.RATED, Kind.WATCHED])
        ]
    finally:
        reader.close()
    frame = pd.DataFrame(rows, columns=["visitor", "user_id", "item", "rating", "time", "received"])
    frame = frame.astype({"rating": "float64", "time": "float64", "received": "float64"})
    report = {"read": len(frame), "late": int((frame["received"] - frame["time"] > LATE_SECONDS).sum())}
    return Arrivals(frame, report)


def place(
    arrivals: Arrivals, user_ids: Collection[str], item_ids: Collection[str], feedback: Feedback, has_steps: bool = True
) -> tuple[pd.DataFrame, Report]:
    """Return the valid events as interactions with ids as text, and the number of events by outcome.

    `user_ids`, `item_ids`: those of the files; `has_steps`: whether ratings lie on steps of the scale. The frame has
    USER, MOVIE, RATING (float32), TIMESTAMP (int64) and "watched", in the order of time; with ratings, one row for
    each person and item.
    """
    frame, report = arrivals.frame, dict(arrivals.report)
    frame = frame.assign(**{_WATCHED: frame["rating"].isna()})
    unwatched = feedback.like if feedback.has_ratings else 1.0
    frame["rating"] = frame["rating"].fillna(unwatched).astype("float32")
    all_integers = all(map(is_integer_id, user_ids))
    dropped: list[tuple[str, Callable[[pd.DataFrame], pd.Series]]] = [
        ("from_visitors_at_bots_rates", _at_bots_rates),
        ("of_unknown_items", lambda events: ~events["item"].isin(set(item_ids))),
        ("of_impossible_users", lambda events: (events["user_id"] != "") & ~_is_possible(events, user_ids)),
        ("off_the_scale", lambda events: ~_is_valid(events["rating"], feedback, has_steps)),
    ]
    for name, is_dropped in dropped:
        mask = is_dropped(frame).to_numpy(dtype=bool)
        report[name] = int(mask.sum())
        frame = frame[~mask]
    names = _visitor_ids(frame["visitor"], {*user_ids, *frame["user_id"]}, all_integers=all_integers)
    people = frame["user_id"].where(frame["user_id"] != "", frame["visitor"].map(names))
    placed = pd.DataFrame(
        {
            USER: people,
            MOVIE: frame["item"],
            RATING: frame["rating"],
            TIMESTAMP: np.floor(frame["time"]).astype("int64"),
            _WATCHED: frame[_WATCHED],
        }
    )
    report["of_new_visitors"] = int((frame["visitor"] != "").sum())
    placed = placed.iloc[np.argsort(frame["time"].to_numpy(), kind="stable")].reset_index(drop=True)
    if feedback.has_ratings:
        placed, report["contradictory"], report["repeated"] = _latest(placed)
    return placed, report


def join_integers(
    ratings: pd.DataFrame, movie_ids: IdMap, arrivals: Arrivals, feedback: Feedback
) -> tuple[pd.DataFrame, Report]:
    """Return the clean ratings of MovieLens's files with those that came in, and the report."""
    users = set(map(str, ratings[USER].unique().tolist()))
    placed, report = place(arrivals, users, set(map(str, movie_ids.ids.tolist())), feedback)
    types = {column: ratings[column].dtype for column in (USER, MOVIE)}
    joined, counts = merge(ratings, placed.astype(types), feedback)
    return joined, report | counts


def merge(ratings: pd.DataFrame, placed: pd.DataFrame, feedback: Feedback) -> tuple[pd.DataFrame, Report]:
    """Return the ratings of the files with those that came in behind them, and counts of the pairs in both.

    Both have the same columns and types, `placed` also "watched". What a file rated is not replaced by "watched".
    """
    counts: Report = {}
    if feedback.has_ratings and len(placed):
        same_users = ratings.loc[ratings[USER].isin(placed[USER].unique()), [USER, MOVIE, TIMESTAMP]]
        latest = same_users.groupby([USER, MOVIE])[TIMESTAMP].max().to_frame("in_files").reset_index()
        in_files = placed.merge(latest, on=[USER, MOVIE], how="left")["in_files"]
        is_rated = in_files.notna().to_numpy()
        is_later = (in_files <= placed[TIMESTAMP]).to_numpy()
        watched = placed[_WATCHED].to_numpy()
        counts["watched_but_rated_in_files"] = int((is_rated & watched).sum())
        counts["replace_a_rating_of_the_files"] = int((is_rated & is_later & ~watched).sum())
        counts["older_than_the_rating_of_the_files"] = int((is_rated & ~is_later & ~watched).sum())
        placed = placed.loc[~(is_rated & (watched | ~is_later))]
    counts["merged"] = len(placed)
    fresh = placed.drop(columns=_WATCHED).astype(ratings.dtypes.to_dict())
    return pd.concat([ratings, fresh[list(ratings.columns)]], ignore_index=True), counts


def _latest(placed: pd.DataFrame) -> tuple[pd.DataFrame, int, int]:
    """Return the latest rating of each pair, or that it was watched; and how many pairs contradict themselves."""
    rated = placed[~placed[_WATCHED]]
    contradictory = int((rated.groupby([USER, MOVIE], sort=False)[RATING].nunique() > 1).sum())
    ordered = placed.sort_values(_WATCHED, ascending=False, kind="stable")  # what was rated comes last, and stays
    latest = ordered.drop_duplicates([USER, MOVIE], keep="last").sort_index().reset_index(drop=True)
    return latest, contradictory, len(placed) - len(latest)


def _at_bots_rates(events: pd.DataFrame) -> pd.Series:
    """Return which events are of visitors with more than BOT_EVENTS in some hour, by their own clock or by ours."""
    of_visitors = events[events["visitor"] != ""]
    bots: set[str] = set()
    for clock in ("time", "received"):
        in_an_hour = of_visitors.groupby(["visitor", of_visitors[clock] // _HOUR]).size()
        bots |= set(in_an_hour[in_an_hour > BOT_EVENTS].index.get_level_values(0))
    return events["visitor"].isin(bots)


def _is_possible(events: pd.DataFrame, user_ids: Collection[str]) -> pd.Series:
    """Return which events have a user_id that `user_ids` could hold: any text, or an integer of their width."""
    if not all(map(is_integer_id, user_ids)):
        return pd.Series(True, index=events.index)
    narrow = int(np.iinfo(np.int32).max)  # MovieLens's files are read into 32 bits
    largest = narrow if max(map(int, user_ids), default=0) <= narrow else LARGEST_INTEGER
    return events["user_id"].map(lambda text: is_integer_id(text) and int(text) <= largest).astype(bool)


def _is_valid(ratings: pd.Series, feedback: Feedback, has_steps: bool) -> pd.Series:
    if feedback.has_ratings and not has_steps:
        return ratings.between(feedback.minimum, feedback.maximum)
    if feedback.has_ratings:
        return pd.Series(is_on_scale(ratings.to_numpy(), feedback), index=ratings.index)
    return ratings > 0


def _visitor_ids(visitors: pd.Series, taken: Collection[str], *, all_integers: bool) -> dict[str, str]:
    """Return a user id for each visitor, in the order in which they came: none of those that are taken."""
    names: Iterable[str]
    if all_integers:
        names = map(str, count(max((int(text) for text in taken if text), default=0) + 1))
    else:
        names = (name for number in count(1) if (name := f"visitor-{number}") not in taken)
    return dict(zip((key for key in visitors.unique() if key), names, strict=False))
