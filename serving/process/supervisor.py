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
from serving.process.guard import Guard
from serving.process.python import module_command
from serving.process.worker import work
from serving.settings import Settings
from serving.signals import on_stop
from serving.versions.model_store import ModelStore

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.5
SILENCE_SECONDS = 30.0  # an event loop that has not run for so long hangs
STEADY_SECONDS = 10.0  # a worker that lived so long did not fail at its start
MAX_PAUSE = 5.0
STOP_MARGIN = 2  # seconds on top of those for answers under way
SEND_BUFFER_BYTES = 262_144  # of a connection; the kernel's own choice is up to 4 MB for a caller who never reads
_FORK = multiprocessing.get_context("fork")


class Child:
    """A child process that is started again when it ends, after a pause that grows while it keeps failing."""

    def __init__(
        self,
        name: str,
        start: Callable[[], ForkProcess | subprocess.Popen[bytes]],
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._start = start
        self._on_end = on_end
        self._failures = 0
        self._started = self._next_start = 0.0
        self.process: ForkProcess | subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start the process if it does not run and its pause is over."""
        if self.process is not None and (code := self._exit_code()) is not None:
            self._note_end(code)
        if self.process is None and time.monotonic() >= self._next_start:
            self._started = time.monotonic()
            self.process = self._start()

    def signal(self, number: int) -> None:
        """Send a signal to the process if it runs."""
        if (pid := self.running()) is not None:
            os.kill(pid, number)

    def wait(self, deadline: float) -> None:
        """Wait until the process has ended; kill it after the monotonic time `deadline`."""
        while self.running() is not None:
            if time.monotonic() > deadline:
                self.signal(signal.SIGKILL)
            time.sleep(0.02)

    def running(self) -> int | None:
        """Return the id of the process if it runs."""
        return self.process.pid if self.process is not None and self._exit_code() is None else None

    def _exit_code(self) -> int | None:
        process = self.process
        assert process is not None
        return process.poll() if isinstance(process, subprocess.Popen) else process.exitcode

    def _note_end(self, code: int) -> None:
        assert self.process is not None
        steady = time.monotonic() - self._started > STEADY_SECONDS
        self._failures = 0 if steady or code == -signal.SIGKILL else self._failures + 1
        pause = min(0.1 * 2**self._failures, MAX_PAUSE) if self._failures else 0.0
        self._next_start = time.monotonic() + pause
        log.error("process_ended", process=self.name, code=code, restart_in=pause)
        self._on_end()
        self.process = None


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
        self._puller = Child("puller", lambda: self._guard.spawn(module_command("serving.versions.puller")))
        self._watched = [*self._workers, *self._event_writers()]  # those whose event loops must run
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
        for number, child in enumerate(self._watched):
            is_starting = child.process is None
            child.keep()
            if is_starting:
                self._lifecycle.beat(number)
            elif self._lifecycle.silence(number) > SILENCE_SECONDS:
                log.error("worker_hangs", process=child.name)
                child.signal(signal.SIGKILL)
        if self._pull:
            self._puller.keep()
        if self._guard.keep():
            log.error("guard_replaced")

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
        for children in ([*self._workers, self._puller], writers):  # workers still wait for what they have sent
            for child in children:
                child.signal(signal.SIGTERM)
            deadline = time.monotonic() + self._settings.graceful_seconds + STOP_MARGIN
            for child in children:
                child.wait(deadline)
        log.info("stopped")

    def _worker(self, number: int) -> Child:
        name = f"worker-{number}"
        return Child(name, partial(_fork, name, self._work, number), partial(self._lifecycle.metrics.retire, number))

    def _work(self, number: int) -> None:
        self._guard.join()
        work(number, self._sockets, self._settings, self._pinned, self._lifecycle)

    def _event_writers(self) -> list[Child]:
        """Return the process that writes events; none where they are switched off."""
        if not self._settings.events:
            return []
        import serving.api.routes.events  # noqa: F401  # imported before the forks, as all else
        from serving.process.event_writer import prepare, write

        def run() -> None:
            self._guard.join()
            write(self._settings, partial(self._lifecycle.beat, self._settings.workers), self._sockets)

        prepare(self._settings)
        return [Child("events", partial(_fork, "events", run))]


def _fork(name: str, target: Callable[..., None], *arguments: object) -> ForkProcess:
    process = _FORK.Process(target=target, args=arguments, name=name)
    process.start()
    return process


def serve(settings: Settings, *, pull: bool = True, pinned: str | None = None) -> None:
    """Run the service until a signal stops it."""
    Supervisor(settings, pull=pull, pinned=pinned).run()


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
