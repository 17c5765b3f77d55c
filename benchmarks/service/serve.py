"""Speed, memory and start-up of the service, and the title index, on a synthetic bundle of full size.

Throughputs are ratios to other servers on the same machine, measured in turn with the same load generator.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np

from benchmarks.tools.figures import Figure, in_turn
from benchmarks.tools.wrk import Call, Measured, measure
from recommender.errors import AmbiguousTitleError, MissingInputError, TitleNotFoundError
from recommender.films.catalog import FilmFilter
from recommender.model import Model, Wanted
from recommender.titles.index import TitleIndex
from serving.process.python import module_command
from testing.service import Service, free_port, listens, server
from testing.typos import typo
from training.bundling.synthetic import Size, write

SECONDS = 4.0  # of load on each side in each round
TITLES = 1000  # different titles, requested again and again
NEW_FILMS = 20_000  # far more than a worker keeps answers for
TYPOS = 2000
COMPUTED_CONNECTIONS = 8  # as many requests as one worker runs or queues; more would measure refusals
POSTED = {"ratings": [{"movie_id": 1, "rating": 5}, {"movie_id": 9, "rating": 3}]}


@dataclass(frozen=True)
class Setup:
    """Inputs of every measurement: bundle, loaded model, scratch directory, rounds, seconds under load."""

    bundle: Path
    model: Model
    scratch: Path
    rounds: int
    seconds: float


def run(*, size: float, rounds: int) -> list[Figure]:
    """Measure the service; `size` scales films, users and the time under load."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        full = Size()
        write(scratch / "bundle", Size(max(int(full.movies * size), 1000), users=max(int(full.users * size), 1000)))
        model = Model.load(scratch / "bundle")
        setup = Setup(scratch / "bundle", model, scratch, rounds, max(SECONDS * size, 1.0))
        return [*throughput(setup), *start(setup), *memory(setup), *compute(setup), *typos(setup)]


def throughput(setup: Setup) -> list[Figure]:
    """Measure requests per second of each kind of call, against a constant answer of the same size."""
    calls = _calls(setup.model)
    service = Service(setup.scratch / "service", workers=1)
    service.promote(setup.bundle, "1")
    with service:
        service.wait(lambda: service.status("/readyz") == 200)
        body = setup.scratch / "body"
        body.write_bytes(service.get(calls["plain"].paths[0])[1])
        with (
            peer("bare", body=body) as bare,
            peer("granian", body=body) as granian,
            peer("extended", service.store.root, body) as extended,
        ):
            sides = {
                "bare": (bare, calls["plain"]),
                "bare Granian": (granian, calls["plain"]),
                "constant": (extended, Call(["/constant"])),
                **{name: (service.port, call) for name, call in calls.items()},
            }
            measured: dict[str, list[Measured]] = {name: [] for name in sides}
            for _ in range(setup.rounds):
                for name, (port, call) in sides.items():
                    measured[name].append(measure(port, call, setup.seconds, setup.scratch))
    return _throughput_figures(measured, setup.rounds)


def _calls(model: Model) -> dict[str, Call]:
    """Return the requests of each kind of call."""
    rows = random.Random(0).sample(range(len(model.catalog)), min(len(model.catalog), NEW_FILMS))
    titles = [model.catalog.film(row).title for row in rows]
    plain = [f"/recommend/?title={quote(title)}&n=10" for title in titles[:TITLES]]
    filtered = "/recommend/?movie_id=7&n=10&genres=Drama&year_from=1960&year_to=1962"
    people = [f"/recommend/?user_id={user}&n=10" for user in range(1, 500)]
    searches = [f"/movies/search?q={quote(title[:5])}" for title in titles[:TITLES]]
    return {
        "plain": Call(plain),
        "first time": Call(_first_time(model, rows)),
        "filters": Call([filtered], connections=COMPUTED_CONNECTIONS),
        "user_id": Call(people, connections=COMPUTED_CONNECTIONS),
        "posted ratings": Call(["/recommend/"], "POST", json.dumps(POSTED), COMPUTED_CONNECTIONS),
        "search": Call(searches, connections=COMPUTED_CONNECTIONS),
    }


def _first_time(model: Model, rows: Sequence[int]) -> list[str]:
    """Return plain calls for films of which no answer is kept, by title and by id, for lists of 1 to 19 films."""
    rng, paths = random.Random(1), []
    for row in rows:
        film = model.catalog.film(row)
        subject = rng.choice([f"title={quote(film.title)}", f"movie_id={film.movie_id}"])
        paths.append(f"/recommend/?{subject}&n={rng.randrange(1, 20)}")
    return paths


def _throughput_figures(measured: dict[str, list[Measured]], rounds: int) -> list[Figure]:
    rates = {name: statistics.median(run.rate for run in runs) for name, runs in measured.items()}
    tails = {name: statistics.median(run.p99 for run in runs) for name, runs in measured.items()}
    failed = sum(run.failed for name in ("plain", "first time", "constant") for run in measured[name])

    def against(name: str, other: str, target: float | None) -> Figure:
        title = f"serve/{name} against {other}, requests/s"
        return Figure.against(title, rates[name], rates[other], target, better="higher", unit="1/s", rounds=rounds)

    return [
        against("plain", "constant", 0.85),
        against("plain", "bare", 0.70),
        Figure.against("serve/plain against constant, p99", tails["plain"], tails["constant"], 1.5, rounds=rounds),
        Figure("serve/failed answers under load", failed, 0, unit="answers", rounds=rounds),
        against("first time", "bare", 0.60),
        against("bare Granian", "bare", None),
        *(against(name, "constant", None) for name in ("filters", "user_id", "posted ratings", "search")),
    ]


