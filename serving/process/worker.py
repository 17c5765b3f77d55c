"""A worker process: uvicorn on the sockets that the supervisor opened."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import suppress

import uvicorn

from serving.api.app import create_app
from serving.lifecycle import Lifecycle
from serving.process.connection import GuardedConnection, limit_connections, sweep
from serving.settings import Settings
from serving.signals import STOP_SIGNALS
from serving.versions.model_store import ModelStore

BEAT_SECONDS = 1.0
SWITCH_SECONDS = 0.0005  # with Python's 5 ms, probes and refusals wait up to 0.3 s while threads compute lists


class WorkerServer(uvicorn.Server):
    """uvicorn's server that also closes late connections and reports that its event loop runs."""

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, number: int, settings: Settings) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._number = number
        self._settings = settings

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        arrival, answer = self._settings.request_timeout_seconds, self._settings.answer_timeout_seconds
        sweeper = asyncio.create_task(sweep(self.server_state, arrival, answer))
        beat = asyncio.create_task(self._beat())
        try:
            await super().serve(sockets)
        finally:
            sweeper.cancel()
            beat.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(sweeper, beat)

    async def _beat(self) -> None:
        while True:
            self._lifecycle.beat(self._number)
            await asyncio.sleep(BEAT_SECONDS)


def work(number: int, sockets: list[socket.socket], settings: Settings, pinned: str | None, life: Lifecycle) -> None:
    """Serve as worker `number` until SIGTERM; runs in a forked process."""
    limit_connections()
    sys.setswitchinterval(SWITCH_SECONDS)
    for stop_signal in STOP_SIGNALS:
        signal.signal(stop_signal, signal.SIG_DFL)
    app = create_app(settings, ModelStore(settings.store_dir), pinned=pinned, lifecycle=life, worker=number)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=GuardedConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=8,
        timeout_graceful_shutdown=settings.graceful_seconds,
    )
    WorkerServer(config, life, number, settings).run(sockets=sockets)
