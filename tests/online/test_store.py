"""Events on disk: each once, readable while they are written, and gone without a trace when they are erased."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from online import store
from online.events import Event
from online.store import EventReader, EventWriter, events_file
from recommender.errors import MissingInputError, MovierecError


def event(visitor: str = "ann", kind: str = "clicked", items: tuple[str, ...] = ("1",), event_id: str = "") -> Event:
    return Event(kind, visitor, "", items, 4.0 if kind == "rated" else None, "", 10.0, 11.0, event_id)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[EventWriter]:
    made = EventWriter(events_file(tmp_path))
    yield made
    made.close()


def test_events_come_back_as_they_were_sent(writer: EventWriter, tmp_path: Path) -> None:
    sent = [event(), event(kind="rated"), event(kind="shown", items=("5", "tt01", "ü"))]
    assert writer.add([sent[:1], sent[1:]]) == [1, 2]
    reader = EventReader(events_file(tmp_path))
    assert list(reader.events()) == list(enumerate(sent, 1))
    assert [number for number, _ in reader.events(["rated", "shown"], after=2)] == [3]
    reader.close()


def test_an_event_that_is_repeated_counts_once_for_its_person(writer: EventWriter) -> None:
    assert writer.add([[event(event_id="a"), event(event_id="a")], [event("bob", event_id="a")]]) == [1, 1]
    assert writer.add([[event(event_id="a"), event(), event()]]) == [2]


def test_dismissed_items_are_those_of_the_visitor(writer: EventWriter, tmp_path: Path) -> None:
    writer.add([[event(kind="dismissed", items=("7",)), event("bob", "dismissed", ("8",)), event()]])
    reader = EventReader(events_file(tmp_path))
    assert reader.dismissed("ann") == {"7"}
    writer.add([[event(kind="dismissed", items=("9",))]])
    assert reader.dismissed("ann") == {"7", "9"}
    reader.close()


def test_no_byte_of_an_erased_visitor_is_left(writer: EventWriter, tmp_path: Path) -> None:
    key = "visitor-4f1d9c"
    writer.add([[event(f"other-{number}"), event(key, event_id=f"{key}-{number}")] for number in range(300)])
    assert writer.erase(key) == 300
    left = b"".join(path.read_bytes() for path in events_file(tmp_path).parent.iterdir())
    assert key.encode() not in left
    assert b"other-299" in left


@pytest.mark.parametrize("seed", [2, 9])
def test_no_byte_is_left_after_a_reader_kept_the_first_call_from_erasing(seed: int, tmp_path: Path) -> None:
    """Pages were split in these: SQLite leaves the bytes of rows where they were before."""
    chance, path = random.Random(seed), tmp_path / "events.sqlite"
    one, number = EventWriter(path), 0
    keys = [f"{chance.getrandbits(256):064x}"[: chance.choice([20, 64])] for _ in range(chance.choice([20, 100, 800]))]
    for round_number in range(30):
        count = chance.choice([1, 20, 200])
        batch = []
        for _ in range(count):
            number += 1
            items = (str(number % 1600),)
            batch.append(Event("rated", chance.choice(keys), "", items, 4.0, "", 1.7e9, 1.7e9, f"event-{number}", 1))
        one.add([batch])
        if round_number % 7 == 3:
            one.erase(chance.choice(keys))
    for key in keys[:6]:
        reader = EventReader(path)
        rows = reader.events()
        next(rows, None)  # holds the log
        with suppress(MovierecError):
            one.erase(key)
        del rows
        reader.close()
        one.erase(key)
        assert key.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    one.close()


def test_old_events_expire_also_behind_those_of_a_clock_that_was_ahead(
    writer: EventWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "EXPIRED_AT_ONCE", 2)
    writer.add([[event()._replace(received=float(second)) for second in (99, 98, *range(10))]])
    assert [writer.expire(before=4.0) for _ in range(3)] == [2, 2, 0]
    reader = EventReader(events_file(tmp_path))
    assert [kept.received for _, kept in reader.events()] == [99.0, 98.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    reader.close()


def test_what_is_no_file_of_events_is_refused_and_left(tmp_path: Path) -> None:
    path = events_file(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"notes of mine" * 100)
    with pytest.raises(MovierecError, match="cannot be used as a file of events"):
        EventWriter(path)
    assert path.read_bytes() == b"notes of mine" * 100
    with pytest.raises(MissingInputError, match="MOVIEREC_EVENTS=true"):
        EventReader(tmp_path / "none.sqlite")
