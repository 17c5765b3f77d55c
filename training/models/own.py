"""User-defined models: classes declared by installed packages in an entry-point group, or passed by a caller.

Only processes that train load them. Workers answer from bundles, which hold arrays and specs and no code.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from recommender.about import About
from recommender.errors import UsageError
from training.config import Config

GROUP = "movierec.models"
_NAME = re.compile(r"[a-z][a-z0-9_]*")  # arrays, and so files, begin with it
_EXPECTED = {
    "name": "its name, of a-z, 0-9 and _",
    "config_type": "its parameters, a subclass of Config whose defaults suffice",
    "about": "what readers are told of it, an About with label, sentence, share and papers",
    "seeded": "whether another seed gives another model",
    "uses_ratings": "whether other ratings give another model",
    "fit": "the method that fits it",
}
_adopted: dict[str, type] = {}


@cache
def installed() -> dict[str, EntryPoint]:
    """Return the models that installed packages declare, by name; none is imported."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def names() -> list[str]:
    """Return the names of all user-defined models."""
    return sorted({*installed(), *_adopted})


def adopt(kind: type) -> str:
    """Make a class known to this process and return its name. Raises UsageError for an incomplete class."""
    _adopted[check(kind).name] = kind
    return str(_adopted[kind.name].name)  # type: ignore[attr-defined]  # checked


def find(name: str) -> Any | None:
    """Return the class of the model `name`, imported now; None where there is no such model. Raises UsageError."""
    if name in _adopted:
        return _adopted[name]
    entry = installed().get(name)
    return None if entry is None else _load(entry)


def check(kind: Any) -> Any:
    """Return the class `kind` if it is a complete model. Raises UsageError, which lists what is missing."""
    missing = [f"`{key}` ({what})" for key, what in _EXPECTED.items() if not hasattr(kind, key)]
    if missing:
        raise UsageError(f"The model class {kind.__qualname__} does not declare {', '.join(missing)}.")
    if not (isinstance(kind.config_type, type) and issubclass(kind.config_type, Config)):
        raise UsageError(f"{kind.__qualname__}.config_type: expected a subclass of Config, found {kind.config_type!r}.")
    if not isinstance(kind.about, About):
        raise UsageError(f"{kind.__qualname__}.about: expected an About, found {kind.about!r}.")
    if not _NAME.fullmatch(kind.name):
        raise UsageError(f"{kind.__qualname__}.name: expected letters a-z, digits and _, found {kind.name!r}.")
    try:
        inspect.signature(kind).bind(None)
    except TypeError as error:
        raise UsageError(f"{kind.__qualname__}: expected __init__(self, config), its parameters; {error}.") from error
    try:
        inspect.signature(kind.fit).bind(None, None, seed=0, progress=None)
    except TypeError as error:
        raise UsageError(f"{kind.__qualname__}.fit: expected fit(self, data, *, seed, progress); {error}.") from error
    return kind


def source_digest(name: str) -> str:
    """Return a hash of the module that defines the model `name`."""
    kind = check(find(name))
    try:
        text = inspect.getsource(inspect.getmodule(kind) or kind)
    except (OSError, TypeError):  # typed into a console
        text = f"{kind} {id(kind)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _load(entry: EntryPoint) -> Any:
    try:
        kind = check(entry.load())
    except (ImportError, AttributeError) as error:
        package = entry.dist.name if entry.dist else entry.value
        raise UsageError(f"The model {entry.name} of the package {package} cannot be imported: {error}.") from error
    if kind.name != entry.name:
        raise UsageError(f"Expected a class with name = {entry.name!r} at {entry.value}, found {kind.name!r}.")
    return kind
