"""Services end with the process that started them, whatever ends it: real processes, signals and terminals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from movierec.cli.common.services import Service, require_free, running
from serving.process import guard_process
from testing.service import free_port

PATIENCE = 60.0  # seconds; a slow machine is no failure

# A server and a grandchild that both ignore what a terminal and a polite stop send.
STUBBORN = """
import os, signal, subprocess, sys
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), worker.pid, flush=True)
from http.server import HTTPServer, SimpleHTTPRequestHandler
HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()
"""

# What `movierec demo` does with its services; "nohup" starts it as that command does.
PARENT = """
import fcntl, os, resource, signal, sys, termios
from pathlib import Path
from movierec.cli.common import services
from movierec.cli.common.services import Service, Stop, running, stop_signals
if os.isatty(0):
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
source, how, *ports = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # SIGQUIT would write all of the memory to the disk
signal.signal(signal.SIGHUP, signal.SIG_IGN if how == "nohup" else signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell's background jobs ignore it
services.STOP_SECONDS = 0.5
started = [
    Service(name, [sys.executable, "-I", "-c", source, port], int(port), f"http://127.0.0.1:{port}/")
    for name, port in zip(("api", "webapp"), ports)
]
with stop_signals():
    try:
        with running(started, Path("logs")) as processes:
            processes.wait_until_ready()
            Path("ready").touch()
            processes.wait_for_stop()
    except Stop:
        Path("stopped").touch()
"""


class Family:
    """A parent with two services, each with a child of its own, in `home`."""

    def __init__(self, home: Path, how: str = "", terminal: int | None = None) -> None:
        self.home = home
        self.ports = [free_port(), free_port()]
        # A module of the user's must not get into the guard, nor into what starts a service.
        (home / "select.py").write_text("raise SystemExit('the user has a module of this name')")
        command = [sys.executable, "-I", "-c", PARENT, STUBBORN, how, *map(str, self.ports)]
        self.process = subprocess.Popen(
            command,
            cwd=home,
            env=os.environ | {"PYTHONPATH": str(home)},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        self.members: list[psutil.Process] = []

    def wait_until_ready(self) -> None:
        wait(lambda: (self.home / "ready").exists() or self.process.poll() is not None)
        self.members = psutil.Process(self.process.pid).children(recursive=True)
        assert {server.pid for server in self.servers()} <= {member.pid for member in self.members}

    def servers(self) -> list[psutil.Process]:
        """The services, each followed by its child."""
        logs = [self.home / "logs" / f"{name}.log" for name in ("api", "webapp")]
        return [psutil.Process(int(pid)) for log in logs for pid in log.read_text().splitlines()[0].split()]

    def guard(self) -> psutil.Process | None:
        """The guard process where it runs."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if alive(child) and "watch" in child.cmdline()), None)

    def wait_until_gone(self) -> None:
        """Every process has ended, and the ports are free."""
        self.process.wait(PATIENCE)
        wait(lambda: not any(alive(member) for member in self.members))
        require_free([Service("api", [], port, "") for port in self.ports])


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Callable[..., Family]]:
    families: list[Family] = []

    def start(**options: object) -> Family:
        families.append(Family(tmp_path, **options))  # type: ignore[arg-type]
        families[-1].wait_until_ready()
        return families[-1]

    yield start
    for started in families:
        started.process.kill()
        started.process.wait()
        for member in started.members:
            with suppress(psutil.NoSuchProcess):
                member.kill()


@pytest.mark.fault(39)
@pytest.mark.parametrize("name", ["SIGKILL", "SIGHUP", "SIGTERM", "SIGINT", "SIGQUIT"])
def test_services_end_with_their_parent_and_start_again(family, tmp_path: Path, name: str) -> None:
    started = family()
    started.process.send_signal(signal.Signals[name])
    started.wait_until_gone()
    assert (tmp_path / "stopped").exists() == (name in {"SIGHUP", "SIGTERM", "SIGINT"})
    again = [
        Service(name, [sys.executable, "-m", "http.server", str(port)], port, f"http://127.0.0.1:{port}/")
        for name, port in zip(("api", "webapp"), started.ports, strict=True)
    ]
    with running(again, tmp_path / "again") as answering:
        assert all(child.running() for child in answering.children.values())


@pytest.mark.fault(39)
def test_services_end_when_the_terminal_is_closed(family, tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    started = family(terminal=terminal)
    os.close(terminal)
    os.close(screen)
    started.wait_until_gone()
    assert (tmp_path / "stopped").exists()


@pytest.mark.fault(39)
def test_a_parent_under_nohup_outlives_the_terminal(family) -> None:
    screen, terminal = pty.openpty()
    started = family(how="nohup", terminal=terminal)
    os.close(terminal)
    os.close(screen)
    started.process.send_signal(signal.SIGHUP)
    time.sleep(1)  # longer than the parent's look at its services
    assert started.process.poll() is None
    assert all(alive(server) for server in started.servers())


@pytest.mark.fault(39)
def test_a_service_that_is_stopped_or_headless_ends_too(family) -> None:
    started = family()
    api, _, webapp, _ = started.servers()
    started.process.send_signal(signal.SIGSTOP)  # it must not see the end of its service
    api.kill()
    webapp.suspend()
    started.process.kill()
    started.wait_until_gone()


@pytest.mark.fault(39)
def test_a_killed_guard_is_replaced(family) -> None:
    started = family()
    first = started.guard()
    assert first is not None
    first.kill()
    wait(lambda: started.guard() not in (None, first))
    started.process.kill()
    started.wait_until_gone()


@pytest.mark.fault(39)
def test_the_guard_ignores_signals(family) -> None:
    started = family()
    guard = started.guard()
    assert guard is not None
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        guard.send_signal(number)
    started.process.kill()
    started.wait_until_gone()


@pytest.mark.fault(39)
def test_a_recycled_process_id_is_left_alone() -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command, start_new_session=True) as stranger:
        try:
            guard_process.end_groups({stranger.pid: "started earlier"}, 0.5)
            assert stranger.poll() is None
            assert guard_process.start_time(stranger.pid) != ""
        finally:
            stranger.kill()


MAKE_AND_DEMO = """
import os, subprocess, sys, time
stop = "import sys; from movierec.cli.common.services import *; stop_with(int(sys.argv[1])); "
stop += "print('up', flush=True); time.sleep(600)"
subprocess.run([sys.executable, "-c", stop, str(os.getpid())])
"""


@pytest.mark.fault(39)
def test_a_killed_make_ends_what_it_runs() -> None:
    with subprocess.Popen([sys.executable, "-c", MAKE_AND_DEMO], stdout=subprocess.PIPE) as make:
        assert make.stdout is not None
        assert make.stdout.readline() == b"up\n"
        (demo,) = psutil.Process(make.pid).children()
        make.kill()
        wait(lambda: not alive(demo))
