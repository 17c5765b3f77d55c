"""Callers who do not read their answers, on real workers: they cost nobody else anything, and are closed."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.process.connection import GuardedConnection
from testing.load import NeverReaders
from testing.service import Service
from tests.serving.conftest import ready
from training.bundling.synthetic import Size, write

FOR_EVER = "3600"
LIVENESS_SECONDS = 40.0
PLAIN, COMPUTED = "/recommend/?movie_id=1&n=100", "/recommend/?movie_id=1&n=5&genres=Drama"


def request(path: str, method: str = "GET", body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


REQUESTS = {
    "map": request("/map"),
    "plain": request(PLAIN),
    "computed": request(PLAIN + "&exclude=2"),
    "posted": request("/recommend/", "POST", b'{"movie_id": 1, "n": 100}'),
    "head": request("/map", "HEAD"),
    "metrics": request("/metrics"),
    "error": request("/recommend/?title=nothing"),
}
LARGE = {"map", "plain", "computed", "posted"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose map is an answer of 300 kB."""
    path = tmp_path_factory.mktemp("large") / "bundle"
    write(path, Size(movies=2000, dimensions=8, users=100, map_films=2000))
    return path


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Service]:
    """One worker that computes one answer at a time, lets callers wait for ever, and never cuts a slow reader."""
    made = Service(
        tmp_path_factory.mktemp("patient"),
        workers=1,
        stale_after_seconds=FOR_EVER,
        watch_seconds="0.05",
        drain_seconds="0.1",
        running_limit="1",
        queue_timeout_seconds=FOR_EVER,
        answer_timeout_seconds=FOR_EVER,
    )
    with ready(made, bundle) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Service]:
    """One worker that cuts slow readers after two seconds."""
    made = Service(
        tmp_path_factory.mktemp("strict"),
        workers=1,
        stale_after_seconds=FOR_EVER,
        queue_limit="100",
        watch_seconds="0.05",
        drain_seconds="0.1",
        answer_timeout_seconds="2",
    )
    with ready(made, bundle) as running:
        yield running


def answered(service: Service) -> float:
    """How many computed answers were counted."""
    lines = service.get("/metrics")[1].decode().splitlines()
    counts = [line for line in lines if re.match(r'movierec_requests_total\{route="/(map|recommend/)"', line)]
    return sum(float(line.rpartition(" ")[2]) for line in counts)


def wait_until_stalled(service: Service) -> None:
    """Wait until some answers were counted and no more come, as the callers do not read."""
    counts = [0.0, 0.0]

    def stalled() -> bool:
        time.sleep(0.3)  # longer than a worker takes to publish what it counted
        counts.append(answered(service))
        return counts[-1] == counts[-2] > counts[0]

    service.wait(stalled)


def gone(service: Service) -> list[dict[str, Any]]:
    """Log lines about callers that went away."""
    return [line for line in service.log() if line["event"] == "caller_gone"]


@pytest.mark.fault(37)
def test_callers_who_never_read_hold_up_nobody(patient: Service) -> None:
    several = REQUESTS["map"] + REQUESTS["computed"] + REQUESTS["posted"]
    with NeverReaders(patient.port, several, pipelined=14):
        wait_until_stalled(patient)
        assert [patient.status(path) for path in [COMPUTED, PLAIN, "/livez", "/readyz"] * 5] == [200] * 20
        assert answered(patient) < 8 * 14 * 3 / 2  # what nobody takes is not computed either
    patient.wait(lambda: len(gone(patient)) == 8)
    assert {line["reason"] for line in gone(patient)} == {"connection closed"}
    assert "Traceback" not in patient.output()


class Greedy:
    """A caller who sends requests of one kind for as long as the service takes any, and reads little or nothing."""

    def __init__(self, port: int, kind: str, reads: int) -> None:
        """`reads`: bytes read at a time."""
        self.kind = kind
        self._reads = reads
        self._unsent = b""
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)

    def go_on(self) -> None:
        """Send what the service takes, and read."""
        self._unsent = self._unsent or REQUESTS[self.kind] * 100
        with suppress(BlockingIOError, ConnectionError):
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        with suppress(BlockingIOError, ConnectionError):
            self.socket.recv(self._reads)


def open_ports(service: Service) -> set[int]:
    """The callers' ports of the connections that the workers hold; a caller may hear of an end much later."""
    connections = [connection for worker in service.workers() for connection in worker.net_connections("tcp")]
    return {connection.raddr.port for connection in connections if connection.raddr}


@pytest.mark.fault(37)
def test_whoever_reads_little_or_nothing_is_closed(strict: Service) -> None:
    with ExitStack() as opened:
        callers = [Greedy(strict.port, kind, reads) for kind in REQUESTS for reads in (0, 1)]
        for caller in callers:
            opened.enter_context(caller.socket)
        ports = {caller.socket.getsockname()[1]: caller for caller in callers}
        silent = opened.enter_context(NeverReaders(strict.port, REQUESTS["map"]))  # who send no more, either

        def all_closed() -> bool:
            left = open_ports(strict) & ports.keys()
            for port in left:
                ports[port].go_on()
            return not left and silent.replaced >= 8

        strict.wait(all_closed)

        def late() -> int:
            return sum(line["reason"] == "answers not read in time" for line in gone(strict))

        strict.wait(lambda: late() >= 2 * len(LARGE) + 8)  # the small answers fit into the buffers on the way
    assert strict.status(COMPUTED) == 200
    assert "Traceback" not in strict.output()


