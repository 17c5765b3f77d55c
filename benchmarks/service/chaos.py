"""Chaos by seed: faults of a running system under load, one after another, each healed before the next.

After each fault every answer must be right for the version that it names, `/readyz` and `/model` must tell the truth,
and the system must be whole within HEAL_SECONDS, without a hand. The same seed draws the same kinds of faults; which
file or process they meet depends on what the system did meanwhile. With an even seed the
registry is a server over HTTP.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.service.chaos_faults import draw
from benchmarks.service.chaos_system import HEAL_SECONDS, System
from benchmarks.tools.figures import Figure
from recommender.errors import MovierecError


def run(
    *, size: float, rounds: int, minutes: float = 5.0, seed: int = 1, say: Callable[[str], object] = lambda text: None
) -> list[Figure]:
    """Inject faults for `minutes` times `size` in each of the `rounds`; `say` prints what is done, a line each."""
    temporary, over_http = os.environ.get("TMPDIR"), seed % 2 == 0
    say(f"the registry is {'a server over HTTP' if over_http else 'a file on this machine'}")
    try:
        with tempfile.TemporaryDirectory(dir="/tmp") as directory, System(Path(directory), over_http) as system:
            return _run(system, random.Random(seed), 60 * minutes * size, f"seed {seed}", say)
    finally:
        os.environ.pop("TMPDIR", None)
        if temporary is not None:
            os.environ["TMPDIR"] = temporary


def _run(system: System, rng: random.Random, seconds: float, seed: str, say: Callable[[str], object]) -> list[Figure]:
    callers, healing, unhealed = system.callers, [0.0], 0
    say(f"each fault must be healed within {HEAL_SECONDS:.0f} s")
    if not system.has_disk:
        say("left out: a disk that is full or read-only, for which no disk can be mounted here")
    began = time.perf_counter()
    while not unhealed and time.perf_counter() < began + seconds:
        fault, before = draw(rng, system), callers.counts.copy()
        try:
            fault.inject()
            system.broken_at = time.time()
            healing.append(system.service.wait(system.is_healed, HEAL_SECONDS))
            outcome = f"healed in {healing[-1]:.1f} s"
        except MovierecError as error:
            unhealed += 1
            outcome = f"NOT HEALED: {error}"
        new = callers.counts - before
        counts = ", ".join(f"{new[kind]} {word}" for kind, word in _WORDS.items() if new[kind])
        say(f"{time.perf_counter() - began:6.1f} s  {fault.name}: {outcome}; {counts or 'no answers'}")
        while callers.wrong:
            say(f"         {callers.wrong.pop(0)}")
    total = callers.counts
    answers = f"{seed}; {total['right']} right, {total['busy']} times 503, {total['none']} without an answer"
    faults = f"{seed}; {len(healing) - 1 + unhealed} faults"
    return [
        Figure("chaos/wrong answers", total["wrong"], 0, unit="answers", note=answers),
        Figure("chaos/untrue words of health", total["lies"], 0, unit="answers", note=seed),
        Figure("chaos/faults not healed", unhealed, 0, unit="faults", note=faults),
        Figure("chaos/slowest healing, s", max(healing), HEAL_SECONDS, note=faults),
    ]


_WORDS = {"right": "right", "wrong": "WRONG", "lies": "UNTRUE", "busy": "times 503", "none": "unanswered"}
