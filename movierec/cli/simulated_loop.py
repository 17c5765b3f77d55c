"""The whole loop with simulated people, for `movierec demo --simulate`: each command is printed, and then run.

Two versions, an experiment on people with planted tastes, one verdict, a promotion, and the next training on what these
people did.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from typing import Any

import httpx
import typer

from movierec.cli.common.services import POLL_SECONDS, START_SECONDS
from recommender.errors import GateRefusedError, MovierecError
from serving.process.python import module_command

DATASET = "synthetic"
BETTER = ("als", "--set", "factors=8")  # few: people who are new have rated little
PEOPLE, DAYS = "800", "8"
WINDOW_SECONDS = 17  # a simulated day takes no time: all days of one person are over within the window
WINDOW = ("--window-days", f"{WINDOW_SECONDS / 86_400:.6f}")
EXPERIMENT = ("--mode", "ab", "--planned-visitors", PEOPLE, *WINDOW, "--minimum-days", "0")


def make_first_version() -> None:
    """Write and prepare the data, and make a first version the champion."""
    _run("data", "synth")
    _run("data", "prepare", DATASET)
    first = _train("popularity")
    _run("promote", "--version", str(first), "--force", "--reason", "the first version of the loop")


def turn(url: str) -> None:
    """Let people decide between the champion and a new version, and train the next one on what they did."""
    from training.registry import CHAMPION, Tracker

    champion = Tracker.existing().aliased(CHAMPION)
    assert champion is not None, "it was just promoted"
    challenger = _train(*BETTER)
    _wait_for(f"{url}/model", champion.number)
    _run("experiment", "start", "--challenger", str(challenger), *EXPERIMENT)
    _wait_for(f"{url}/model?model=challenger", challenger)
    _run("simulate", "--url", url, "--people", PEOPLE, "--days", DAYS)
    typer.echo(f"A visitor counts when the window is over: {WINDOW_SECONDS} s until the last one does.")
    time.sleep(WINDOW_SECONDS + 1)
    _run("experiment", "status")
    _run("promote", "--version", str(challenger), may_refuse=True)
    _run("simulate", "--url", url, "--people", PEOPLE, "--days", DAYS, "--seed", "1")
    _run("data", "prepare", DATASET, "--events")
    _train("popularity")  # which the next one has to beat
    _run("promote", "--version", str(_train(*BETTER)), may_refuse=True)


def _train(*words: str) -> int:
    """Train an algorithm; return the number of its version."""
    from training.registry import Tracker

    _run("train", *words, "--dataset", DATASET)
    return Tracker.existing().versions()[0].number


def _run(*words: str, may_refuse: bool = False) -> None:
    """Print a command and run it. Raises MovierecError if it fails, unless the gate refused and `may_refuse`."""
    typer.secho(f"\n$ movierec {' '.join(words)}", bold=True)
    with subprocess.Popen(module_command("movierec.cli.main", *words)) as process:
        try:
            code = process.wait()
        finally:
            process.terminate()  # whoever stops the demo stops its commands
    if code and not (may_refuse and code == GateRefusedError.exit_code):
        raise MovierecError(f"The loop ends: `movierec {' '.join(words)}` ended with code {code}.")


def _wait_for(address: str, version: int) -> None:
    """Wait until the service answers from a version. Raises MovierecError where it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            answer: dict[str, Any] = httpx.get(address, timeout=5, trust_env=False).json()
            if answer.get("model", {}).get("version") == str(version):
                return
        time.sleep(POLL_SECONDS)
    raise MovierecError(f"{address} did not answer from version {version} within {START_SECONDS} s.")