@pytest.mark.fault(37)
def test_a_caller_who_reads_slowly_and_steadily_gets_every_answer(strict: Service) -> None:
    """For longer in all than the time for an answer."""
    map_answer = strict.get("/map")[1]
    with closing(socket.create_connection(("127.0.0.1", strict.port), LIVENESS_SECONDS)) as steady:
        steady.sendall(REQUESTS["map"] * 30)
        with steady.makefile("rb") as stream:
            for _ in range(30):
                assert read_answer(stream) == (False, map_answer)
                time.sleep(0.1)


def read_answer(stream: Any) -> tuple[bool, bytes]:
    """Whether the answer says that the connection ends with it, and its body."""
    assert stream.readline().split()[1] == b"200"
    headers = dict(line.lower().rstrip().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
    return headers.get(b"connection") == b"close", stream.read(int(headers[b"content-length"]))


@pytest.mark.fault(37)
def test_a_flood_of_pipelined_requests_gets_some_whole_answers_and_a_close(strict: Service) -> None:
    with closing(socket.create_connection(("127.0.0.1", strict.port), LIVENESS_SECONDS)) as greedy:
        greedy.sendall(request("/tags") * 1000)
        with greedy.makefile("rb") as stream:
            answers = 0
            is_last = False
            while not is_last:
                is_last, body = read_answer(stream)
                assert json.loads(body)["tags"] == []
                answers += 1
                assert answers < 1000
            with suppress(ConnectionResetError):
                assert stream.read() == b""


@pytest.mark.fault(37)
def test_requests_of_a_caller_who_does_not_read_are_not_begun() -> None:
    """The second one is, when the first answer is read."""
    begun = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal begun
        begun += 1
        await Response(bytes(20_000_000))(scope, receive, send)

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(uvicorn.Config(app, http=GuardedConnection, lifespan="off", log_config=None))
            serving = asyncio.create_task(server.serve([listener]))
            reader, writer = await asyncio.open_connection(*listener.getsockname(), limit=1)
            try:
                writer.write(request("/") * 2)
                connections: set[Any] = server.server_state.connections  # of GuardedConnection alone
                while not any(connection.flow and connection.flow.write_paused for connection in connections):
                    await asyncio.sleep(0)
                for _ in range(100):
                    await asyncio.sleep(0)
                assert begun == 1
                while begun == 1:
                    await reader.read(1_000_000)
            finally:
                writer.transport.abort()
                server.should_exit = True
                await serving

    asyncio.run(asyncio.wait_for(scenario(), LIVENESS_SECONDS))


@pytest.mark.fault(37)
def test_a_connection_that_asks_for_nothing_more_is_closed() -> None:
    class Application:
        @staticmethod
        def at_once(scope: Scope) -> bytes:
            return b"content-length: 2\r\n\r\nok"

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise AssertionError("everything is answered at once")

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(
                Application(), http=GuardedConnection, lifespan="off", log_config=None, proxy_headers=False
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve([listener]))
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(request("/") * 2)
            for _ in range(2):
                await reader.readuntil(b"\r\n\r\nok")
            [connection] = server.server_state.connections
            assert isinstance(connection, GuardedConnection)
            now = asyncio.get_running_loop().time()
            connection.cut_if_late(now, 1, 1)
            assert not connection.transport.is_closing()
            connection.cut_if_late(now + config.timeout_keep_alive + 1, 1, 1)
            assert await reader.read() == b""
            writer.close()
            server.should_exit = True
            await serving

    asyncio.run(asyncio.wait_for(scenario(), LIVENESS_SECONDS))


@pytest.mark.fault(37)
def test_sigterm_does_not_wait_for_callers_who_never_read(tmp_path: Path, bundle: Path) -> None:
    service = Service(tmp_path, workers=1, answer_timeout_seconds="1", graceful_seconds="600", drain_seconds="0")
    with ready(service, bundle) as running, ExitStack() as opened:
        for _ in range(8):
            reader = opened.enter_context(socket.create_connection(("127.0.0.1", running.port), LIVENESS_SECONDS))
            reader.sendall(REQUESTS["map"] * 40)
        wait_until_stalled(running)
        assert running.process is not None
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(LIVENESS_SECONDS) == 0


def test_what_the_guarded_protocol_overrides_and_reads_is_in_uvicorn() -> None:
    """None of this is promised by uvicorn: where it changes, serving/process/connection.py has to change with it."""
    overridden = {
        "_start_asgi_task": ["self", "cycle", "app"],
        "connection_lost": ["self", "exc"],
        "resume_writing": ["self"],
        "send_400_response": ["self", "msg"],
        "on_message_begin": ["self"],
        "on_url": ["self", "url"],
        "on_headers_complete": ["self"],
        "on_body": ["self", "body"],
        "on_message_complete": ["self"],
    }
    for name, parameters in overridden.items():
        assert list(inspect.signature(getattr(HttpToolsProtocol, name)).parameters) == parameters
    used = {"pipeline", "cycle", "flow", "transport", "loop", "timeout_keep_alive", "timeout_keep_alive_task"}
    assert used <= set(HttpToolsProtocol.__init__.__code__.co_names)
    cycle = set(RequestResponseCycle.__init__.__code__.co_names)
    at_once = {"scope", "default_headers", "on_response", "response_started"}
    assert {"disconnected", "keep_alive", "message_event", "response_complete", *at_once} <= cycle
    assert inspect.iscoroutinefunction(FlowControl.drain)
    assert "write_paused" in FlowControl.__init__.__code__.co_names
