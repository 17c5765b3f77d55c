"""Answers as bytes: the catalogue's ready-made JSON of each film, joined."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from recommender.model import Ranked
from serving.versions.served import Served

_STATISTICS = b',"average_rating":'  # where a film's JSON is cut to let the score in


def entity_tag(served: Served, path: bytes, query: bytes) -> bytes:
    """Names the answer that this version gives to this question."""
    return b'"%b-%08x"' % (served.tag.encode(), zlib.crc32(query, zlib.crc32(path)))


def headers(tag: bytes, length: int) -> list[tuple[bytes, bytes]]:
    """Headers of a JSON answer; it names no lifetime, for the next promotion changes it."""
    return [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % length),
        (b"etag", tag),
    ]


def subject_json(served: Served, row: int, matched: str) -> bytes:
    """The query part of a list for a film."""
    film = served.model.catalog.text(row)  # {"movie_id":…,"title":…,"year":… with quotes in the title escaped
    title, year = film.index(b',"title":'), film.index(b',"year":')
    return b'{%b,%b,"matched":"%b"}' % (film[title + 1 : year], film[1:title], matched.encode())


def recommendations(served: Served, subject: bytes, ranked: Ranked, members: Sequence[dict[str, Any]] = ()) -> bytes:
    """The body of /recommend/; `members`: what each recommendation says beside the film and its score."""
    items: Iterable[bytes] = _items(served, ranked)
    if members:
        items = (_extended(item, more) for item, more in zip(items, members, strict=True))
    return b'{"query":%b,"model":%b,"recommendations":[%b]}' % (subject, served.identity_json, b",".join(items))


def movies(served: Served, rows: Iterable[int]) -> bytes:
    """The body of a list of films."""
    text = served.model.catalog.text
    return b'{"model":%b,"movies":[%b]}' % (served.identity_json, b",".join(text(row) for row in rows))


def with_model(served: Served, **members: Any) -> bytes:
    """A body of the given members beside the model's identity."""
    return orjson.dumps({"model": served.identity, **members})


def _items(served: Served, ranked: Ranked) -> Iterable[bytes]:
    text = served.model.catalog.text
    for rank, (row, score) in enumerate(zip(ranked.rows.tolist(), ranked.scores.tolist(), strict=True), 1):
        film = text(row)
        cut = film.rindex(_STATISTICS)
        yield b'{"rank":%d,%b,"score":%.6f%b' % (rank, film[1:cut], score, film[cut:])


def _extended(item: bytes, members: dict[str, Any]) -> bytes:
    """A JSON object with further members."""
    return item[:-1] + b"," + orjson.dumps(members)[1:] if members else item
