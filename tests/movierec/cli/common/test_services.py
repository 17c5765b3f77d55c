"""Several servers as one, against real processes and sockets."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from movierec.cli.common import services
from movierec.cli.common.services import Running, Service, Stop, require_free, running, stop_signals
from recommender.errors import MovierecError, UsageError
from serving.process.child import Child
from testing.service import free_port

# A server with a child of its own, as uvicorn and MLflow have workers.
WITH_WORKER = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("worker", worker.pid, flush=True)
from http.server import HTTPServer, SimpleHTTPRequestHandler
HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()
"""


def server(name: str, source: str) -> Service:
    port = free_port()
    return Service(name, [sys.executable, "-c", source, str(port)], port, f"http://127.0.0.1:{port}/")


def processes_of(started: Running) -> dict[Service, subprocess.Popen[bytes]]:
    """The processes of the servers that were started and not found ended."""
    processes = {service: child.process for service, child in started.children.items()}
    return {service: process for service, process in processes.items() if isinstance(process, subprocess.Popen)}


def test_all_answer_inside_and_nothing_is_left_afterwards(tmp_path: Path) -> None:
    services = [server("api", WITH_WORKER), server("webapp", WITH_WORKER)]
    with running(services, tmp_path) as started:
        processes = processes_of(started)
        started.wait_until_ready()
        workers = [int((tmp_path / f"{service.name}.log").read_text().split()[1]) for service in processes]
        assert all(psutil.pid_exists(pid) for pid in workers)
    assert all(process.poll() is not None for process in processes.values())
    assert not [pid for pid in workers if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


def test_a_server_that_dies_at_the_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    broken = server("api", "import sys; sys.exit('no model here')")
    with (
        pytest.raises(MovierecError, match=r"(?s)api did not start \(code 1\).*no model here"),
        running([broken], tmp_path) as started,
    ):
        started.wait_until_ready()


@pytest.mark.fault(49)
def test_a_server_that_is_killed_or_hangs_is_started_again_and_the_others_live_on(tmp_path: Path, monkeypatch) -> None:
    """Also one that is killed before all are ready, and one that is stopped, with the child that it has."""
    monkeypatch.setattr(services, "HANG_SECONDS", 1.0)
    monkeypatch.setattr(services, "PROBE_SECONDS", 0.2)
    api, webapp = server("api", WITH_WORKER), server("webapp", WITH_WORKER)
    with stop_signals(), running([api, webapp], tmp_path) as started:
        first = processes_of(started)
        first[webapp].kill()
        started.wait_until_ready()
        second = processes_of(started)
        assert second[webapp] is not first[webapp]
        os.kill(second[webapp].pid, signal.SIGSTOP)

        def stop_once_answering() -> None:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                if processes_of(started).get(webapp) not in (None, second[webapp]) and services._status(
                    webapp.ready_url
                ):
                    break
                time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=stop_once_answering).start()
        with pytest.raises(Stop):
            started.wait_for_stop()
        assert services._status(webapp.ready_url) == 200
        assert processes_of(started)[api] is first[api]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["api.log", "webapp.log"]  # however often they start


@pytest.mark.fault(49)
def test_a_child_that_keeps_ending_waits_longer_and_longer_also_where_its_start_takes_long(monkeypatch) -> None:
    pauses: list[float] = []
    clock = itertools.count(0.0, 20.0)  # each process lives for 20 s
    monkeypatch.setattr("serving.process.child.time", SimpleNamespace(monotonic=lambda: next(clock)))
    crashing = Child("x", lambda: subprocess.Popen(["false"]), lambda name, code, pause: pauses.append(pause), 60.0)
    for _ in range(6):
        crashing.keep()
        assert isinstance(crashing.process, subprocess.Popen)
        crashing.process.wait()
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_the_wait_and_the_old_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
    with stop_signals(), pytest.raises(Stop):
        time.sleep(30)
    assert signal.getsignal(number) is before


@pytest.mark.fault(39)
def test_a_taken_port_is_named_with_its_holder_and_the_way_out() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        taken = Service("webapp", [], port, "")
        expected = rf"Port {port} for the webapp is taken by .*\(process {os.getpid()}, since 2.*kill {os.getpid()}`"
        with pytest.raises(UsageError, match=rf"{expected}, or choose another port.*WEBAPP_PORT={port + 1}"):
            require_free([taken])


@pytest.mark.fault(39)
def test_the_holder_is_the_command_that_started_the_listener_and_arguments_stay_out(tmp_path: Path) -> None:
    """A child of `movierec demo` holds the port: it is the demo that has to end, and secrets are not repeated."""
    port = free_port()
    child = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print(flush=True); time.sleep(600)"
    script = tmp_path / "movierec"
    script.write_text(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}, 'canary'])")
    command = [sys.executable, str(script), "demo", "--raw", "canary"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        demo.stdout.readline()
        (listener,) = psutil.Process(demo.pid).children()
        with pytest.raises(UsageError) as refusal:
            require_free([Service("api", [], port, "")])
        listener.kill()
    assert f"taken by `make run` or `movierec demo` (process {demo.pid}, since" in str(refusal.value)
    assert f"`kill {demo.pid}`" in str(refusal.value)
    assert "canary" not in str(refusal.value)


@pytest.mark.fault(58)
def test_logs_are_added_to_and_never_written_through_a_link(tmp_path: Path) -> None:
    log, precious = tmp_path / "api.log", tmp_path / "precious.txt"
    log.write_text("mine\n")
    with services._open_log(log) as sink:
        sink.write(b"theirs\n")
    assert log.read_text() == "mine\ntheirs\n"
    precious.write_text("mine\n")
    (tmp_path / "link.log").symlink_to(precious)
    with pytest.raises(UsageError, match=r"link\.log"):
        services._open_log(tmp_path / "link.log")
    assert precious.read_text() == "mine\n"
