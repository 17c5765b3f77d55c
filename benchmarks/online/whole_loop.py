"""The loop from nothing: data, two versions, a service, people, an experiment, one verdict, and the next training.

The people are simulated, so their true tastes are known: lists of a model that was trained on their events are judged
by the stars that they would give, against one trained on as many ratings of films that were shown at random.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from benchmarks.tools.commands import start, succeed
from benchmarks.tools.figures import Figure
from movierec.fitting import fit
from movierec.model import Model
from online.events import Event, Kind
from online.store import EventReader, EventWriter, events_file
from serving.versions.experiment import read_experiment
from testing.service import Service
from training.datasets.store import ProcessedDataset, prepare
from training.datasets.synth.files import write_twin
from training.datasets.synth.settings import load_synthetic_config
from training.datasets.synth.visitors import Visitors
from training.datasets.synth.world import World

DATASET, SEED = "twin", 23
USERS, MOVIES, RATINGS, PEOPLE, DAYS = 2000, 1500, 200_000, 600, 8
TRAININGS = (("popularity",), ("als", "--set", "factors=4"), ("als", "--set", "factors=32"))
CHAMPION, CHALLENGER = "2", "3"
NEXT = {"factors": 32}
LIST_LENGTH, DRAWS, LIKE = 10, 2000, 4.0

Ratings = dict[str, dict[str, float]]  # by visitor and item


def run(*, size: float) -> list[Figure]:
    """Go once around the loop; `size` scales people and ratings."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        store = root / "var" / "models"
        config = load_synthetic_config(users=round(USERS * size), movies=MOVIES, ratings=round(RATINGS * size))
        world = write_twin(config, root / "raw")
        people = max(round(PEOPLE * size), 20)
        with patch.dict(os.environ, {"MOVIEREC_STORE_DIR": str(store)}):
            promoted = _serve_people(root, people)
        experiment = read_experiment(store)
        assert experiment is not None, "it was started"
        versions = f"champion {experiment.champion}, challenger {experiment.challenger}"
        note = f"{versions}; {experiment.ended_because or 'no winner'}"
        came_round = Figure(
            "loop/experiment and verdict from nothing, by commands alone", 1.0, 1.0, "higher", note=note
        )
        return [came_round, *_next_training(root, store, world, Visitors(world, people, SEED)), *promoted]


def _serve_people(root: Path, people: int) -> list[Figure]:
    """Train and promote, serve simulated people in an experiment, and let the gate judge the challenger."""
    succeed(root, "data", "prepare", DATASET, "--raw", str(root / "raw"))
    for words in TRAININGS:
        succeed(root, "train", *words, "--dataset", DATASET)
    succeed(root, "promote", "--version", CHAMPION, "--force", "--reason", "the first version of the loop")
    registry = f"sqlite:///{root}/mlruns/mlflow.db"
    with Service(root / "var", arguments=(), events="true", tracking_uri=registry) as service:
        service.wait(lambda: service.status("/readyz") == 200)
        succeed(root, "experiment", "start", "--challenger", CHALLENGER, "--mode", "interleave", "--minimum-days", "0")
        service.wait(lambda: service.status("/model?model=challenger") == 200)
        started = time.perf_counter()
        url = f"http://127.0.0.1:{service.port}"
        succeed(root, "simulate", "--url", url, "--people", str(people), "--days", str(DAYS), "--seed", str(SEED))
        seconds = time.perf_counter() - started
        state = service.json("/experiment")
        code = start(root, "promote", "--version", CHALLENGER).wait()
    last = state["looks"][-1]
    note = (
        f"{state['lists']} lists in {seconds:.0f} s, {state['ties']} ties; {state['state']}, share of wins "
        f"{last['value']:.3f} [{last['lower']:.3f}, {last['upper']:.3f}]; promote ended with {code}"
    )
    return [Figure("loop/share of woven lists that the challenger won", last["value"], note=note)]


