"""Check the arguments of a training before data or a library of an algorithm is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recommender.errors import UsageError
from training.models import CONTROLS, NAMES, Overrides, configure, resolve

ALL = "all"


def check_request(
    what: str, overrides: Overrides = (), further: Sequence[str] = (), tune_seconds: float = 0
) -> list[str]:
    """Return the names of the algorithms to be trained, after checking names and parameters.

    It loads neither data nor the libraries of algorithms. Raises UsageError for an unknown algorithm or key.
    """
    if what in CONTROLS:
        raise UsageError(f"{what} is there to be compared with: `movierec evaluate --model {what}`; it isn't trained.")
    if what == ALL and overrides:
        raise UsageError("Parameters (--set) change one algorithm; name that algorithm instead of `all`.")
    if what != ALL and further:
        raise UsageError(
            "Further models (--with) are trained beside `all`; name one of them instead of `all` to train it alone."
        )
    if what != ALL and tune_seconds:
        raise UsageError(f"--tune shares its time between the models of `all`; for one model: movierec tune {what}.")
    names = list(dict.fromkeys([*NAMES, *further])) if what == ALL else [what]
    for name in names:
        configure(name, overrides)
    return names


def check_models(models: Any) -> list[str]:
    """Return the names of several models, named or given as classes. Raises UsageError, for a doubled one too."""
    if isinstance(models, str) or not isinstance(models, Sequence):
        raise UsageError(f"Expected a list of models, found {models!r}.")
    names = [resolve(model) for model in models]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise UsageError(f"{', '.join(sorted(doubled))}: expected each model once.")
    if not names:
        raise UsageError("Expected at least one model, found none.")
    return names


def check_count(name: str, value: Any, *, least: int) -> None:
    """Raise UsageError unless `value` is a whole number of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name}: expected a whole number of at least {least}, found {value!r}.")
