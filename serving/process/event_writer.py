"""The process of the service that writes events; only where they are switched on."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Sequence

from online.signing_keys import keep_keys
from online.store import DIRECTORY
from online.writer import Limits, run
from serving.settings import Settings
from serving.signals import STOP_SIGNALS
from serving.versions.model_store import ModelStore


def prepare(settings: Settings) -> None:
    """Make the directory of the events in the store, and the keys: the first answers then have ids already."""
    ModelStore(settings.store_dir).claim()
    directory = settings.store_dir / DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep_keys(directory, time.time())


def write(settings: Settings, beat: Callable[[], None], listeners: Sequence[socket.socket]) -> None:
    """Write events until a signal ends the process; runs in a forked process."""
    for stop_signal in STOP_SIGNALS:
        signal.signal(stop_signal, signal.SIG_DFL)
    for listener in listeners:
        listener.close()  # the service's port must not outlive its workers
    run(settings.store_dir, Limits(settings.events_days, settings.events_max_bytes), beat)
