"""Events and what they lead to: throughput, the price of ids, kills, training on events, experiments, a whole loop."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.online import event_faults, event_load, experiments, offline_verdicts, whole_loop
from benchmarks.tools.figures import Figure
from training.bundling.synthetic import Size, write


def run(*, size: float, rounds: int) -> list[Figure]:
    """Measure every section; `size` scales the time under load and the number of kills."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        bundle = root / "bundle"
        write(bundle, Size(movies=2000, dimensions=32, users=1000, map_films=2000))
        seconds = max(4.0 * size, 1.0)
        return [
            *event_load.throughput(root, bundle, seconds, rounds),
            *event_load.plain_calls(root, bundle, seconds, rounds),
            *event_faults.kills(root, bundle, max(int(50 * size), 3)),
            *event_faults.replay(root, bundle),
            *experiments.run(size=size),
            *(offline_verdicts.verdicts(effect, max(int(100 * size), 10)) for effect in experiments.EFFECTS),
            *whole_loop.run(root / "loop"),
        ]
