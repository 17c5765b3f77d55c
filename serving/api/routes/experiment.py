"""The route that shows the experiment; it exists where MOVIEREC_EVENTS is switched on."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from prometheus_client.core import Metric
from starlette.responses import Response

from client.answers import ExperimentState
from online.decision import Rules
from online.outcomes import Served
from online.recommendation_id import Arm
from online.status import Status, status
from recommender.errors import MissingInputError
from serving.api.deps import ChampionSlot, PlainQuery
from serving.api.online import Online
from serving.api.openapi import errors
from serving.problem import no_route
from serving.versions.experiment import read_experiment

router = APIRouter(tags=["events"])
_FRESH_SECONDS = 10.0  # a state is computed from all events, so not for every caller
_LEAST_SHARE = 0.95  # of the champion's answers, which are not slow


@router.get("/experiment", response_model=ExperimentState, responses=errors(404))
def experiment(request: Request, slot: ChampionSlot, query: PlainQuery) -> Response:
    """The experiment that was started last: its bounds over time, its checks, and what they say."""
    online: Online = request.state.online
    computed_at, body = online.experiment.answer
    if time.monotonic() >= computed_at + _FRESH_SECONDS:
        body = _state(request, slot).model_dump_json().encode()
        online.experiment.answer = time.monotonic(), body
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


def _state(request: Request, slot: ChampionSlot) -> Status:
    record = read_experiment(slot.store.root)
    if record is None:
        raise no_route()
    served = served_counts(request.state.lifecycle.metrics.total(), record.name)
    try:
        return status(slot.store.root, record, Rules(), time.time(), served)
    except MissingInputError as error:  # nobody has sent events yet
        raise no_route() from error


def served_counts(metrics: list[Metric], name: str) -> dict[Arm, Served]:
    """Return the answers of each arm, its failures, and how many took longer than nearly all of the champion's."""
    answers: dict[Arm, dict[str, float]] = {}
    times: dict[Arm, dict[float, float]] = {}
    for sample in (sample for metric in metrics for sample in metric.samples):
        experiment_name, _, arm_name = sample.labels.get("arm", "").partition("/")
        if experiment_name != name:
            continue
        if sample.name == "movierec_arm_answers_total":
            answers.setdefault(Arm[arm_name], {})[sample.labels["status"]] = sample.value
        elif sample.name == "movierec_arm_answer_seconds_bucket":
            times.setdefault(Arm[arm_name], {})[float(sample.labels["le"])] = sample.value
    bound = _slow_bound(times.get(Arm.CHAMPION, {}))
    return {arm: _served(by_status, times.get(arm, {}), bound) for arm, by_status in answers.items()}


def _slow_bound(by_time: dict[float, float]) -> float:
    """Return the least bound, in seconds, within which nearly all answers were given."""
    most = max(by_time.values(), default=0.0)
    return min((bound for bound, count in by_time.items() if count >= _LEAST_SHARE * most), default=float("inf"))


def _served(by_status: dict[str, float], by_time: dict[float, float], bound: float) -> Served:
    total = sum(by_status.values())
    failed = sum(count for code, count in by_status.items() if code.startswith("5"))
    return Served(total, failed, total - by_time.get(bound, total))
