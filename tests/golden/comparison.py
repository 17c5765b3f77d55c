"""Whether two answers are the same: byte for byte, but for the few places that differ from run to run."""

from __future__ import annotations

import difflib
import json
import re
from enum import Enum
from typing import NamedTuple

from tests.golden.exchange import Response
from tests.golden.recording import Exchange

NUMBER_TOLERANCE = 2e-6  # answers round to six digits; processors differ in the seventh
LINES_SHOWN = 12
WIDTH_SHOWN = 240

# All that may differ between two runs of the same code.
VARYING_IN_HEAD = (
    (re.compile(rb"(?m)^date: [^\r\n]+"), b"date: (time)"),
    (re.compile(rb"(?m)^x-request-id: [0-9a-f]{12}-[0-9a-f]+"), b"x-request-id: (made by the service)"),
)
VARYING_IN_BODY = ((re.compile(rb'"checked_at":[0-9.]+'), b'"checked_at":"(time)"'),)
_LENGTH = re.compile(rb"(?m)^content-length: \d+")
_FRACTION = re.compile(rb"-?\d+\.\d+(?:e[-+]?\d+)?")
_METRICS = re.compile(rb"(?m)^content-type: text/plain; version=")


class Outcome(Enum):
    """How an answer compares with the recorded one."""

    EQUAL = "equal"
    CLOSE = "equal but for the last digits of numbers"
    DIFFERENT = "different"


class Comparison(NamedTuple):
    """The outcome, and the recorded and the present answer as text where they differ."""

    exchange: Exchange
    outcome: Outcome
    difference: str


def compare(exchange: Exchange, actual: Response) -> Comparison:
    """Compare an answer with the recorded one."""
    recorded, present = normalise(exchange.response), normalise(actual)
    if recorded == present:
        return Comparison(exchange, Outcome.EQUAL, "")
    outcome = Outcome.CLOSE if _is_close(recorded, present) else Outcome.DIFFERENT
    return Comparison(exchange, outcome, _difference(recorded, present))


def normalise(response: Response) -> Response:
    """The answer with a constant in the place of everything that differs from run to run."""
    head, body = response
    for pattern, constant in VARYING_IN_HEAD:
        head = pattern.sub(constant, head)
    for pattern, constant in VARYING_IN_BODY:
        body = pattern.sub(constant, body)
    if _METRICS.search(head):
        body = _metric_names(body)
    if body != response.body:
        head = _without_length(head)
    return Response(head, body)


def _metric_names(exposition: bytes) -> bytes:
    """Names and descriptions of all metrics, sorted, without labels and values.

    Workers hand their counts on a few times a second, so which routes are listed yet depends on the moment.
    """
    lines = exposition.splitlines()
    return b"\n".join(sorted({line if line.startswith(b"#") else re.split(rb"[{ ]", line)[0] for line in lines}))


def _without_length(head: bytes) -> bytes:
    return _LENGTH.sub(b"content-length: (varies)", head)


def _is_close(recorded: Response, present: Response) -> bool:
    """Whether only the last digits of fractions differ, and with them the length."""
    if _without_length(recorded.head) != _without_length(present.head):
        return False
    if _FRACTION.sub(b"", recorded.body) != _FRACTION.sub(b"", present.body):
        return False
    pairs = zip(_FRACTION.findall(recorded.body), _FRACTION.findall(present.body), strict=True)
    return all(abs(float(one) - float(other)) <= NUMBER_TOLERANCE for one, other in pairs)


def _difference(recorded: Response, present: Response) -> str:
    before, after = _lines(recorded), _lines(present)
    if before == after:  # the same JSON, spelt in another way
        before, after = (repr(response.body).split(",") for response in (recorded, present))
    lines = [line[:WIDTH_SHOWN] for line in difflib.unified_diff(before, after, "recorded", "found", lineterm="", n=0)]
    more = len(lines) - LINES_SHOWN
    return "\n".join(lines[:LINES_SHOWN] + ([f"... and {more} more lines"] if more > 0 else []))


def _lines(response: Response) -> list[str]:
    try:
        body = json.dumps(json.loads(response.body), indent=1, ensure_ascii=False)
    except ValueError:
        body = response.body.decode("utf-8", "backslashreplace")
    return [*response.head.decode("latin-1").split("\r\n"), "", *body.split("\n")]
