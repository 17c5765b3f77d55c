"""`movierec simulate`: people of the synthetic world use a real service, and what they do is what it keeps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import movierec as api
from movierec.cli import main
from online.store import EventReader, events_file
from testing.service import Service
from tests.serving.conftest import ready
from training.datasets.store import prepare
from training.datasets.synth.files import write_twin
from training.datasets.synth.visitors import Visitors
from training.datasets.synth.world import World, load_synthetic_config

FILMS = 60


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """A small synthetic world and the bundle of a model of it."""
    root = tmp_path_factory.mktemp("twin")
    world = write_twin(load_synthetic_config(users=80, movies=FILMS, ratings=2500), root / "raw")
    data = prepare("twin", raw=root / "raw", processed_root=root / "processed")
    return world, api.fit("popularity", data, progress=False).save(root / "bundle")


@pytest.fixture(scope="module")
def service(twin: tuple[World, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("service"), workers=1, events="true", stale_after_seconds="3600")
    with ready(made, twin[1]) as running:
        yield running


def simulate(service: Service, *words: str) -> Result:
    url = f"http://127.0.0.1:{service.port}"
    return CliRunner().invoke(main.app, ["simulate", "--url", url, "--people", "6", "--days", "4", *words])


def test_the_service_keeps_what_people_did(service: Service) -> None:
    result = simulate(service, "--movies", str(FILMS), "--json")
    assert result.exit_code == 0, result.exception
    reader = EventReader(events_file(service.store.root))
    kept = [event for _, event in reader.events()]
    reader.close()
    assert Counter(event.kind for event in kept) == json.loads(result.stdout)
    shown = {event.recommendation: event for event in kept if event.kind == "shown"}
    assert shown
    for event in kept:  # each is of a list that this visitor was shown, and stands where it says
        of_list = shown[event.recommendation]
        assert event.visitor == of_list.visitor
        assert event.items[0] == of_list.items[event.position - 1]


def test_people_of_another_world_are_told_so(service: Service) -> None:
    assert "--movies and --twin-seed" in str(simulate(service, "--twin-seed", "1").exception)


def test_people_click_what_they_like_and_near_the_top(twin: tuple[World, Path]) -> None:
    world, people = twin[0], 200
    visitors = Visitors(world, people, seed=3)
    rows = np.arange(10)
    acts = [(person, act) for person in range(people) for act in visitors.use(person, rows.tolist())]
    clicked = [(person, act) for person, act in acts if act.kind == "clicked"]
    liked = np.mean([visitors.stars(person, [act.row])[0] for person, act in clicked])
    assert liked > np.mean([visitors.stars(person, rows).mean() for person in range(people)])
    assert np.mean([act.position for _, act in clicked]) < np.mean(rows) + 1
    again = Visitors(world, people, seed=3)
    assert [(person, act) for person in range(people) for act in again.use(person, rows.tolist())] == acts
