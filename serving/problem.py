"""Error answers as RFC 9457 problem details; none repeats what the caller sent."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_PREFIX = "urn:movierec:problem:"


class ProblemError(Exception):
    """An error that becomes a problem document; `extensions` become members of it."""

    def __init__(
        self, status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.extensions = extensions

    def document(self) -> dict[str, Any]:
        """Return the problem details object."""
        return {
            "type": _PREFIX + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.extensions,
        }

    def response(self) -> Response:
        """Return the HTTP response."""
        return Response(
            orjson.dumps(self.document()), status_code=self.status, media_type=MEDIA_TYPE, headers=self.headers
        )


def not_ready() -> ProblemError:
    """Return the 503 problem for a service that has no model version loaded."""
    return ProblemError(
        503,
        "no-model",
        "No model version is served yet. Train and promote one (movierec demo), or wait for the puller.",
        headers={"Retry-After": "5"},
    )


def no_route() -> ProblemError:
    """Return the 404 problem for an address without a route."""
    return ProblemError(404, "no-route", "There is nothing at this address. /docs lists what there is.")


def no_challenger() -> ProblemError:
    """Return the 404 problem for a service without a challenger."""
    return ProblemError(404, "no-challenger", "No challenger is served here.")


def malformed() -> ProblemError:
    """Return the 400 problem for bytes that are no HTTP request."""
    return ProblemError(
        400, "malformed", "This is not a valid HTTP request. Letters beyond ASCII in an address are percent-encoded."
    )


def overloaded() -> ProblemError:
    """Return the 503 problem for a request too many."""
    return ProblemError(503, "overloaded", "Too many requests are waiting; try again.", headers={"Retry-After": "1"})
