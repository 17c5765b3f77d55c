"""The served version."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from serving import answers
from serving.deps import ChampionSlot, CurrentModel, json_bytes
from serving.schemas import ModelCard

router = APIRouter(tags=["model"])


@router.get("/model", response_model=ModelCard)
def model(served: CurrentModel, slot: ChampionSlot) -> Response:
    """The served version: where it comes from, how it was judged, and what the puller last saw of the registry."""
    manifest, status = served.model.manifest, slot.status
    registry = {
        "reachable": status.reachable,
        "checked_at": status.checked_at or None,
        "error": status.error,
        "refusals": [refusal.model_dump() for refusal in status.refusals],
    }
    body = answers.with_model(
        served,
        created=manifest.created,
        git_commit=manifest.git_commit,
        dataset=manifest.dataset.model_dump(),
        parameters=manifest.parameters,
        metrics=[metric.model_dump() for metric in manifest.metrics],
        movies=len(served.model.movie_ids),
        users=len(served.model.user_ids),
        registry=registry,
    )
    return json_bytes(body)
