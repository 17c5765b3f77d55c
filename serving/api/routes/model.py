"""The route that describes the served version."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from client.answers import ModelCard, Versions
from serving.answering import json_bytes
from serving.api.deps import Answering, ChampionSlot, CurrentSettings, PlainQuery
from serving.api.openapi import errors
from serving.problem import ProblemError, no_route
from serving.versions.snapshot import SNAPSHOT, read_snapshot
from serving.versions.status import RegistryStatus

router = APIRouter(tags=["model"])


@router.get("/model", response_model=ModelCard, responses=errors(404))
def model(answer: Answering, slot: ChampionSlot, query: PlainQuery) -> Response:
    """The served version: where it comes from, how it was judged, and what the puller last saw of the registry."""
    manifest = answer.model.manifest
    body = json_bytes.with_model(
        answer.served,
        created=manifest.created,
        git_commit=manifest.git_commit,
        dataset=manifest.dataset.model_dump(),
        parameters=manifest.parameters,
        metrics=[metric.model_dump() for metric in manifest.metrics],
        movies=len(answer.model.movie_ids),
        users=len(answer.model.user_ids),
        registry=registry_view(slot.status),
        **({"about": {name: about.model_dump() for name, about in manifest.about.items()}} if manifest.about else {}),
    )
    return answer.fresh(body)


@router.get("/versions", response_model=Versions, responses=errors(404))
def versions(answer: Answering, settings: CurrentSettings, slot: ChampionSlot, query: PlainQuery) -> Response:
    """The newest versions of the registry with aliases, figures and verdicts, and what was live when."""
    if not settings.tell_versions:
        raise no_route()
    snapshot = read_snapshot(slot.store.root / SNAPSHOT)
    if snapshot is None:
        raise ProblemError(404, "no-snapshot", "Nothing is known of the registry yet; the puller writes it down.")
    stored = {(entry.meta.version, entry.meta.run_id): entry.key for entry in slot.store.entries()}
    body = snapshot.model_dump()
    for version in body["versions"]:
        version["stored"] = stored.get((version["version"], version["run_id"]))
    return answer.fresh(json_bytes.with_model(answer.served, **body))


def registry_view(status: RegistryStatus) -> dict[str, Any]:
    """Return what the puller last saw of the registry, as answers show it."""
    return {
        "reachable": status.reachable,
        "checked_at": status.checked_at or None,
        "error": status.error,
        "refusals": [refusal.model_dump() for refusal in status.refusals],
    }
