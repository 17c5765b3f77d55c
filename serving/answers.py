"""Answers as bytes: the catalogue's ready-made JSON of each film, joined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from recommender.model import Ranked
from serving.served import Served

_STATISTICS = b',"average_rating":'  # where a film's JSON is cut to let the score in


def subject_json(served: Served, row: int, matched: str) -> bytes:
    """The query part of a list for a film."""
    film = served.model.catalog.film(row)
    return orjson.dumps({"title": film.title, "movie_id": film.movie_id, "matched": matched})


def recommendations(served: Served, subject: bytes, ranked: Ranked) -> bytes:
    """The body of /recommend/."""
    items = b",".join(_items(served, ranked))
    return b'{"query":%b,"model":%b,"recommendations":[%b]}' % (subject, served.identity_json, items)


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
