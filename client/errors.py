"""Errors of the client, each with a headline and an advice that can be shown to a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class WebappError(Exception):
    """Base. `headline` is what happened, `str(error)` what to do about it; both in plain words."""

    headline = "Something went wrong"


class ApiUnreachable(WebappError):
    """Nothing listens at the service's address, or the connection broke."""

    headline = "The recommendation service does not answer"


class ApiSlow(WebappError):
    """The service took longer than a page may wait."""

    headline = "The recommendation service is slow right now"


class ApiUnready(WebappError):
    """The service runs, but serves no model or has more work than it can take (503)."""

    headline = "The recommendation service is not ready"


class ApiUnexpected(WebappError):
    """An answer that this version of the pages cannot read."""

    headline = "The recommendation service gave an answer that this page cannot read"


class ApiProblem(WebappError):
    """A question that the service refused, as an RFC 9457 problem."""

    headline = "The service cannot answer that"

    def __init__(self, status: int, kind: str, detail: str, members: Mapping[str, Any]) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind  # last part of the problem's type, such as title-not-found
        self.members = members


def optional(ask: Callable[[], T], *, kind: str = "") -> T | None:
    """Return the answer of a call; None where the service refuses it, of any `kind` of problem or of one alone."""
    try:
        return ask()
    except ApiProblem as problem:
        if kind and problem.kind != kind:
            raise
        return None
