"""Load on the service: a small asynchronous HTTP client for closed loops and for a fixed request rate."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from types import TracebackType

import numpy as np

TIMEOUT = 30.0


@dataclass(frozen=True)
class Sample:
    """One request: start (Unix time), seconds taken, and the answer; status 0 if the connection failed."""

    started_at: float
    seconds: float
    status: int
    body: bytes = b""
    error: str = ""


class Connection:
    """A keep-alive HTTP connection that times each request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: bytes | None = None) -> Sample:
        """GET `path`, or POST a JSON `body` to it; a network error gives a sample with status 0."""
        clock = time.perf_counter()
        started_at = time.time()
        try:
            status, answer = await asyncio.wait_for(self._exchange(path, body), TIMEOUT)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            self.close()
            return Sample(started_at, time.perf_counter() - clock, 0, error=f"{type(error).__name__} {error}")
        return Sample(started_at, time.perf_counter() - clock, status, answer)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, path: str, body: bytes | None) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        method = "GET" if body is None else "POST"
        content = "" if body is None else f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        request = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\n{content}\r\n"
        writer.write(request.encode() + (body or b""))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), answer


class Background:
    """Constant load from a thread; a context manager whose end waits for the last answers."""

    def __init__(self, port: int, paths: Sequence[str], clients: int = 4, body: bytes | None = None) -> None:
        """`body`: JSON that is posted to the paths; GET without one."""
        self.samples: list[Sample] = []  # grows while the load runs
        self._go_on = True
        self._thread = threading.Thread(target=self._run, args=(port, paths, clients, body))

    def __enter__(self) -> Background:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._go_on = False
        self._thread.join()

    def _run(self, port: int, paths: Sequence[str], clients: int, body: bytes | None) -> None:
        asyncio.run(closed_loop(port, paths, clients, lambda: self._go_on, self.samples, body))


class NeverReaders:
    """Callers that send many requests at once and never read an answer; closed connections are replaced.

    A context manager with a thread of its own.
    """

    PAUSE = 0.02  # seconds between two looks at the connections

    def __init__(self, port: int, request: bytes, *, connections: int = 8, pipelined: int = 40) -> None:
        self._port = port
        self._requests = request * pipelined
        self._sockets = [self._connect() for _ in range(connections)]
        self._go_on = threading.Event()
        self._thread = threading.Thread(target=self._replace_closed)
        self.replaced = 0

    def __enter__(self) -> NeverReaders:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._go_on.set()
        self._thread.join()
        for connection in self._sockets:
            connection.close()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), TIMEOUT)
        connection.sendall(self._requests)
        return connection

    def _replace_closed(self) -> None:
        while not self._go_on.wait(self.PAUSE):
            for number, connection in enumerate(self._sockets):
                if is_closed(connection):
                    connection.close()
                    self._sockets[number] = self._connect()
                    self.replaced += 1


def is_closed(connection: socket.socket) -> bool:
    """Return whether the other side closed the connection, without reading from it."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))


async def closed_loop(
    port: int,
    paths: Sequence[str],
    clients: int,
    go_on: Callable[[], bool],
    samples: list[Sample],
    body: bytes | None = None,
) -> None:
    """Send requests on `clients` connections, one after another on each, while `go_on()`; append to `samples`."""
    next_path = cycle(paths)

    async def client() -> None:
        connection = Connection(port)
        while go_on():
            samples.append(await connection.ask(next(next_path), body))
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))


async def paced_loop(port: int, path: str, rate: float, seconds: float) -> list[Sample]:
    """Send `rate` requests per second, whether or not earlier ones were answered."""
    idle: list[Connection] = []
    samples: list[Sample] = []

    async def one() -> None:
        connection = idle.pop() if idle else Connection(port)
        samples.append(await connection.ask(path))
        idle.append(connection)

    start, sent, running = time.perf_counter(), 0, set[asyncio.Task[None]]()
    while (passed := time.perf_counter() - start) < seconds:
        while sent < passed * rate:
            task = asyncio.create_task(one())
            running.add(task)
            task.add_done_callback(running.discard)
            sent += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*running)
    for connection in idle:
        connection.close()
    return samples


def good_rate(samples: Sequence[Sample], seconds: float) -> float:
    """Return the number of 200 answers per second within the first `seconds` of the load."""
    end = min(sample.started_at for sample in samples) + seconds
    return sum(sample.status == 200 and sample.started_at + sample.seconds <= end for sample in samples) / seconds


def percentile(samples: Sequence[Sample], share: float) -> float:
    """Return the seconds within which a share of the requests was answered."""
    return float(np.quantile([sample.seconds for sample in samples], share))


def failures(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Return the requests that were not answered with 200."""
    return (sample for sample in samples if sample.status != 200)
