"""One list of the lists of two versions, for an experiment that weaves them."""

from __future__ import annotations

from typing import Any

import orjson

from online.estimators.interleaving import team_draft


def weave(champion: bytes, challenger: bytes, seed: int) -> bytes | None:
    """Return the champion's answer with both answers' items drawn by teams; None where a list is shorter or empty.

    Lists of one length draw their teams from the seed alone. Nothing in the answer says whose an item is.
    """
    answer: dict[str, Any] = orjson.loads(champion)
    lists = answer["recommendations"], orjson.loads(challenger)["recommendations"]
    if not lists[0] or len(lists[0]) != len(lists[1]):
        return None
    of_champion, of_challenger = ([item["movie_id"] for item in items] for items in lists)
    items = [*lists[0], *lists[1]]
    places = team_draft(of_champion, of_challenger, len(of_champion), seed).items
    ranks = [item["rank"] for item in lists[0]]  # of a page, they go on from the page before
    answer["recommendations"] = [items[place] | {"rank": rank} for rank, place in zip(ranks, places, strict=True)]
    return orjson.dumps(answer)
