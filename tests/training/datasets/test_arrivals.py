"""Events as interactions: as if they had stood in the files, the latest of each pair, and nothing of anybody's key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from online.events import Event
from online.store import EventWriter, events_file
from recommender.schema import MOVIE, RATING, TIMESTAMP, USER
from training.datasets.arrivals import BOT_EVENTS
from training.datasets.store import ProcessedDataset, prepare

HEADER = "userId,movieId,rating,timestamp\n"
MOVIES = "movieId,title,genres\n1,Toy Story (1995),Animation\n2,Heat (1995),Crime\n7,Ran (1985),Drama\n"
RATED = [(1, 1, 4.0, 100), (1, 2, 3.0, 101), (2, 1, 5.0, 102), (2, 7, 2.5, 103), (3, 2, 4.5, 104), (5, 7, 1.0, 105)]


def files(root: Path, rows: list[tuple[int, int, float, int]]) -> Path:
    root.mkdir()
    (root / "movies.csv").write_text(MOVIES)
    (root / "ratings.csv").write_text(HEADER + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    return root


def rated(person: str, item: object, rating: float | None, time: float, **other: Any) -> Event:
    """`person`: a visitor's key, or u and the number of a user."""
    user = person[1:] if person[:1] == "u" and person[1:].isdigit() else ""
    event = Event(
        "watched" if rating is None else "rated", "" if user else person, user, (str(item),), rating, "", time, time, ""
    )
    return event._replace(**other)


def store_with(root: Path, events: list[Event]) -> Path:
    writer = EventWriter(events_file(root))
    writer.add([events])
    writer.close()
    return root


def prepared(tmp_path: Path, raw: Path, events: list[Event] | None = None) -> ProcessedDataset:
    store = None if events is None else store_with(tmp_path / "store", events)
    root = tmp_path / ("files" if events is None else "events")
    return prepare("toy", raw=raw, events=events is not None, events_store=store, processed_root=root)


def same(first: ProcessedDataset, second: ProcessedDataset) -> bool:
    one, other = first.user_item(), second.user_item()
    parts = [(getattr(one, name), getattr(other, name)) for name in ("data", "indices", "indptr")]
    return first.user_ids.is_same(second.user_ids) and all(a.tobytes() == b.tobytes() for a, b in parts)


def ratings(dataset: ProcessedDataset) -> dict[tuple[int, int], tuple[float, int]]:
    columns = (dataset.ratings[column].tolist() for column in (USER, MOVIE, RATING, TIMESTAMP))
    return {(user, movie): (stars, time) for user, movie, stars, time in zip(*columns, strict=True)}


@pytest.mark.parametrize("count", [1, 3, 5])
def test_ratings_as_events_give_the_matrix_of_the_files(tmp_path: Path, count: int) -> None:
    whole = prepared(tmp_path, files(tmp_path / "whole", RATED))
    events = [rated(f"u{user}", movie, stars, time) for user, movie, stars, time in RATED[-count:]]
    joined = prepared(tmp_path, files(tmp_path / "part", RATED[:-count]), events)
    assert same(joined, whole)
    assert joined.events["merged"] == count


def test_the_latest_rating_counts_wherever_it_came_from(tmp_path: Path) -> None:
    events = [
        *(rated("u1", 1, 2.0, 99), rated("u1", 2, 5.0, 200)),  # older and later than the files
        *(rated("u3", 7, 4.0, 300), rated("u3", 7, 1.0, 250), rated("u3", 7, None, 400)),
        *(rated("u2", 1, None, 500), rated("u2", 2, None, 500)),
    ]
    joined = prepared(tmp_path, files(tmp_path / "raw", RATED), events)
    known = ratings(joined)
    assert known[1, 1] == (4.0, 100)
    assert known[1, 2] == (5.0, 200)
    assert known[3, 7] == (4.0, 300)
    assert known[2, 1] == (5.0, 102)
    assert known[2, 2] == (joined.feedback.like, 500)
    counts = {name: count for name, count in joined.events.items() if count}
    assert counts == {
        "read": 7,
        "contradictory": 1,
        "repeated": 2,
        "older_than_the_rating_of_the_files": 1,
        "replace_a_rating_of_the_files": 1,
        "watched_but_rated_in_files": 1,
        "merged": 3,
    }


