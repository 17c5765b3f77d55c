"""Judge how likely a typed title is to be another one, misspelt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from recommender.titles.keys import numbers

SHORT, LONG = 4, 9  # characters: one typo is allowed up to SHORT, three from LONG if nothing is closer


class Misspelling(NamedTuple):
    """A film whose title may be meant; they ascend from the likeliest."""

    edits: int  # insertions, deletions, substitutions and swaps of neighbours
    invented: int  # letters that the title meant does not have
    kind: int  # how the key that is meant was made, as a position in KINDS
    meant: str  # that key
    row: int

    def rivals(self, best: Misspelling) -> bool:
        """Return whether this film is as likely as the best one: not if it has the same title less exactly."""
        return self.edits == best.edits and (self.meant != best.meant or self.kind == best.kind)

    def is_clear(self, typed: str, is_known: Callable[[str], bool]) -> bool:
        """Return whether the misspelling identifies this title without doubt.

        Few typos make another title: a word that other titles have may be meant, and another number is another film.
        """
        is_slight = self.edits * LONG <= len(typed)
        unknown = (not is_known(word) for word in set(typed.split()) - set(self.meant.split()))
        return (is_slight or (self.edits * SHORT <= len(typed) and any(unknown))) and numbers(typed) == numbers(
            self.meant
        )


def usual_edits(length: int) -> int:
    """Return how many typos a title of that many characters may have and still be recognised; 0 leaves one sign."""
    return min(length - 1, 1 if length <= SHORT else 2)


def invented_letters(typed: str, meant: str) -> int:
    """Count the letters of a query that the title meant does not have.

    Of two titles at the same edit distance, the one with fewer such letters is likelier: people swap or omit letters
    more easily than they add wrong ones.
    """
    return (Counter(typed) - Counter(meant)).total()
