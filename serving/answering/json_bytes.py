"""JSON answers as bytes, joined from the JSON that the catalogue stores of each film."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from recommender.model import Ranked
from serving.versions.served import Served


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
    film = orjson.loads(served.model.catalog.text(row))
    return orjson.dumps({"title": film["title"], "movie_id": film["movie_id"], "matched": matched})


def recommendations(served: Served, subject: bytes, ranked: Ranked, members: Sequence[dict[str, Any]] = ()) -> bytes:
    """Return the body of a /recommend/ answer; `members`: further JSON members of each recommendation."""
    items: Iterable[bytes] = _items(served, ranked)
    if members:
        items = (_extended(item, further) for item, further in zip(items, members, strict=True))
    return b'{"query":%b,"model":%b,"recommendations":[%b]}' % (subject, served.identity_json, b",".join(items))


def movies(served: Served, rows: Iterable[int]) -> bytes:
    """Return the body of an answer that lists films."""
    text = served.model.catalog.text
    return b'{"model":%b,"movies":[%b]}' % (served.identity_json, b",".join(text(row) for row in rows))


def with_model(served: Served, **members: Any) -> bytes:
    """Return the body of an answer with the model's identity and the given members."""
    return orjson.dumps({"model": served.identity, **members})


def _items(served: Served, ranked: Ranked) -> Iterable[bytes]:
    split_text = served.model.catalog.split_text
    for rank, (row, score) in enumerate(zip(ranked.rows.tolist(), ranked.scores.tolist(), strict=True), 1):
        description, statistics = split_text(row)
        yield b'{"rank":%d,%b,"score":%.6f,%b}' % (rank, description, score, statistics)


def _extended(item: bytes, members: dict[str, Any]) -> bytes:
    """Return a JSON object with members added."""
    return item[:-1] + b"," + orjson.dumps(members)[1:] if members else item
