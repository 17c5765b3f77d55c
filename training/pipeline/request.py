"""What a training is asked for, checked before data or a library of an algorithm is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from recommender.errors import UsageError
from training.models import CONTROLS, NAMES, Overrides, configure

ALL = "all"


def check_request(
    what: str, overrides: Overrides = (), further: Sequence[str] = (), tune_seconds: float = 0
) -> list[str]:
    """Return the algorithms that `what`, one or `all`, and `further` ones beside `all` name, checked with their keys.

    It loads neither data nor the libraries of algorithms. Raises UsageError for an unknown algorithm or key.
    """
    if what in CONTROLS:
        raise UsageError(f"{what} is there to be compared with: `movierec evaluate --model {what}`; it isn't trained.")
    if what == ALL and overrides:
        raise UsageError("--set changes one algorithm; name that algorithm instead of `all`.")
    if what != ALL and further:
        raise UsageError("--with adds models to `all`; name one of them instead of `all` to train it alone.")
    if what != ALL and tune_seconds:
        raise UsageError(f"--tune shares its time between the models of `all`; for one model: movierec tune {what}.")
    names = list(dict.fromkeys([*NAMES, *further])) if what == ALL else [what]
    for name in names:
        configure(name, overrides)
    return names
