"""Measure the cost of a version's answers: time and memory of a separate process that loads the bundle.

`python -m training.promotion.answer_cost BUNDLE` prints the cost as JSON; `measure` runs that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from recommender.errors import MovierecError
from recommender.films.catalog import FilmFilter
from recommender.model import Model, Wanted

_ANSWERS, _WARM_UP, _SEED = 200, 10, 0


class Cost(NamedTuple):
    """Milliseconds within which 95 % of computed answers are ready, and the memory of the process after all of them."""

    p95_ms: float
    memory_mib: float


def measure(bundle: Path) -> Cost:
    """Return the time and memory that a bundle needs to answer. Raises MovierecError if it cannot answer."""
    command = [sys.executable, "-P", "-m", __name__, str(bundle.resolve())]
    child = subprocess.run(command, capture_output=True, check=False, text=True)
    if child.returncode:
        raise MovierecError(f"The version cannot answer: {(child.stderr.splitlines() or ['no reason given'])[-1]}")
    return Cost(**json.loads(child.stdout))


def _measure_here(bundle: Path) -> Cost:
    """Answer for users and films drawn evenly; a filter keeps lists of films from being read from a table."""
    model, draw = Model.load(bundle, verify=False), np.random.default_rng(_SEED)
    options = Wanted(filter=FilmFilter(min_ratings=1))
    users = draw.integers(len(model.user_ids), size=_ANSWERS + _WARM_UP)
    films = draw.integers(len(model.movie_ids), size=_ANSWERS + _WARM_UP)
    seconds = []
    for user, film in zip(users.tolist(), films.tolist(), strict=True):
        started = time.perf_counter()
        model.for_user(user, options)
        model.similar(film, options)
        seconds.append(time.perf_counter() - started)
    p95 = 1000.0 * float(np.quantile(seconds[_WARM_UP:], 0.95))
    return Cost(p95, psutil.Process().memory_info().rss / 2**20)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure_here(Path(sys.argv[1]))._asdict()))
