"""`movierec simulate`: people of the synthetic world use a running service over HTTP."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import typer

from movierec.cli.common.output import AsJson
from recommender.errors import MovierecError, UsageError

if TYPE_CHECKING:
    from training.datasets.synth.visitors import Visitors

LIST_LENGTH = 10
TRY_SECONDS = 30.0  # for a service that starts, or is busy


def simulate(
    url: Annotated[str, typer.Option(help="Address of the service.")] = "http://127.0.0.1:8000",
    people: Annotated[int, typer.Option(min=1, help="How many people.")] = 100,
    days: Annotated[int, typer.Option(min=1, help="For how many days they may visit; a day takes no time.")] = 7,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same people.")] = 0,
    movies: Annotated[
        int | None, typer.Option(min=1, help="Films of the synthetic data set, if not the usual.")
    ] = None,
    twin_seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the synthetic data set, if not the usual.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let people with planted tastes use a running service over HTTP.

    They ask for lists, click, watch, rate and dismiss; the service must take events. Its model is to come from
    `movierec data synth`, whose films these people know.

    Example: movierec simulate --url http://127.0.0.1:8000 --people 200 --days 5
    """
    from training.datasets.synth.visitors import Visitors
    from training.datasets.synth.world import load_synthetic_config, make_world

    sizes = {"movies": movies, "seed": twin_seed}
    world = make_world(load_synthetic_config(**{name: size for name, size in sizes.items() if size is not None}))
    visitors = Visitors(world, people, seed)
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        session = Session(http, visitors, world.movie_ids.tolist(), f"simulated-{seed}")
        for person in range(people):  # one after the other: an experiment watches each for a while from the first visit
            for _ in range(days):
                if visitors.comes(person):
                    session.visit(person)
    counts = session.counts
    if as_json:
        typer.echo(json.dumps(counts))
        return
    events = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("clicked", "watched", "rated", "dismissed"))
    typer.echo(f"{people:,} people came {counts['shown']:,} times in {days} days: {events}.")


class Session:
    """The people's side of the API: asks for lists and reports what they do."""

    def __init__(self, http: httpx.Client, visitors: Visitors, movie_ids: list[int], prefix: str) -> None:
        self.counts: Counter[str] = Counter()
        self._http = http
        self._visitors = visitors
        self._movie_ids = movie_ids
        self._rows = {movie_id: row for row, movie_id in enumerate(movie_ids)}
        self._prefix = prefix

    def visit(self, person: int) -> None:
        """Ask for one list for a person, use it, and report that."""
        visitor = f"{self._prefix}-{person}"
        ratings = self._visitors.memories[person].ratings
        rated = [{"movie_id": self._movie_ids[row], "rating": rating} for row, rating in ratings.items()]
        answer = self._post("/recommend/", {"ratings": rated[-1000:], "n": LIST_LENGTH}, {"x-visitor": visitor})
        movie_ids = [film["movie_id"] for film in answer.json()["recommendations"]]
        if not movie_ids:
            return
        try:
            rows = [self._rows[movie_id] for movie_id in movie_ids]
        except KeyError:
            raise UsageError(
                "Expected a service over `movierec data synth` data, found films that these people do not know. Name "
                "its size and seed with --movies and --twin-seed."
            ) from None
        if (token := answer.headers.get("x-recommendation-id")) is None:
            raise UsageError("Expected lists with an id, found none: start the service with MOVIEREC_EVENTS=true.")
        common = {"visitor": visitor, "recommendation_id": token}
        events: list[dict[str, Any]] = [{"kind": "shown", "movie_ids": movie_ids, **common}]
        for act in self._visitors.use(person, rows):
            event = {"kind": act.kind, "movie_id": self._movie_ids[act.row], "position": act.position, **common}
            events.append(event | ({} if act.rating is None else {"rating": act.rating}))
        for number, event in enumerate(events):
            event["event_id"] = f"{token[-16:]}-{number}"  # sent again after a broken connection, it counts once
        rejected = self._post("/events", {"events": events}).json()["rejected"]
        if rejected:
            raise MovierecError(f"The service did not take an event: {rejected[0]['errors'][0]['message']}.")
        self.counts.update(event["kind"] for event in events)

    def _post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        """Return the answer to a POST, tried again while the service is starting or busy. Raises MovierecError."""
        deadline = time.monotonic() + TRY_SECONDS
        while True:
            try:
                answer = self._http.post(path, json=body, headers=headers)
            except httpx.HTTPError as error:
                raise MovierecError(f"Nothing answers at {self._http.base_url}: {error}.") from error
            if answer.is_success:
                return answer
            if answer.status_code not in (429, 503) or time.monotonic() > deadline:
                raise MovierecError(f"{path} answered {answer.status_code}: {answer.text[:300]}")
            time.sleep(float(answer.headers.get("retry-after", 0.1)))
