"""Dependencies of the routes; asynchronous, because FastAPI runs plain functions in threads and none of these waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypedDict, TypeVar

from fastapi import Depends, Request
from fastapi import Query as QueryParameters
from starlette.responses import Response
from starlette.types import Scope

from recommender.model import Model
from serving.answering import json_bytes
from serving.answering.listed import listed
from serving.answering.lookup import ROOT_PATH
from serving.lifecycle import Lifecycle
from serving.problem import ProblemError, no_challenger, not_ready
from serving.schemas.common import Query
from serving.schemas.data_values import answering_from
from serving.schemas.recommend import ListOptions
from serving.settings import Settings
from serving.versions.entry import KEY
from serving.versions.served import Served
from serving.versions.slot import ModelSlot

if TYPE_CHECKING:
    from serving.answering.explored import Exploration
    from serving.api.online import Online
    from serving.versions.experiment import Assignment

Options = TypeVar("Options", bound=ListOptions)


class NotModifiedError(Exception):
    """The caller's copy of the answer is still valid; the argument is its entity tag."""


class AppState(TypedDict):
    """What every route can reach through `request.state`."""

    settings: Settings
    champion: ModelSlot
    challenger: ModelSlot | None
    lifecycle: Lifecycle
    online: Online | None  # None where events are switched off


async def champion_slot(request: Request) -> ModelSlot:
    """Return the slot of the served version."""
    slot: ModelSlot = request.state.champion
    return slot


async def current_settings(request: Request) -> Settings:
    """Return the service's settings."""
    settings: Settings = request.state.settings
    return settings


CurrentSettings = Annotated[Settings, Depends(current_settings)]
ChampionSlot = Annotated[ModelSlot, Depends(champion_slot)]


@dataclass(frozen=True)
class Context:
    """The version that answers a request, and the responses that it makes."""

    served: Served
    tag: bytes
    scope: Scope
    online: Online | None = None  # where events are switched on

    @property
    def model(self) -> Model:
        """The loaded model."""
        return self.served.model

    def json(self, body: bytes) -> Response:
        """Return a JSON response with an entity tag: the same answer until another version is served."""
        response = Response(body)
        response.raw_headers = json_bytes.headers(self.tag, len(body))
        if any(map(self.scope.get, ("dismissed", "assignment", "exploration"))):
            response.raw_headers.append((b"cache-control", b"private"))
        return response

    def fresh(self, body: bytes) -> Response:
        """Return a JSON response that must not be cached."""
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    def without_dismissed(self, options: Options) -> Options:
        """Return the options of a list that leaves out what its visitor has dismissed."""
        dismissed: frozenset[str] = self.scope.get("dismissed", frozenset())
        if not dismissed:
            return options
        ids = map(self.model.movie_ids.from_text, sorted(dismissed))
        return options.model_copy(update={"exclude": [*options.exclude, *(one for one in ids if one is not None)]})

    def of_versions(self, make: Callable[[Served, Options], bytes], options: Options) -> bytes:
        """Return what `make` makes of the version that answers; in an experiment that weaves, of both versions.

        Where the other version has no list of the same length, the answer is none of the experiment's. Of a list that
        is not woven, some places may be left to chance.
        """
        body, assignment = make(self.served, options), self.assignment
        if assignment is None or not assignment.is_woven:
            return self._explored(body, make, options)
        self.scope["exploration"] = None
        from serving.answering.woven import weave

        try:
            woven = weave(body, make(assignment.rival, options), assignment.seed)
        except ProblemError:  # the other version does not know the film, or the person
            woven = None
        if woven is None:
            self.scope["assignment"] = None
        return woven or body

    def _explored(self, body: bytes, make: Callable[[Served, Options], bytes], options: Options) -> bytes:
        if self.exploration is None:
            return body
        from serving.answering.explored import explore

        explored = explore(body, self.served, options, make, self.exploration)
        if explored is None:
            self.scope["exploration"] = None
        return explored or body

    @property
    def exploration(self) -> Exploration | None:
        """What is left to chance in the caller's list."""
        exploration: Exploration | None = self.scope.get("exploration")
        return exploration

    @property
    def assignment(self) -> Assignment | None:
        """The arm of an experiment that the caller is in."""
        assignment: Assignment | None = self.scope.get("assignment")
        return assignment

    def with_id(
        self, response: Response, options: ListOptions, *, item_row: int | None = None, user_row: int | None = None
    ) -> Response:
        """Return the response with a list in it, which gets an id where ids are given."""
        if self.online is not None:
            of_list = listed(self.served, options, item_row=item_row, user_row=user_row)
            of_list.assignment, of_list.exploration = self.assignment, self.exploration
            response.raw_headers += self.online.ids.headers(of_list)
        return response


async def context(request: Request, slot: ChampionSlot) -> Context:
    """Return the version that answers this request, which `_choose` chooses.

    Raises a 503 or 404 problem where it is not loaded, and NotModifiedError where the caller has the answer.
    """
    served = await _choose(request, slot)
    assignment: Assignment | None = request.scope.get("assignment")
    query = request.scope["query_string"]
    if dismissed := request.scope.get("dismissed"):
        query += b"\0" + "\0".join(sorted(dismissed)).encode()
    root_path = request.scope["root_path"]
    path = request.url.path.removeprefix(root_path).rstrip("/")
    tag = json_bytes.entity_tag(served, path.encode(), query)
    if assignment is not None:
        tag = b'%b-%d-%x"' % (tag[:-1], assignment.arm, assignment.seed)
    if (exploration := request.scope.get("exploration")) is not None:
        tag = b'%b-%x"' % (tag[:-1], exploration.seed)
    if request.method == "GET" and tag.decode() in request.headers.get("if-none-match", ""):
        raise NotModifiedError(tag.decode())
    answering_from(served.model)
    ROOT_PATH.set(root_path)
    return Context(served, tag, request.scope, request.state.online)


async def _choose(request: Request, slot: ModelSlot) -> Served:
    """Return the version that the request names, by cursor or as the challenger, else its arm's, else the champion.

    Who names a version is in no experiment, and nothing is left to chance. Raises a 503 or 404 problem where it is
    not loaded.
    """
    cursor = request.query_params.get("cursor", "")
    if KEY.fullmatch(cursor):
        _leave_alone(request.scope)
        if pinned := await slot.pinned(cursor):
            return pinned
        raise ProblemError(404, "cursor-expired", "The version that began this list is no longer kept; begin again.")
    if request.query_params.get("model") == "challenger":
        _leave_alone(request.scope)
        challenger: ModelSlot | None = request.state.challenger
        if challenger is None or challenger.served is None:
            raise no_challenger()
        return challenger.served
    assignment: Assignment | None = request.scope.get("assignment")
    if assignment is not None:
        return assignment.served
    if slot.served is None:
        raise not_ready()
    return slot.served


def _leave_alone(scope: Scope) -> None:
    scope["assignment"] = scope["exploration"] = None


Answering = Annotated[Context, Depends(context)]
PlainQuery = Annotated[Query, QueryParameters()]  # of routes that take no parameter of their own
