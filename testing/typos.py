"""Random typos in titles."""

from __future__ import annotations

import random
import string


def typo(text: str, rng: random.Random) -> str:
    """Return `text` with one letter inserted, left out or replaced, or two adjacent letters swapped."""
    position = rng.randrange(len(text) - 1)
    letter = rng.choice(string.ascii_lowercase)
    return rng.choice(
        [
            text[:position] + letter + text[position:],
            text[:position] + text[position + 1 :],
            text[:position] + letter + text[position + 1 :],
            text[:position] + text[position + 1] + text[position] + text[position + 2 :],
        ]
    )
