"""Sentences that several commands print."""

from __future__ import annotations

from collections.abc import Mapping

EVERYTHING_LIKED = (
    "Every interaction counts as a like. Where some say more than others, give kinds of events different weights "
    "(--weights), or a rating of the highest kind as --like."
)


def dropped_rows(counts: Mapping[str, int]) -> str:
    """Say how many rows were left out of a data set, by reason."""
    if not counts:
        return "No row was left out."
    reasons = "; ".join(f"{count:,} for {reason}" for reason, count in counts.items())
    return f"Left out {sum(counts.values()):,} rows: {reasons}."


def noted_counts(counts: Mapping[str, int]) -> str:
    """Say what may be a mistake in the description of a data set, to be put behind another sentence."""
    return (
        " Note: " + ", ".join(f"{count:,} {key.replace('_', ' ')}" for key, count in counts.items()) + "."
        if counts
        else ""
    )
