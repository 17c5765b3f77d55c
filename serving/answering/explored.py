"""Leave some places of a list to chance, so that what people do also tells of films that no version ranks high."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import orjson

from online.exploration import explored_places
from serving.schemas.recommend import SUBJECTS, ListOptions
from serving.versions.served import Served

DRAWN = 100  # films that are drawn for a list; filters and what the person knows leave some of them out
# Options of which films are left out. Pages and lists of limited variety are not explored.
_FILTERS = frozenset({"genres", "facet", "year_from", "year_to", "min_ratings", "exclude"})
_EXPLORED = _FILTERS | {*SUBJECTS, "ratings", "likes", "on_unmatched", "n", "explain", "for_and_against", "fuzzy"}

Options = TypeVar("Options", bound=ListOptions)


class Exploration(NamedTuple):
    """What is left to chance in a list: each place with the chance `share`, all drawn by the seed."""

    share: float
    seed: int


def explore(
    body: bytes, served: Served, options: Options, make: Callable[[Served, Options], bytes], exploration: Exploration
) -> bytes | None:
    """Return a list with films drawn evenly in some places; None where its options forbid that.

    `make` makes the answer of a version with other options: every film that it lists of those drawn may stand in the
    list. The ranked films keep their order in the other places. Seed, version and request give the same list again.
    """
    if not options.model_fields_set <= _EXPLORED:
        return None
    answer: dict[str, Any] = orjson.loads(body)
    ranked = answer["recommendations"]
    rng = random.Random(exploration.seed)
    places = explored_places(rng, len(ranked), exploration.share)
    if not places:
        return body
    catalog, movie_ids = served.model.catalog, served.model.movie_ids
    rows = rng.sample(range(len(movie_ids)), min(DRAWN, len(movie_ids)))
    drawn = list(dict.fromkeys(movie_ids.raws(catalog.canonical[rows])))
    among_drawn = make(served, options.model_copy(update={"candidates": drawn, "n": len(drawn)}))
    open_items = {item["movie_id"]: item for item in orjson.loads(among_drawn)["recommendations"]}
    kept = ranked[: len(ranked) - len(places)]
    kept_ids = {item["movie_id"] for item in kept}
    items = [open_items[movie_id] for movie_id in drawn if movie_id in open_items and movie_id not in kept_ids]
    for place, item in zip(places, items, strict=False):
        kept.insert(place, item)
    taken = {item["movie_id"] for item in kept}
    kept += [item for item in ranked if item["movie_id"] not in taken][: len(ranked) - len(kept)]
    answer["recommendations"] = [item | {"rank": of_place["rank"]} for item, of_place in zip(kept, ranked, strict=True)]
    return orjson.dumps(answer)
