"""Compare two lists of films: shared and changed films, and rank-biased overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.shelf import RawId

PERSISTENCE = 0.9  # weight of a place relative to the one before it; the first ten places carry 86 % of the weight


@dataclass(frozen=True)
class Difference:
    """How one list differs from another: movie ids that stay, enter and leave, in the order of their list."""

    stay: list[RawId]
    enter: list[RawId]
    leave: list[RawId]
    overlap: float  # rank-biased overlap, 0 to 1


def difference(before: Sequence[RawId], after: Sequence[RawId]) -> Difference:
    """Return which films stay, enter and leave when the list `after` replaces the list `before`."""
    return Difference(
        stay=[film for film in after if film in before],
        enter=[film for film in after if film not in before],
        leave=[film for film in before if film not in after],
        overlap=rank_biased_overlap(before, after),
    )


def rank_biased_overlap(first: Sequence[RawId], second: Sequence[RawId], p: float = PERSISTENCE) -> float:
    """Return the extrapolated rank-biased overlap of two lists, 0 to 1 (Webber, Moffat and Zobel, 2010, equation 32).

    Lists of different length are compared to the depth of the shorter; two empty lists are the same.
    """
    depth = min(len(first), len(second))
    if depth == 0:
        return 1.0 if len(first) == len(second) else 0.0
    shared = [len(set(first[:d]) & set(second[:d])) for d in range(1, depth + 1)]
    total = sum(count / d * p**d for d, count in enumerate(shared, 1))
    return shared[-1] / depth * p**depth + (1 - p) / p * total