def start(setup: Setup) -> list[Figure]:
    """Measure the time from process start to the first answer, against a FastAPI application with the same imports."""
    ours, theirs = [], []
    for number in range(setup.rounds):
        service = Service(setup.scratch / f"start{number}", workers=1)
        service.promote(setup.bundle, "1")
        with service:
            service.wait(partial(_answers, service))
            ours.append(time.perf_counter() - service.started_at)
        began = time.perf_counter()
        with peer("fastapi"):
            theirs.append(time.perf_counter() - began)
    mine, bare = statistics.median(ours), statistics.median(theirs)
    passed = min(mine / bare / 2, mine / 2.5)
    return [
        Figure.against("serve/start to first answer against FastAPI", mine, bare, rounds=setup.rounds),
        Figure("serve/start: within twice that, or 2.5 s", passed, 1.0, rounds=setup.rounds, unit="of the bound"),
    ]


def _answers(service: Service) -> bool:
    return service.status("/recommend/?movie_id=1") == 200


def memory(setup: Setup) -> list[Figure]:
    """Measure the private memory of a worker with one and two models, above that of a worker without a model."""
    bare = _private(setup, "memory-bare", promoted=False)
    one = _private(setup, "memory-one")
    two = _private(setup, "memory-two", challenger_alias="challenger")
    return [
        Figure("serve/worker above a bare one, private MB", one - bare, 40, "lower", one, bare, "MB"),
        Figure("serve/challenger slot, private MB", two - one, None, "lower", two, one, "MB"),
    ]


def _private(setup: Setup, name: str, *, promoted: bool = True, **settings: str) -> float:
    service = Service(setup.scratch / name, workers=2, **settings)
    if promoted:
        entry = service.promote(setup.bundle, "1")
        if settings:
            service.store.point("challenger", entry)
    with service:
        service.wait(lambda: service.status("/readyz") == (200 if promoted else 503))
        for number in range(1, 200):
            service.get(f"/recommend/?movie_id={number}")
            service.get(f"/recommend/?user_id={number}")
            service.get(f"/recommend/?movie_id={number}&model=challenger")
            service.get(f"/movies/search?q={'abcdefghij'[number % 10]}{number % 7}")
        return max(worker.memory_full_info().uss for worker in service.workers()) / 1e6


def compute(setup: Setup) -> list[Figure]:
    """Measure the time of lists that need the full scorer, against one matrix-vector product of the model's size."""
    model, rng = setup.model, np.random.default_rng(0)
    matrix = np.array(model.arrays["item_factors"])
    vector = rng.standard_normal(matrix.shape[1], dtype=np.float32)
    filtered = Wanted(filter=FilmFilter(genres=("Drama",), year_from=1960, year_to=1962))
    rows = np.sort(rng.choice(len(model.movie_ids), 30, replace=False)).astype(np.int64)
    stars = np.full(30, 4.0, dtype=np.float32)
    work: dict[str, Callable[[], object]] = {
        "filtered list": lambda: model.similar(7, filtered),
        "user's list": lambda: model.for_user(7, Wanted()),
        "posted ratings' list": lambda: model.for_profile(rows, stars, Wanted()),
    }
    figures = []
    for name, ours in work.items():
        ours()
        timed = in_turn(_often(ours), _often(lambda: matrix @ vector), max(setup.rounds, 5))
        title = f"serve/{name} against one matrix-vector product"
        figures.append(Figure.against(title, timed.ours / 20, timed.theirs / 20, 3.0))
    return figures


def _often(work: Callable[[], object]) -> Callable[[], None]:
    def many() -> None:
        for _ in range(20):
            work()

    return many


def typos(setup: Setup) -> list[Figure]:
    """Measure how often titles with one or two typos are found or suggested first, and the time of one query."""
    rng, index = random.Random(0), setup.model.titles
    figures = []
    for edits, shortest in ((1, 4), (2, 8)):
        hits, taken = 0, []
        for _ in range(TYPOS):
            row, title = _draw(setup.model, rng, shortest)
            for _ in range(edits):
                title = typo(title, rng)
            began = time.perf_counter()
            hits += _first(index, title) == row
            taken.append(time.perf_counter() - began)
        median = statistics.median(taken)
        films = f"{TYPOS} titles of {len(setup.model.catalog):,}"
        figures.append(Figure(f"serve/typos: {edits} edits found", hits / TYPOS, 0.97, "higher", note=films))
        figures.append(Figure(f"serve/typos: {edits} edits, median ms", 1000 * median, 5.0, note=films, unit="ms"))
    return figures


def _draw(model: Model, rng: random.Random, shortest: int) -> tuple[int, str]:
    while True:
        row = rng.randrange(len(model.catalog))
        title = model.catalog.film(row).title
        if len(title) >= shortest:
            return row, title


def _first(index: TitleIndex, title: str) -> int | None:
    try:
        return index.resolve(title).row
    except AmbiguousTitleError as error:
        return error.candidates[0]
    except TitleNotFoundError as error:
        return error.suggestions[0] if error.suggestions else None


@contextmanager
def peer(kind: str, store: Path | None = None, body: Path | None = None) -> Iterator[int]:
    """Run a peer of benchmarks.service.peers in a process of its own, and give its port."""
    port = free_port()
    command = module_command("benchmarks.service.peers", kind, str(port), str(store or ""), str(body or ""))
    failure = MissingInputError("A peer did not start; it says why above.")
    with server(command, lambda: listens(port), failure, stdout=subprocess.DEVNULL):
        yield port