def _next_training(root: Path, store: Path, world: World, visitors: Visitors) -> list[Figure]:
    """Compare models trained on events of people, and on as many of their ratings of films shown at random."""
    shown = _ratings(store)
    control_store = root / "control"
    control = _at_random(control_store, shown, world, visitors)
    models = [_trained(root, name, events) for name, events in (("events", store), ("random", control_store))]
    gains, lists = _gains(models, (shown, control), world, visitors)
    draws = np.random.default_rng(SEED).choice(gains, size=(DRAWS, len(gains))).mean(axis=1)
    lower, upper = np.quantile(draws, [0.025, 0.975])
    covered = [len(set(items)) for items in lists]
    note = f"true stars of {LIST_LENGTH} films, {len(gains)} people, 95 % of the mean [{lower:+.3f}, {upper:+.3f}]"
    return [
        Figure("loop/next training: gain of events over random ratings", float(lower), 0.0, "higher",
               ours=float(gains.mean()), theirs=0.0, unit="stars", note=note),
        Figure("loop/next training: different films shown, against random ratings", covered[0] / covered[1], 0.9,
               "higher", ours=covered[0], theirs=covered[1], unit="films"),
    ]  # fmt: skip


def _ratings(store: Path) -> Ratings:
    """Return what people rated; what they only watched counts as a like of the lowest degree, as in training."""
    reader = EventReader(events_file(store))
    ratings: Ratings = {}
    for _, event in reader.events((Kind.WATCHED, Kind.RATED)):
        of_visitor, item = ratings.setdefault(event.visitor, {}), event.items[0]
        of_visitor[item] = of_visitor.get(item, LIKE) if event.rating is None else event.rating
    reader.close()
    return ratings


def _at_random(store: Path, shown: Ratings, world: World, visitors: Visitors) -> Ratings:
    """Let each person rate as many films that are drawn evenly; keep that as events in a store of their own."""
    draw = np.random.default_rng(SEED)
    control: Ratings = {}
    for visitor, ratings in shown.items():
        rows = draw.choice(len(world.movie_ids), size=len(ratings), replace=False)
        stars = visitors.stars(_person(visitor), rows) + world.config.noise * draw.standard_normal(len(rows))
        given = np.clip(np.rint(2.0 * stars) / 2.0, 0.5, 5.0)
        control[visitor] = {str(world.movie_ids[row]): float(star) for row, star in zip(rows, given, strict=True)}
    writer = EventWriter(events_file(store))
    now = time.time()
    events = [
        Event(Kind.RATED, visitor, "", (item,), rating, "", now, now, "")
        for visitor, ratings in control.items()
        for item, rating in ratings.items()
    ]
    writer.add([events])
    writer.close()
    return control


def _trained(root: Path, name: str, store: Path) -> Model:
    data: ProcessedDataset = prepare(
        name, raw=root / "raw", processed_root=root / "processed", events=True, events_store=store
    )
    return fit("als", data, seed=SEED, progress=False, **NEXT)


def _gains(
    models: list[Model], histories: tuple[Ratings, Ratings], world: World, visitors: Visitors
) -> tuple[npt.NDArray[np.float64], list[list[int]]]:
    """Return each person's gain in true stars, and all items that each model lists; nothing that either was given."""
    rows = {movie_id: row for row, movie_id in enumerate(world.movie_ids.tolist())}
    gains, lists = [], [list[int](), list[int]()]
    for visitor in histories[0]:
        seen = {int(item) for history in histories for item in history[visitor]}
        stars = []
        for model, history, listed in zip(models, histories, lists, strict=True):
            items = _list(model, history[visitor], seen)
            listed += items
            stars.append(visitors.stars(_person(visitor), [rows[item] for item in items]).mean())
        gains.append(stars[0] - stars[1])
    return np.array(gains), lists


def _list(model: Model, ratings: Mapping[str, float], seen: set[int]) -> list[int]:
    frame = model.recommend(ratings={int(item): rating for item, rating in ratings.items()}, n=LIST_LENGTH + len(seen))
    return [item for item in frame["id"].tolist() if item not in seen][:LIST_LENGTH]


def _person(visitor: str) -> int:
    return int(visitor.rpartition("-")[2])
