"""All exceptions of the project.

MovierecError                     exit 1
├── UsageError                    exit 2   a wrong argument, option or configuration key
├── MissingInputError             exit 2   a file, data set or model is missing
├── DataError                     exit 1   raw or processed data is unusable
├── BundleError                   exit 1   a model bundle cannot be used
│   ├── BundleFormatError                  its format number is unknown
│   └── BundleIntegrityError               a file is missing, changed or inconsistent
├── RegistryUnavailableError      exit 1   the model registry cannot be reached
├── GateRefusedError              exit 3   the promotion gate or the smoke gate refused a model
├── LostRaceError                 exit 3   another process promoted at the same time
└── LookupFailedError             exit 2   a title, film or user is not in the model
    ├── TitleNotFoundError                 carries ranked suggestions
    ├── AmbiguousTitleError                carries the candidates
    ├── UnknownMovieError
    ├── UnknownUserError
    └── NewUserError                       the model has no fold-in: it knows the users of its training data alone

Messages say what was expected, what was found and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class MovierecError(Exception):
    """Base class of every expected failure; `exit_code` is the command line's exit code."""

    exit_code = 1


class UsageError(MovierecError):
    """An argument, option or configuration key is wrong, or several contradict each other."""

    exit_code = 2


class MissingInputError(MovierecError):
    """A file, data set or model that this step needs is missing; the message names the command that makes it."""

    exit_code = 2


class DataError(MovierecError):
    """Raw or processed data is unusable."""


class BundleError(MovierecError):
    """A model bundle cannot be used."""


class BundleFormatError(BundleError):
    """This code cannot read the bundle's format number."""


class BundleIntegrityError(BundleError):
    """A bundle file is missing, changed or inconsistent with the manifest."""


class RegistryUnavailableError(MovierecError):
    """The model registry cannot be reached or read."""


class GateRefusedError(MovierecError):
    """The promotion gate or the smoke gate refused a model."""

    exit_code = 3


class LostRaceError(MovierecError):
    """Another process changed the champion at the same time and won."""

    exit_code = 3


class LookupFailedError(MovierecError):
    """A title, film or user is not in the model."""

    exit_code = 2


class TitleNotFoundError(LookupFailedError):
    """No film has this title; `suggestions` holds film rows, best first."""

    def __init__(self, suggestions: Sequence[int], item: str = "film") -> None:
        super().__init__(f"No {item} has this title.")
        self.suggestions = list(suggestions)


class AmbiguousTitleError(LookupFailedError):
    """Several films have this title, or may be meant by it; `candidates` holds film rows, best first."""

    def __init__(self, candidates: Sequence[int], items: str = "films", *, same_title: bool = True) -> None:
        super().__init__(f"Several {items} {'have' if same_title else 'may be meant by'} this title.")
        self.candidates = list(candidates)
        self.same_title = same_title


class UnknownMovieError(LookupFailedError):
    """The movie id is not in the catalogue."""


class UnknownUserError(LookupFailedError):
    """The user id has no history in this model."""


class NewUserError(LookupFailedError):
    """The model has no fold-in, so it answers for the users of its training data alone."""
