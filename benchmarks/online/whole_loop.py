"""One command from nothing, `movierec demo --simulate`; then its last version against one that people did not help.

The people are simulated, so their true tastes are known: lists of the version that was trained on their events are
judged by the stars that people would give, beside those of a version trained on as many ratings by the same people, of
films that were drawn evenly. Who judges is new to both versions and has rated a few films, the same for both; what the
people of the events themselves would give is told beside.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.tools.commands import succeed
from benchmarks.tools.figures import Figure
from online.events import Event, Kind
from online.store import EventReader, EventWriter, events_file
from recommender.model import Model, Wanted
from serving.versions.experiment import read_experiment
from testing.service import free_port
from training.datasets.synth.visitors import Visitors
from training.datasets.synth.world import World, load_synthetic_config, make_world
from training.registry import Tracker

PEOPLE, WAVES, SEED = 800, 2, 0  # as the command has them
ALGORITHM = ("als", "--set", "factors=8")
CHALLENGER, NEXT, CONTROL = 2, 4, 5  # versions, in the order in which they are trained
LIST_LENGTH, FEW, DRAWS = 10, 10, 2000

Ratings = dict[int, dict[int, float]]  # by person, counted over the waves, and film row


def run(root: Path) -> list[Figure]:
    """Go once around the loop in the directory `root`, and judge the last version by the truth."""
    root.mkdir()
    began = time.perf_counter()
    succeed(root, "demo", "--simulate", "--no-serve", "--api-port", str(free_port()))
    seconds = time.perf_counter() - began
    tracker = Tracker(f"sqlite:///{root.resolve()}/mlruns/mlflow.db")
    experiment = read_experiment(root / "var" / "models")
    verdict = tracker.version(CHALLENGER).tags.get("verdict_summary", "none").partition(";")[0]
    is_promoted = tracker.version(CHALLENGER).tags.get("verdict") == "promote"
    ended = experiment.ended_because if experiment else "no experiment"
    note = f"{seconds:.0f} s; {verdict}; {ended}; the next version: {tracker.version(NEXT).tags.get('verdict')}"
    title = "loop/from nothing: experiment, verdict and promotion by one command"
    return [Figure(title, float(is_promoted), 1.0, "higher", unit="promoted", note=note), *_next(root, tracker)]


def _next(root: Path, tracker: Tracker) -> list[Figure]:
    """Compare the version trained on events with one trained on as many ratings of films drawn evenly."""
    world = make_world(load_synthetic_config())
    crowd = Crowd(world, range(SEED, SEED + WAVES))
    newcomers = Crowd(world, range(SEED + WAVES, SEED + WAVES + 1))
    by_events = _ratings(events_file(root / "var" / "models"), world)
    drawn = _draw({person: len(rated) for person, rated in by_events.items()}, np.ones(world.config.movies), crowd)
    _write(drawn, world, events_file(root / "control"))
    words = ("--raw", "data/raw/synthetic", "--events", "--events-store", "control")
    succeed(root, "data", "prepare", "control", *words)
    succeed(root, "train", *ALGORITHM, "--dataset", "control")
    models = [Model.load(tracker.bundle(number, root / str(number))) for number in (NEXT, CONTROL)]
    few = _draw(dict.fromkeys(range(PEOPLE), FEW), world.popularity, newcomers)
    among_new = [_judge(model, few, {}, newcomers) for model in models]
    seen = {person: rated.keys() | drawn[person].keys() for person, rated in by_events.items()}
    among_same = [_judge(model, rated, seen, crowd) for model, rated in zip(models, (by_events, drawn), strict=True)]
    title = "loop/next training on events against one on films drawn evenly:"
    ours, theirs = (len(set(of_model.rows)) for of_model in among_new)
    note = f"{sum(map(len, by_events.values())):,} ratings each, by {len(by_events)} people; "
    return [
        _gain(f"{title} gain in true stars of new people's lists, lower bound", among_new, note, 0.0),
        Figure(f"{title} different films in them", ours / theirs, 0.9, "higher", ours, theirs, "films"),
        _gain(f"{title} the same of those who sent the events", among_same, note, None),
    ]


class Crowd:
    """People of several waves, counted through."""

    def __init__(self, world: World, seeds: Iterable[int]) -> None:
        self.world = world
        self._waves = [Visitors(world, PEOPLE, seed) for seed in seeds]

    def stars(self, person: int, rows: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return the stars that a person would give films on average."""
        wave, number = divmod(person, PEOPLE)
        return self._waves[wave].stars(number, rows)


class Judged(NamedTuple):
    """The true stars of each person's list by a version, and the film rows of all lists."""

    stars: npt.NDArray[np.float64]
    rows: list[int]


def _gain(title: str, judged: list[Judged], note: str, target: float | None) -> Figure:
    gains = judged[0].stars - judged[1].stars
    draws = np.random.default_rng(SEED).choice(gains, size=(DRAWS, len(gains))).mean(axis=1)
    lower, upper = np.quantile(draws, [0.025, 0.975])
    note += f"gain {gains.mean():+.4f} [{lower:+.4f}, {upper:+.4f}], judged by {len(gains)}"
    ours, theirs = (float(of_model.stars.mean()) for of_model in judged)
    return Figure(title, float(lower), target, "higher", ours, theirs, "stars", note=note)


def _ratings(events: Path, world: World) -> Ratings:
    """Return what each person rated; what was only watched counts as training counts it."""
    rows = {str(movie_id): row for row, movie_id in enumerate(world.movie_ids.tolist())}
    ratings: Ratings = defaultdict(dict)
    reader = EventReader(events)
    for _, event in reader.events((Kind.WATCHED, Kind.RATED)):
        _, wave, number = event.visitor.split("-")
        person, row = int(wave) * PEOPLE + int(number), rows[event.items[0]]
        ratings[person][row] = ratings[person].get(row, 4.0) if event.rating is None else event.rating
    reader.close()
    return ratings


def _draw(counts: Mapping[int, int], weights: npt.NDArray[np.float64], crowd: Crowd) -> Ratings:
    """Let each person rate as many films as `counts` says, drawn by the weights (n_films,)."""
    draw = np.random.default_rng(SEED)
    drawn: Ratings = {}
    for person, count in counts.items():
        rows = draw.choice(len(weights), size=count, replace=False, p=weights / weights.sum())
        stars = crowd.stars(person, rows.tolist()) + crowd.world.config.noise * draw.standard_normal(count)
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


def _judge(model: Model, ratings: Ratings, hidden: Mapping[int, Collection[int]], crowd: Crowd) -> Judged:
    """Judge each person's list, made from the person's ratings; films of `hidden` are left out, as rated ones are."""
    rows_of_world = {movie_id: row for row, movie_id in enumerate(crowd.world.movie_ids.tolist())}
    in_world = [rows_of_world[movie_id] for movie_id in model.movie_ids.ids.tolist()]
    in_model = {row: place for place, row in enumerate(in_world)}
    judged = Judged(np.empty(len(ratings)), [])
    for number, (person, rated) in enumerate(ratings.items()):
        known = model.with_ratings(None, {in_model[row]: stars for row, stars in rated.items() if row in in_model})
        left_out = hidden.get(person, ())
        ranked = model.for_person(known, Wanted(n=LIST_LENGTH + len(left_out)))
        rows = [row for place in ranked.rows.tolist() if (row := in_world[place]) not in left_out][:LIST_LENGTH]
        judged.stars[number] = crowd.stars(person, rows).mean()
        judged.rows.extend(rows)
    return judged
