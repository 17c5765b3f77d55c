"""Whether this process is about to stop; shared with the supervisor, who says so."""

from __future__ import annotations

import mmap


class Lifecycle:
    """One flag in memory that processes forked later share."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    @property
    def draining(self) -> bool:
        return self._shared[0] == 1

    def drain(self) -> None:
        """Say 'not ready' from now on, in every process that shares the flag."""
        self._shared[0] = 1
