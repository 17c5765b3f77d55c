"""The main process of `movierec serve`: opens the socket, keeps workers and puller running, stops them in order.

Workers are forked from this process, which has imported everything and loaded nothing: a killed worker is back in a
fraction of a second, whatever the registry does. uvicorn's own supervisor gives up when a start fails; this one waits
and tries again.
"""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.context import ForkProcess

import structlog

from recommender.errors import UsageError
from serving.lifecycle import Lifecycle
from serving.process import ports
from serving.process.child import Child
from serving.process.guard import Guard
from serving.process.puller_process import BEATS
from serving.process.python import module_command
from serving.process.worker import work
from serving.settings import Settings
from serving.signals import on_stop
from serving.versions.model_store import ModelStore

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.5
SILENCE_SECONDS = 30.0  # a worker's event loop, or a puller, that has not run for so long hangs
PULLER_START_SECONDS = 60.0  # more until its first sign of life: on a machine that is very busy it needs over 30 s
PAUSED_SECONDS = 5.0  # whoever did not look for so long was stopped itself, perhaps with all its children
MAX_PULLER_PAUSE = 60.0  # its start imports MLflow
STOP_MARGIN = 2  # seconds on top of those for answers under way
SEND_BUFFER_BYTES = 262_144  # of a connection; the kernel's own choice is up to 4 MB for a caller who never reads
READ_BYTES = 4096
_FORK = multiprocessing.get_context("fork")


class Supervisor:
    """Starts, watches and stops all processes of the service."""

    def __init__(self, settings: Settings, *, pull: bool = True, pinned: str | None = None) -> None:
        """`pinned`: a version of the local store to serve whatever the registry says; nothing is pulled then."""
        if pinned is not None:
            ModelStore(settings.store_dir).version(pinned)
        elif pull or settings.events:
            ModelStore(settings.store_dir).require_ours()
        self._settings = settings
        self._pinned = pinned
        self._lifecycle = Lifecycle(settings.workers, time.time())
        self._sockets = [_listen(settings.host, settings.port)]
        self._workers = [self._worker(number) for number in range(settings.workers)]
        self._pull = pull and pinned is None
        self._puller = Child("puller", self._start_puller, _log_end, MAX_PULLER_PAUSE)
        self._looked_at = self._puller_heard_at = 0.0
        self._watched = [*self._workers, *self._event_processes()]  # those whose event loops must run
        self._children = [*self._watched, self._puller]
        self._guard = Guard(settings.graceful_seconds + STOP_MARGIN, self._running)
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or SIGHUP."""
        host, port = self._sockets[0].getsockname()[:2]
        log.info("listening", url=f"http://{host}:{port}", workers=len(self._workers), pulling=self._pull)
        gc.collect()
        gc.freeze()  # what was imported stays shared with the workers, and their collections skip it
        with on_stop(self._stop), self._guard:
            while not self._stopping:
                self._keep()
                self._wait()
            self._shut_down()

    def _keep(self) -> None:
        now = time.monotonic()
        was_paused = now - self._looked_at > PAUSED_SECONDS
        self._looked_at = now
        for number, child in enumerate(self._watched):
            if child.keep() or was_paused:
                self._lifecycle.beat(number)
            elif self._lifecycle.silence(number) > SILENCE_SECONDS:
                self._kill_hanging(child)
        if self._pull:
            self._keep_puller(now, was_paused)
        if self._guard.keep():
            log.error("guard_replaced")

    def _keep_puller(self, now: float, was_paused: bool) -> None:
        if self._puller.keep():
            self._puller_heard_at = now + PULLER_START_SECONDS
        elif was_paused or self._hears_puller():
            self._puller_heard_at = now
        elif now - self._puller_heard_at > SILENCE_SECONDS:
            self._kill_hanging(self._puller)

    def _kill_hanging(self, child: Child) -> None:
        if child.running() is not None:
            log.error("process_hangs", process=child.name)
            child.signal(signal.SIGKILL)

    def _start_puller(self) -> subprocess.Popen[bytes]:
        command = module_command("serving.process.puller_process", BEATS)
        process = self._guard.spawn(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        return process

    def _hears_puller(self) -> bool:
        """Return whether the puller has written to its stdout since the last look, which it does every second."""
        process = self._puller.process
        if not isinstance(process, subprocess.Popen) or process.stdout is None:
            return False
        try:
            return bool(os.read(process.stdout.fileno(), READ_BYTES))
        except BlockingIOError:
            return False

    def _running(self) -> list[int]:
        return [pid for child in self._children if (pid := child.running()) is not None]

    def _wait(self) -> None:
        """Wait until a worker ends, a signal arrives, or TICK_SECONDS are over."""
        sentinels = [child.process.sentinel for child in self._watched if isinstance(child.process, ForkProcess)]
        multiprocessing.connection.wait(sentinels, TICK_SECONDS)

    def _stop(self) -> None:
        self._stopping = True

    def _shut_down(self) -> None:
        """Report not ready first, so that load balancers look away; then finish running requests; then stop."""
        log.info("draining", seconds=self._settings.drain_seconds)
        self._lifecycle.drain()
        time.sleep(self._settings.drain_seconds)
        writers = [child for child in self._watched if child not in self._workers]
        for children in ([self._puller, *self._workers], writers):  # workers still wait for what they have sent
            for child in children:
                child.signal(signal.SIGTERM)
                child.signal(signal.SIGCONT)  # a stopped process handles SIGTERM only when it goes on
            now = time.monotonic()
            for child in children:
                patience = self._settings.graceful_seconds if child in self._workers else 0  # others answer nobody
                child.wait(now + patience + STOP_MARGIN)
        log.info("stopped")

    def _worker(self, number: int) -> Child:
        def on_end(name: str, code: int, pause: float) -> None:
            _log_end(name, code, pause)
            self._lifecycle.metrics.retire(number)

        name = f"worker-{number}"
        return Child(name, partial(_fork, name, self._work, number), on_end)

    def _work(self, number: int) -> None:
        self._guard.join()
        work(number, self._sockets, self._settings, self._pinned, self._lifecycle)

    def _event_processes(self) -> list[Child]:
        """Return the processes that write events and sum them up; none where they are switched off."""
        if not self._settings.events:
            return []
        import serving.api.routes.events  # noqa: F401  # imported before the forks, as all else
        from serving.process.event_writer import prepare, write
        from serving.process.observer import observe

        first = self._settings.workers

        def run_writer() -> None:
            self._guard.join()
            write(self._settings, partial(self._lifecycle.beat, first), self._sockets)

        def run_observer() -> None:
            self._guard.join()
            observe(self._settings, self._lifecycle, partial(self._lifecycle.beat, first + 1), self._sockets)

        prepare(self._settings)
        targets = {"events": run_writer, "observer": run_observer}
        return [Child(name, partial(_fork, name, target), _log_end) for name, target in targets.items()]


def _fork(name: str, target: Callable[..., None], *arguments: object) -> ForkProcess:
    process = _FORK.Process(target=target, args=arguments, name=name)
    process.start()
    return process


def serve(settings: Settings, *, pull: bool = True, pinned: str | None = None) -> None:
    """Run the service until a signal stops it."""
    Supervisor(settings, pull=pull, pinned=pinned).run()


def _log_end(name: str, code: int, pause: float) -> None:
    log.error("process_ended", process=name, code=code, restart_in=pause)


def _listen(host: str, port: int) -> socket.socket:
    if port:
        ports.require_free(host, port, "the service", "choose another port with --port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UsageError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port.") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # connections inherit it
    listener.set_inheritable(True)
    return listener
