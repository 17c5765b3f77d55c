"""One command from nothing, `movierec demo --simulate`; then its last version against one that people did not help.

The people are simulated, so their true tastes are known: lists of the version that was trained on their events are
judged by the stars that they would give, beside those of a version trained on as many ratings by the same people, of
films that were drawn evenly.
"""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.tools.commands import succeed
from benchmarks.tools.figures import Figure
from online.events import Event, Kind
from online.store import EventReader, EventWriter, events_file
from recommender.model import Model, Wanted
from serving.versions.experiment import read_experiment
from training.datasets.synth.settings import load_synthetic_config
from training.datasets.synth.visitors import Visitors
from training.datasets.synth.world import World, make_world
from training.registry import Tracker

PEOPLE, SEED = 600, 0  # as the command has them
CHALLENGER, NEXT, CONTROL = 3, 5, 6  # versions, in the order in which they are trained
LIST_LENGTH, DRAWS = 10, 2000

Ratings = dict[int, dict[int, float]]  # by person and film row


def run(root: Path) -> list[Figure]:
    """Go once around the loop in the directory `root`, and judge the last version by the truth."""
    root.mkdir()
    began = time.perf_counter()
    succeed(root, "demo", "--simulate", "--no-serve", "--api-port", str(_free_port()))
    seconds = time.perf_counter() - began
    tracker = Tracker(f"sqlite:///{root.resolve()}/mlruns/mlflow.db")
    experiment = read_experiment(root / "var" / "models")
    verdict = tracker.version(CHALLENGER).tags.get("verdict_summary", "none")
    is_promoted = tracker.version(CHALLENGER).tags.get("verdict") == "promote"
    ended = experiment.ended_because if experiment else "no experiment"
    note = f"{seconds:.0f} s; {verdict}; {ended}; the next version: {tracker.version(NEXT).tags.get('verdict')}"
    title = "loop/from nothing: experiment, verdict and promotion by one command"
    return [Figure(title, float(is_promoted), 1.0, "higher", unit="promoted", note=note), *_next(root, tracker)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _next(root: Path, tracker: Tracker) -> list[Figure]:
    """Compare the version trained on events with one trained on as many ratings of films drawn evenly."""
    world = make_world(load_synthetic_config())
    visitors = Visitors(world, PEOPLE, SEED)
    by_events = _ratings(events_file(root / "var" / "models"), world)
    at_random = _draw_evenly(by_events, world, visitors)
    _write(at_random, world, events_file(root / "control"))
    words = ("--raw", "data/raw/synthetic", "--events", "--events-store", "control")
    succeed(root, "data", "prepare", "control", *words)
    succeed(root, "train", "als", "--dataset", "control")
    arms = ((NEXT, by_events), (CONTROL, at_random))
    stars, lists = zip(*(_judge(root, tracker, *arm, (by_events, at_random), visitors) for arm in arms), strict=True)
    gains = stars[0] - stars[1]
    draws = np.random.default_rng(SEED).choice(gains, size=(DRAWS, len(gains))).mean(axis=1)
    lower, upper = np.quantile(draws, [0.025, 0.975])
    ratings = sum(map(len, by_events.values()))
    note = f"gain {gains.mean():+.3f} [{lower:+.3f}, {upper:+.3f}]; {len(gains)} people, {ratings:,} ratings of each"
    title = "loop/next training: true stars of lists, events above films drawn evenly, lower bound"
    ours, theirs = float(stars[0].mean()), float(stars[1].mean())
    films = [len(set(rows)) for rows in lists]
    return [
        Figure(title, float(lower), 0.0, "higher", ours, theirs, "stars", note=note),
        Figure("loop/next training: different films in lists", films[0] / films[1], 0.9, "higher", *films, "films"),
    ]


def _ratings(events: Path, world: World) -> Ratings:
    """Return what each person rated; what was only watched counts as training counts it."""
    rows = {str(movie_id): row for row, movie_id in enumerate(world.movie_ids.tolist())}
    ratings: Ratings = defaultdict(dict)
    reader = EventReader(events)
    for _, event in reader.events((Kind.WATCHED, Kind.RATED)):
        person, row = int(event.visitor.rpartition("-")[2]), rows[event.items[0]]
        ratings[person][row] = ratings[person].get(row, 4.0) if event.rating is None else event.rating
    reader.close()
    return ratings


def _draw_evenly(ratings: Ratings, world: World, visitors: Visitors) -> Ratings:
    """Let each person rate as many films, drawn evenly."""
    draw = np.random.default_rng(SEED)
    drawn: Ratings = {}
    for person, rated in ratings.items():
        rows = draw.choice(len(world.movie_ids), size=len(rated), replace=False)
        stars = visitors.stars(person, rows) + world.config.noise * draw.standard_normal(len(rows))
        drawn[person] = dict(zip(rows.tolist(), np.clip(np.rint(2.0 * stars) / 2.0, 0.5, 5.0).tolist(), strict=True))
    return drawn


def _write(ratings: Ratings, world: World, path: Path) -> None:
    now = time.time()
    writer = EventWriter(path)
    writer.add(
        [Event(Kind.RATED, f"drawn-{person}", "", (str(world.movie_ids[row]),), stars, "", now, now, "")]
        for person, rated in ratings.items()
        for row, stars in rated.items()
    )
    writer.close()


def _judge(
    root: Path, tracker: Tracker, number: int, ratings: Ratings, all_ratings: tuple[Ratings, ...], visitors: Visitors
) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Return the true stars of each person's list by a version, and the film rows of all lists.

    Nothing is listed that the person has rated in any of `all_ratings`: both versions choose from the same films.
    """
    model = Model.load(tracker.bundle(number, root / str(number)))
    rows_of_world = {movie_id: row for row, movie_id in enumerate(visitors.world.movie_ids.tolist())}
    in_world = [rows_of_world[movie_id] for movie_id in model.movie_ids.ids.tolist()]
    in_model = {row: number for number, row in enumerate(in_world)}
    stars, listed = [], list[int]()
    for person, rated in ratings.items():
        seen = set().union(*(of_people[person] for of_people in all_ratings))
        known = model.with_ratings(None, {in_model[row]: rating for row, rating in rated.items() if row in in_model})
        ranked = model.for_person(known, Wanted(n=LIST_LENGTH + len(seen)))
        rows = [row for place in ranked.rows.tolist() if (row := in_world[place]) not in seen][:LIST_LENGTH]
        stars.append(visitors.stars(person, rows).mean())
        listed += rows
    return np.array(stars), listed
