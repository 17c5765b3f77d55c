"""Which places of a list are left to chance, by the seed in its id."""

from __future__ import annotations

import random

SHARES = 10_000  # an id holds the share of places as so many ten-thousandths


def explored_places(rng: random.Random, n: int, share: float) -> list[int]:
    """Return the places, from 0, of a list of `n` items that are drawn; a shorter list has the first of them."""
    return [place for place in range(n) if rng.random() < share]
