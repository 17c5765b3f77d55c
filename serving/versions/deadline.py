"""Calls that may hang, with a deadline: a registry may accept a connection and never answer, or drip."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from recommender.errors import RegistryUnavailableError

SECONDS = 7.0  # for one question to the registry
_MOST_HANGING = 8  # calls that nobody waits for any more; they end with their connection

Answer = TypeVar("Answer")
_running: set[threading.Thread] = set()


def within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """Return what `call` returns, or raise what it raises. Raises RegistryUnavailableError after `seconds`.

    A call that takes longer goes on in a daemon thread, which keeps no process alive.
    """
    _running.intersection_update({thread for thread in _running if thread.is_alive()})
    if len(_running) >= _MOST_HANGING:
        raise RegistryUnavailableError(f"The registry holds {_MOST_HANGING} calls without an answer.")
    outcome: Future[Answer] = Future()
    thread = threading.Thread(target=_run, args=(call, outcome), daemon=True)
    _running.add(thread)
    thread.start()
    if not wait([outcome], seconds).done:
        raise RegistryUnavailableError(f"The registry did not answer within {seconds:g} s.")
    return outcome.result()


def _run(call: Callable[[], Answer], outcome: Future[Answer]) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:  # noqa: BLE001 - whoever waits raises it
        outcome.set_exception(error)
