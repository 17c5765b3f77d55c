"""Experiments over HTTP: sticky arms, woven lists, ids and headers, and their end; with real processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from client.answers import ExperimentAnswer
from online.estimators.interleaving import teams
from online.experiment import Experiment, arm_of
from online.recommendation_id import Arm, Recommendation, read_id
from online.signing_keys import read_keys
from online.store import DIRECTORY
from recommender.bundle import save_bundle
from serving.versions.experiment import write_experiment
from testing.service import Service
from tests.serving.conftest import ready
from tests.toy import build_arrays, build_manifest

CALL = "/recommend/?user_id=1&n=3"
PEOPLE = [f"visitor-{number}" for number in range(40)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, full_bundle: Path) -> Iterator[Service]:
    """A service with events, version 1 as champion and version 2 as challenger."""
    root = tmp_path_factory.mktemp("experiment")
    other = root / "other"
    arrays = build_arrays()
    save_bundle(other, build_manifest(), arrays | {"user_factors": -arrays["user_factors"]})  # the other way round
    made = Service(root, workers=1, events="true", stale_after_seconds="3600", watch_seconds="0.02")
    with ready(made, full_bundle) as running:
        running.store.point("challenger", running.install(other, "2"))
        running.wait(lambda: running.status("/recommend/?movie_id=1&model=challenger") == 200)
        yield running


@pytest.fixture
def api(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=30, trust_env=False) as opened:
        yield opened


def begin(service: Service, api: httpx.Client, **changes: object) -> Experiment:
    """Start an experiment and wait until the service goes by it, and no longer by the one before."""
    store = service.store
    keys = {slot: store.served_key(slot) for slot in ("champion", "challenger")}
    fields = {"name": "trial", **keys, "started_at": time.time(), "planned_visitors": 100} | changes
    experiment = Experiment.model_validate(fields)
    write_experiment(store.root, experiment.model_copy(update={"ended_at": time.time()}))
    service.wait(lambda: not any("cache-control" in call(api, one).headers for one in PEOPLE))
    write_experiment(store.root, experiment)
    member = next(one for one in PEOPLE if arm_of(experiment, one) != Arm.NONE)
    service.wait(lambda: ("cache-control" in call(api, member).headers) == experiment.is_running)
    return experiment


def call(api: httpx.Client, visitor: str, address: str = CALL) -> httpx.Response:
    return api.get(address, headers={"x-visitor": visitor})


def said(service: Service, answer: httpx.Response) -> Recommendation:
    keys = read_keys(service.store.root / DIRECTORY)
    assert keys is not None
    recommendation = read_id(answer.headers["x-recommendation-id"], keys.keys)
    assert recommendation is not None
    return recommendation


def test_each_visitor_keeps_one_version_and_answers_say_which(service: Service, api: httpx.Client) -> None:
    experiment = begin(service, api)
    for visitor in PEOPLE:
        answers = [call(api, visitor, address) for address in (CALL, CALL, "/recommend/?movie_id=1&n=3")]
        arm = arm_of(experiment, visitor)
        for answer in answers:
            assert answer.json()["model"]["version"] == ("2" if arm == Arm.CHALLENGER else "1")
            assert answer.headers["cache-control"] == "private"
            assert said(service, answer).arm == arm
            assert said(service, answer).version != said(service, answer).other_version
        assert answers[0].headers["etag"] == answers[1].headers["etag"]
    assert {arm_of(experiment, visitor) for visitor in PEOPLE} == {Arm.CHAMPION, Arm.CHALLENGER}
    assert len({call(api, visitor).headers["etag"] for visitor in PEOPLE}) == 2


def test_who_names_nobody_or_a_version_takes_no_part(service: Service, api: httpx.Client) -> None:
    begin(service, api)
    for answer in (api.get(CALL), call(api, PEOPLE[0], f"{CALL}&model=challenger")):
        assert "cache-control" not in answer.headers
        assert said(service, answer).arm == Arm.NONE


def test_woven_lists_have_teams_that_the_id_tells(service: Service, api: httpx.Client) -> None:
    experiment = begin(service, api, name="woven", mode="interleave", share=0.6)
    lists = {
        version: [film["movie_id"] for film in api.get(f"{CALL}&model={version}").json()["recommendations"]]
        for version in ("champion", "challenger")
    }
    assert lists["champion"] != lists["challenger"]
    seen = set()
    for visitor in PEOPLE:
        answer = call(api, visitor)
        recommendation = said(service, answer)
        assert recommendation.arm == arm_of(experiment, visitor)
        films = [film["movie_id"] for film in answer.json()["recommendations"]]
        if recommendation.arm == Arm.NONE:
            assert films == lists["champion"]
            continue
        assert [film["rank"] for film in answer.json()["recommendations"]] == [1, 2, 3]
        page = call(api, visitor, f"{CALL}&offset=2")
        assert said(service, page).arm == recommendation.arm
        assert [film["rank"] for film in page.json()["recommendations"]] == [3, 4, 5]
        assert len(set(films)) == 3
        for film, is_challengers in zip(films, teams(3, recommendation.seed), strict=True):
            assert film in lists["challenger" if is_challengers else "champion"]
        seen.add(tuple(films))
    assert len(seen) > 1


def test_its_end_or_another_champion_gives_everybody_the_champion(service: Service, api: httpx.Client) -> None:
    experiment = begin(service, api, name="ending")
    ended = experiment.model_copy(update={"ended_at": time.time(), "ended_because": "trial"})
    begin(service, api, **ended.model_dump())
    assert {call(api, visitor).json()["model"]["version"] for visitor in PEOPLE} == {"1"}
    begin(service, api, name="again")
    write_experiment(service.store.root, experiment.model_copy(update={"champion": "3-0"}))
    service.wait(lambda: "cache-control" not in call(api, PEOPLE[0]).headers)


def test_the_state_is_told(service: Service, api: httpx.Client) -> None:
    begin(service, api, name="told")
    answer = call(api, PEOPLE[0])
    films = [film["movie_id"] for film in answer.json()["recommendations"]]
    shown = {"kind": "shown", "visitor": PEOPLE[0], "movie_ids": films}
    event = shown | {"recommendation_id": answer.headers["x-recommendation-id"]}
    service.wait(lambda: api.post("/events", json=event).status_code == 202)
    service.wait(lambda: (told := api.get("/experiment").json()["experiment"]) and told["lists"] == 1)
    told = ExperimentAnswer.model_validate(api.get("/experiment").json())
    assert told.experiment is not None
    assert (told.experiment.state, told.experiment.settings.name) == ("running", "told")
    assert told.experiment.looks[-1].lower is None
    assert told.experiment.checks["sample_ratio"].holds
    assert told.drift is not None
    assert told.drift.coverage > 0
    assert f"movierec_drift_coverage {told.drift.coverage}" in api.get("/metrics").text
