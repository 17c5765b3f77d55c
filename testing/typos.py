"""The typos that people make in titles."""

from __future__ import annotations

import random
import string


def typo(text: str, rng: random.Random) -> str:
    """`text` with one letter inserted, left out or replaced, or two neighbours swapped."""
    at = rng.randrange(len(text) - 1)
    letter = rng.choice(string.ascii_lowercase)
    return rng.choice(
        [
            text[:at] + letter + text[at:],
            text[:at] + text[at + 1 :],
            text[:at] + letter + text[at + 1 :],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        ]
    )
