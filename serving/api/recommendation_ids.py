"""Write the `x-recommendation-id` of lists; imported only where events are switched on."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from online.exploration import SHARES
from online.recommendation_id import NO_VERSION, Arm, Recommendation, Subject, read_id, request_subject, write_id
from online.signing_keys import FILE, read_keys
from online.store import DIRECTORY
from serving.answering.listed import Listed

HEADER = b"x-recommendation-id"


class RecommendationIds:
    """Signs ids with the current key of a service's store, which the writer of events makes and rotates."""

    def __init__(self, store: Path) -> None:
        self._directory = store / DIRECTORY
        self._modified = 0
        self._signing = read_keys(self._directory)

    def headers(self, listed: Listed) -> list[tuple[bytes, bytes]]:
        """Return the header of one answer, in a list; none while there is no key."""
        signing = self._signing
        if signing is None:
            return []
        if listed.request is not None:
            kind, subject = Subject.REQUEST, request_subject(listed.request.model_dump_json().encode())
        elif listed.item_row is not None:
            kind, subject = Subject.ITEM, listed.item_row
        else:
            assert listed.user_row is not None, "a list is for an item, a user or a request"
            kind, subject = Subject.USER, listed.user_row
        seed, arm, other, explored = random.getrandbits(32), Arm.NONE, NO_VERSION, 0
        if (assignment := listed.assignment) is not None:
            seed, arm, other = assignment.seed or seed, assignment.arm, assignment.rival.short_hash
        if listed.exploration is not None:
            seed, explored = listed.exploration.seed, round(listed.exploration.share * SHARES)
        now = int(time.time())
        said = Recommendation(listed.served.short_hash, kind, subject, listed.n, now, seed, arm, other, explored)
        return [(HEADER, write_id(said, signing.current, signing.keys[signing.current]))]

    def is_ours(self, text: str) -> bool:
        """Return whether the text is an id that one of the keys signed."""
        return self._signing is not None and read_id(text, self._signing.keys) is not None

    async def watch(self, pause: float) -> None:
        """Read the keys again whenever their file has changed, for ever."""
        while True:
            await asyncio.to_thread(self._refresh)
            await asyncio.sleep(pause)

    def _refresh(self) -> None:
        try:
            modified = (self._directory / FILE).stat().st_mtime_ns
        except OSError:
            return  # the last keys stay good until there are others
        if modified != self._modified:
            self._signing, self._modified = read_keys(self._directory) or self._signing, modified
