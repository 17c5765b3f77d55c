"""Is the challenger better than the champion, by how much, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["promote", "refuse", "undecided"]


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a challenger."""

    outcome: Outcome
    reasons: list[str]

    @property
    def summary(self) -> str:
        return f"{self.outcome}: {'; '.join(self.reasons)}"
