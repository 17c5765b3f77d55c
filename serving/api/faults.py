"""Say what is wrong with the fields of a request, without values or names that the caller made up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_NAME = re.compile(r"[a-z_]+")
_MESSAGES = {  # where pydantic's own words would not help
    "extra_forbidden": "there is no such name here; /docs lists those that there are",
    "model_attributes_type": "expected a JSON object, sent with content-type: application/json",
}
_MOST = 20


def field_faults(errors: Sequence[Any], above: int = 0) -> list[dict[str, str | None]]:
    """Return the path and the message of each of pydantic's errors; `above`: steps of the path that are not shown."""
    return [{"parameter": _parameter(error, above), "message": _message(error)} for error in errors[:_MOST]]


def _parameter(error: dict[str, Any], above: int) -> str | None:
    """Return the wrong parameter's path, without names that the caller made up or that pydantic gives its own steps."""
    location = error["loc"]
    path = location[above:-1] if error["type"] == "extra_forbidden" else location[above:]
    return ".".join(str(step) for step in path if isinstance(step, int) or _NAME.fullmatch(step)) or None


def _message(error: dict[str, Any]) -> str:
    message: str = error["msg"]
    return _MESSAGES.get(error["type"], message.removeprefix("Value error, "))
