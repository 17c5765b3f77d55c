"""The OpenAPI document: errors are problem details, with an example of each kind."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.problem import MEDIA_TYPE, ProblemError, malformed, no_challenger, no_route, not_ready, overloaded

_LINKED = {
    "movie_id": 1,
    "title": "Toy Story",
    "year": 1995,
    "rating_count": 452,
    "link": "/recommend/?movie_id=1&n=10",
}
_INVALID = {"parameter": "n", "message": "Input should be greater than or equal to 1"}
_REJECTED = {"index": 0, "errors": [{"parameter": "rating", "message": "expected a rating for rated alone"}]}
EXAMPLES = [
    ProblemError(400, "host", "This service does not answer for that host. Set MOVIEREC_ALLOWED_HOSTS."),
    ProblemError(400, "origin", "Calls from that origin are not accepted. Set MOVIEREC_ALLOWED_ORIGINS."),
    malformed(),
    ProblemError(401, "token", "A bearer token is needed here."),
    ProblemError(403, "explanations-off", "This service does not tell what its users rated."),
    ProblemError(403, "token", "The token is wrong."),
    ProblemError(404, "title-not-found", "No film has this title.", suggestions=[_LINKED]),
    ProblemError(404, "movie-not-found", "No film has this id. /movies/search finds films."),
    ProblemError(404, "user-not-found", "No user has this id in the training data."),
    ProblemError(404, "not-in-model", "This model version carries no such figures."),
    ProblemError(404, "no-snapshot", "Nothing is known of the registry yet; the puller writes it down."),
    no_challenger(),
    no_route(),
    ProblemError(409, "title-ambiguous", "Several films have this title.", candidates=[_LINKED]),
    ProblemError(409, "no-new-users", "This model recommends for users of its training data alone."),
    ProblemError(404, "cursor-expired", "The version that began this list is no longer kept; begin again."),
    ProblemError(429, "too-many-events", "More events than are taken; try again.", headers={"Retry-After": "1"}),
    ProblemError(413, "too-large", "The request body is too large."),
    ProblemError(422, "invalid-request", "The request is not valid; see `errors`.", errors=[_INVALID]),
    ProblemError(422, "invalid-query", "A parameter is given twice."),
    ProblemError(422, "unknown-genre", "Unknown genre; expected one of: Comedy, Drama."),
    ProblemError(422, "unknown-facet", "Unknown facet; expected one of: authors, publisher."),
    ProblemError(422, "no-ratings", "This data set has events without ratings: there is no average."),
    ProblemError(422, "no-predictions", "This model predicts no ratings for this person."),
    ProblemError(422, "no-valid-event", "No event is valid; see `rejected`.", rejected=[_REJECTED]),
    ProblemError(422, "unknown-tag", "No film of this model has that tag. /tags?q= finds names."),
    ProblemError(422, "contradicting-tags", "tag_boost and tag_suppress both name pixar; expected it in one of them."),
    not_ready(),
    ProblemError(503, "draining", "This process is about to stop."),
    overloaded(),
    ProblemError(503, "events-not-kept", "The process that writes events does not answer."),
    ProblemError(507, "events-full", "The events hold as much as they may (MOVIEREC_EVENTS_MAX_BYTES)."),
]
_SCHEMA = {"$ref": "#/components/schemas/Problem"}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses` for its own problem statuses; `_document` adds those that every route may answer."""
    return {status: {"description": "Problem"} for status in statuses}


class DocumentedApi(FastAPI):
    """FastAPI whose OpenAPI document describes errors as problem details."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _document(self)
        return self.openapi_schema


def _document(api: FastAPI) -> dict[str, Any]:
    spec = get_openapi(
        title=api.title, version=api.version, description=api.description, routes=api.routes, tags=api.openapi_tags
    )
    for path in spec["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            operation["responses"] = {
                status: _problem(int(status)) if status >= "400" else responses[status]
                for status in sorted(responses.keys() | {"400", "422", "503"})
            }
    spec["components"]["schemas"]["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        spec["components"]["schemas"].pop(unused, None)
    return spec


def _problem(status: int) -> dict[str, Any]:
    kinds = {error.kind: {"value": error.document()} for error in EXAMPLES if error.status == status}
    return {
        "description": " or ".join(kinds) or "problem",
        "content": {MEDIA_TYPE: {"schema": _SCHEMA, "examples": kinds}},
    }


_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457 problem details; some kinds carry further members.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:movierec:problem:title-not-found"]},
        "title": {"type": "string", "examples": ["Not Found"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {"type": "string", "examples": ["No film has this title."]},
    },
}
