"""The comparison itself: what passes for the same answer, and what does not."""

from __future__ import annotations

import pytest

from tests.golden.comparison import Outcome, compare
from tests.golden.exchange import Response
from tests.golden.recording import Exchange, Request, read, write
from tests.golden.replaying import Report

HEAD = b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-length: 18\r\nx-request-id: golden-1"
BODY = b'{"score":0.812345}'
REQUEST = Request("title", b"GET /recommend/?title=Z HTTP/1.1\r\nhost: localhost\r\n\r\n")


def outcome(head: bytes = HEAD, body: bytes = BODY, recorded: bytes = BODY) -> Outcome:
    return compare(Exchange(REQUEST, Response(HEAD, recorded)), Response(head, body)).outcome


def test_the_same_bytes_at_another_time_are_equal() -> None:
    assert outcome() is Outcome.EQUAL
    assert outcome(HEAD.replace(b"00:00:00", b"12:34:56")) is Outcome.EQUAL
    card = b'{"registry":{"checked_at":%b}}'
    assert outcome(body=card % b"1.25", recorded=card % b"2.5") is Outcome.EQUAL


def test_of_metrics_the_names_count() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=1.0.0\r\ncontent-length: 30"
    recorded = Exchange(REQUEST, Response(head, b'# HELP a A.\na{route="/"} 1.0\nb 2.0\n'))
    later = Response(head, b'b 77.0\n# HELP a A.\na{route="/"} 3.0\na{route="/model"} 1.0\n')
    assert compare(recorded, later).outcome is Outcome.EQUAL
    assert compare(recorded, Response(head, later.body.replace(b"b 77.0\n", b""))).outcome is Outcome.DIFFERENT


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"200 OK", b"203 OK"),
        HEAD.replace(b"golden-1", b"golden-2"),
        HEAD.replace(b"date:", b"Date:"),
        HEAD + b"\r\nserver: x",
        b"\r\n".join([HEAD.split(b"\r\n")[0], *reversed(HEAD.split(b"\r\n")[1:])]),
    ],
)
def test_status_and_headers_count_byte_for_byte(head: bytes) -> None:
    assert outcome(head) is Outcome.DIFFERENT


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"score":0.812346}', Outcome.CLOSE),
        (b'{"score":0.812349}', Outcome.DIFFERENT),
        (b'{"score":"0.812345"}', Outcome.DIFFERENT),
        (b'{"score":0.812345,"rank":1}', Outcome.DIFFERENT),
        (b'{"Score":0.812345}', Outcome.DIFFERENT),
        (b'{"score":0.81234', Outcome.DIFFERENT),
        (b'{"score": 0.812345}', Outcome.DIFFERENT),
        (b'{"score":1}', Outcome.DIFFERENT),
    ],
)
def test_in_bodies_the_last_digits_of_numbers_are_told_apart(body: bytes, expected: Outcome) -> None:
    assert outcome(body=body) is expected


def test_close_answers_fail_an_exact_replay_alone_and_a_report_shows_what_differs() -> None:
    exchange = Exchange(REQUEST, Response(HEAD, BODY))
    close = Report([compare(exchange, Response(HEAD, BODY.replace(b"5", b"6")))])
    assert (close.passes(), close.passes(exact=True)) == (True, False)
    different = Report([compare(exchange, Response(HEAD, BODY.replace(b"0.8", b"0.7"))), *close.comparisons])
    assert not different.passes()
    for text in ("0 of 2 equal", "1 different: 1 title", "GET /recommend/?title=Z", '+ "score": 0.712345'):
        assert text in different.text()


def test_a_recording_keeps_every_byte(tmp_path) -> None:
    exchanges = [Exchange(Request("rude", bytes(range(256))), Response(HEAD, bytes(range(256))))] * 2
    write(tmp_path / "recording", exchanges)
    assert read(tmp_path / "recording") == exchanges
