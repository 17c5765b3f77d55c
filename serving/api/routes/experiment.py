"""The route that shows the experiment; it exists where MOVIEREC_EVENTS is switched on."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from client.answers import ExperimentAnswer
from serving.answering import json_bytes
from serving.api.deps import Answering, ChampionSlot, CurrentSettings, PlainQuery
from serving.api.openapi import errors
from serving.problem import ProblemError, no_route
from serving.versions.observation import read_observation

router = APIRouter(tags=["events"])


@router.get("/experiment", response_model=ExperimentAnswer, responses=errors(404))
def experiment(answer: Answering, settings: CurrentSettings, slot: ChampionSlot, query: PlainQuery) -> Response:
    """The experiment that was started last, with its bounds over time and its checks; and drift."""
    if not settings.tell_versions:
        raise no_route()
    observation = read_observation(slot.store.root)
    if observation is None:
        raise ProblemError(404, "no-snapshot", "Nothing is known of events yet; the observer writes it down.")
    body = observation.model_dump(include={"taken_at", "experiment", "drift"})
    return answer.fresh(json_bytes.with_model(answer.served, **body))
