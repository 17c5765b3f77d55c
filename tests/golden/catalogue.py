"""What the service under test can be asked about."""

from __future__ import annotations

import json
from typing import NamedTuple

from tests.golden.exchange import Client


class Catalogue(NamedTuple):
    """What can be asked about: films as (id, title, year), names of genres and of tags."""

    films: list[tuple[int, str, int | None]]
    genres: list[str]
    tags: list[str]


def look_around(client: Client) -> Catalogue:
    """Ask the service for its films, genres and tags."""
    films, genres, tags = (
        json.loads(client.get(target).body) for target in ("/map", "/analytics/genres", "/tags?limit=100")
    )
    return Catalogue(
        [(film["movie_id"], film["title"], film["year"]) for film in films["films"]],
        [genre["genre"] for genre in genres["genres"]],
        [tag["name"] if tag["kind"] == "tag" else f"{tag['kind']}:{tag['name']}" for tag in tags["tags"]],
    )
