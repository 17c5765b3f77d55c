"""JSON answers as bytes, joined from the JSON that the catalogue stores of each film."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson

from recommender.model import Ranked
from serving.versions.served import Served

_BODY = b'{"query":%b,"model":%b,"recommendations":[%b]}'


def entity_tag(served: Served, path: bytes, query: bytes) -> bytes:
    """Return the entity tag of the answer that this model version gives to a request."""
    return b'"%b-%08x"' % (served.tag.encode(), zlib.crc32(query, zlib.crc32(path)))


def headers(tag: bytes, length: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of a JSON answer; without a lifetime, as the next promotion changes it."""
    return [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % length),
        (b"etag", tag),
    ]


def subject_json(served: Served, row: int, matched: str) -> bytes:
    """Return the `query` member of an answer about one film."""
    return b'{"title":%b,"movie_id":%b,"matched":"%b"}' % (*served.model.catalog.name_text(row), matched.encode())


def recommendations(
    served: Served, subject: bytes, ranked: Ranked, members: Sequence[dict[str, Any]] = (), *, first_rank: int = 1
) -> bytes:
    """Return the body of a /recommend/ answer; `members`: further JSON members of each recommendation."""
    rows, scores = ranked.rows.tolist(), ranked.scores.tolist()
    if not members:
        return plain_recommendations(served, subject, rows, scores, first_rank)
    numbered = enumerate(zip(rows, scores, strict=True), first_rank)
    items = (b"".join(_plain_items(served, [row], [score], rank)) for rank, (row, score) in numbered)
    extended = (_extended(item, further) for item, further in zip(items, members, strict=True))
    return _BODY % (subject, served.identity_json, b",".join(extended))


def plain_recommendations(
    served: Served, subject: bytes, rows: Sequence[int], scores: Sequence[float], first_rank: int = 1
) -> bytes:
    """Return the body of a /recommend/ answer with the films `rows` (n,), best first, and their `scores` (n,)."""
    pieces = _plain_items(served, rows, scores, first_rank)
    return b"".join(
        (b'{"query":', subject, b',"model":', served.identity_json, b',"recommendations":[', *pieces, b"]}")
    )


def _plain_items(
    served: Served, rows: Sequence[int], scores: Sequence[float], first_rank: int
) -> list[bytes | memoryview]:
    """Return the pieces of films as the JSON objects of a list: a plain call joins them once."""
    beginnings, score_form = _forms(len(rows), first_rank)
    pieces: list[bytes | memoryview] = [b""] * (4 * len(rows))
    pieces[0::4] = beginnings
    pieces[1::4], pieces[3::4] = served.model.catalog.split_texts(rows)
    pieces[2::4] = (score_form % tuple(scores)).splitlines()
    return pieces


@lru_cache(maxsize=512)
def _forms(n: int, first_rank: int) -> tuple[list[bytes], bytes]:
    """Return what each of `n` films begins with, and the form of all their scores, one a line."""
    ranks = range(first_rank, first_rank + n)
    return [b'%b{"rank":%d,' % (b"," * (rank > first_rank), rank) for rank in ranks], b',"score":%.6f\n' * n


def movies(served: Served, rows: Iterable[int]) -> bytes:
    """Return the body of an answer that lists films."""
    text = served.model.catalog.text
    return b'{"model":%b,"movies":[%b]}' % (served.identity_json, b",".join(text(row) for row in rows))


def with_model(served: Served, **members: Any) -> bytes:
    """Return the body of an answer with the model's identity and the given members."""
    return orjson.dumps({"model": served.identity, **members})


def _extended(item: bytes, members: dict[str, Any]) -> bytes:
    """Return a JSON object with members added."""
    return item[:-1] + b"," + orjson.dumps(members)[1:] if members else item
