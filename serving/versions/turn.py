"""Only one process at a time pulls into a local store; others stand by."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Turn:
    """The right to pull into a store, held until the process ends.

    The store's directory itself is locked (flock), so nothing is left of the lock however the process ends.
    """

    def __init__(self, store: Path) -> None:
        """`store`: the directory, which may not exist yet, or be replaced by another one later."""
        self._store = store
        self._held: int | None = None  # descriptor of the locked directory

    def take(self) -> bool:
        """Return whether this process may pull: False while another one does.

        True where nothing can be locked, as on a disk that has no locks: a store without its puller is worse than one
        with two.
        """
        if self._held is not None and self._is_still_there(self._held):
            return True
        self.give_up()
        try:
            descriptor = os.open(self._store, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # it is not made yet
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            return not isinstance(error, BlockingIOError)
        self._held = descriptor
        return True

    def give_up(self) -> None:
        """Let another process pull."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._store.stat())
        except OSError:
            return False
