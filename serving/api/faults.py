"""Say what is wrong with the fields of a request, without values or names that the caller made up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

_NAME = re.compile(r"[a-z_]+")
_MESSAGES = {  # where pydantic's own words would not help
    "model_attributes_type": "expected a JSON object, sent with content-type: application/json",
}
_MOST = 20


def field_faults(
    errors: Sequence[Any], above: int = 0, meant: Callable[[Sequence[int | str]], str | None] = lambda _: None
) -> list[dict[str, str | None]]:
    """Return the path and the message of each of pydantic's errors.

    `above`: steps of the path that are not shown; `meant`: the name that an unknown one at a path is a near miss of.
    """
    return [{"parameter": _parameter(error, above), "message": _message(error, meant)} for error in errors[:_MOST]]


def _parameter(error: dict[str, Any], above: int) -> str | None:
    """Return the wrong parameter's path, without names that the caller made up or that pydantic gives its own steps."""
    location = error["loc"]
    path = location[above:-1] if error["type"] == "extra_forbidden" else location[above:]
    return ".".join(str(step) for step in path if isinstance(step, int) or _NAME.fullmatch(step)) or None


def _message(error: dict[str, Any], meant: Callable[[Sequence[int | str]], str | None]) -> str:
    if error["type"] == "extra_forbidden":
        name = meant(error["loc"])
        return (
            f"there is no such name here; {f'did you mean `{name}`?' if name else '/docs lists those that there are'}"
        )
    message: str = error["msg"]
    return _MESSAGES.get(error["type"], message.removeprefix("Value error, "))
