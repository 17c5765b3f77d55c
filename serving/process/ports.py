"""Report a taken port with the process that listens there and the command that ends it."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from recommender.errors import UsageError

if TYPE_CHECKING:
    import psutil

_COMMANDS = ("demo", "serve", "webapp", "pull", "bench")
_WILDCARDS = {"0.0.0.0", "::"}


def require_free(host: str, port: int, user: str, advice: str) -> None:
    """Raise UsageError where `port` of `host` is taken; the message names the process that listens there.

    `user`: what the port is for; `advice`: what else to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UsageError(
                    f"Port {port} for {user} is taken by {_describe_listener(host, port)}, or {advice}"
                ) from None


def _describe_listener(host: str, port: int) -> str:
    """Return who listens on the port, a process or the command of this project that started it, and how to end it."""
    import psutil

    local = {str(info[4][0]) for info in socket.getaddrinfo(host, port)} | _WILDCARDS
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            listening = [
                socket.laddr for socket in process.net_connections("tcp") if socket.status == psutil.CONN_LISTEN
            ]
            if any(address.port == port and (host in _WILDCARDS or address.ip in local) for address in listening):
                return _describe_process(process)
    return f"a process that this user may not see; end it (`sudo ss -ltnp 'sport = :{port}'` names it)"


def _describe_process(listener: psutil.Process) -> str:
    """Return program, id and start time; arguments and environment may hold secrets and stay out."""
    family = [listener, *listener.parents()]
    commands = [(process, command) for process in family if (command := _command(process))]
    process, name = commands[-1] if commands else (listener, listener.name())
    since = datetime.fromtimestamp(process.create_time()).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    orphaned = ", its parent is gone" if process.ppid() == 1 and commands else ""
    return f"{name} (process {process.pid}, since {since}{orphaned}). End it with `kill {process.pid}`"


def _command(process: psutil.Process) -> str:
    """Return the command of this project that the process runs, with its sub-command; "" for another program."""
    import psutil

    try:
        words = process.cmdline()
    except psutil.Error:  # another user's, or it has just ended
        return ""
    if not words or not PurePath(words[0]).name.lower().startswith("python"):
        return ""
    if "movierec.cli.main" in words[:5]:
        arguments = words[words.index("movierec.cli.main") + 1 :]
    elif words[1:] and PurePath(words[1]).name == "movierec":
        arguments = words[2:]
    elif "streamlit" in words[:5] and any(word.endswith("webapp/app.py") for word in words):
        arguments = ["webapp"]
    else:
        return ""
    command = next((word for word in arguments[:1] if word in _COMMANDS), "…")
    return "`make run` or `movierec demo`" if command == "demo" else f"`movierec {command}`"
