"""How long-running work reports how far it has come; whoever starts the work decides where the reports go."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]  # name of the stage, share of it that is done in [0, 1]


def silent(stage: str, share: float) -> None:
    """Ignore a progress report."""


def unheard(sentence: str) -> None:
    """Ignore a sentence for whoever started the work."""


def prefixed(prefix: str, progress: Progress) -> Progress:
    """Return a reporter that puts `prefix` before the name of every stage that it reports to `progress`."""
    return lambda stage, share: progress(f"{prefix}: {stage}", share)