def test_visitors_become_new_users_and_their_keys_go_nowhere(tmp_path: Path) -> None:
    key = "visitor-key-9f3c"
    events = [rated(key, 1, 5.0, 10), rated("u9", 2, 3.0, 11), rated("ben", 7, 2.0, 12), rated(key, 7, 1.0, 13)]
    joined = prepared(tmp_path, files(tmp_path / "raw", RATED), events)
    assert joined.user_ids.ids.tolist() == [1, 2, 3, 5, 9, 10, 11]
    assert (ratings(joined)[10, 1], ratings(joined)[11, 7]) == ((5.0, 10), (2.0, 12))
    written = b"".join(path.read_bytes() for path in (tmp_path / "events").rglob("*") if path.is_file())
    assert key.encode() not in written


def test_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    bot = [rated("bot", 1 + number % 2, 5.0, 1_000.0 + number / 10) for number in range(BOT_EVENTS + 1)]
    disguised = [rated("sly", 1, 5.0, 1e9 + 9_000.0 * number, received=20.0) for number in range(BOT_EVENTS + 1)]
    events = [
        *bot,
        *disguised,
        rated("ana", 99, 4.0, 10),
        rated("ana", "tt01", 4.0, 10),
        rated("ana", 1, 4.2, 10),
        rated("ana", 1, 4.0, 10, user_id="x-1", visitor=""),
        rated("ana", 2, 4.0, 10, received=100_000.0),
    ]
    joined = prepared(tmp_path, files(tmp_path / "raw", RATED), events)
    counts = joined.events
    assert counts["from_visitors_at_bots_rates"] == 2 * (BOT_EVENTS + 1)
    assert [counts[name] for name in ("of_unknown_items", "off_the_scale", "of_impossible_users", "late")] == [
        2,
        1,
        1,
        1,
    ]
    assert counts["merged"] == 1


def test_new_events_and_erased_ones_make_the_data_set_again(tmp_path: Path) -> None:
    raw = files(tmp_path / "raw", RATED)
    first = prepared(tmp_path, raw, [rated("ana", 1, 4.0, 10)])
    assert prepared(tmp_path, raw, []).fingerprint == first.fingerprint
    more = prepared(tmp_path, raw, [rated("ben", 1, 4.0, 10)])
    assert more.fingerprint != first.fingerprint
    writer = EventWriter(events_file(tmp_path / "store"))
    writer.erase("ben")
    writer.close()
    assert prepared(tmp_path, raw, []).fingerprint == first.fingerprint


def test_events_join_tables_of_ones_own(tmp_path: Path) -> None:
    from training.datasets.tabular.source import build_source

    rows = [("ann", "b1", 4), ("bob", "b2", 2), ("cid", "b1", 5), ("ann", "b2", 3)]
    frame = pd.DataFrame(rows, columns=["reader", "book", "stars"]).assign(at=np.arange(4) + 100)
    datasets = []
    for name, count in (("whole", 4), ("part", 3)):
        frame.head(count).to_csv(tmp_path / f"{name}.csv", index=False)
        keys = {"user": "reader", "item": "book", "rating": "stars", "time": "at", "scale": "1:5"}
        source = build_source(keys | {"interactions": [tmp_path / f"{name}.csv"]}, "test")
        store = store_with(tmp_path / "store", [rated("ann", "b2", 3.0, 103)._replace(user_id="ann", visitor="")])
        root = tmp_path / name
        datasets.append(prepare("books", source=source, events=name == "part", events_store=store, processed_root=root))
    assert same(*datasets)
    with_visitor = store_with(tmp_path / "other", [rated("key-of-dot", "b1", 1.0, 5)])
    joined = prepare(
        "books", source=source, events=True, events_store=with_visitor, processed_root=tmp_path / "visitor"
    )
    assert joined.user_ids.raws(range(4)) == ["ann", "bob", "cid", "visitor-1"]
