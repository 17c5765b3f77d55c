"""The signals that ask a process to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def on_stop(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` when SIGINT, SIGTERM or SIGHUP arrives in the block; a SIGHUP that `nohup` ignores stays ignored."""
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    if handlers[signal.SIGHUP] == signal.SIG_IGN:
        del handlers[signal.SIGHUP]
    for number in handlers:
        signal.signal(number, lambda *_: stop())
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
