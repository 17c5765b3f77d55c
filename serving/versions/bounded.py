"""A bound on the answers that MLflow's client reads whole: a registry may answer without an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

MOST_BYTES = 64 << 20


@contextmanager
def bounded_answers() -> Iterator[None]:
    """Break off every HTTP answer that requests reads whole and that is longer than MOST_BYTES, in the block."""
    build = HTTPAdapter.build_response

    def build_bounded(adapter: HTTPAdapter, request: Any, answer: Any) -> Any:
        answer.stream = partial(_bounded, answer, answer.stream)
        return build(adapter, request, answer)

    HTTPAdapter.build_response = build_bounded  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        HTTPAdapter.build_response = build  # type: ignore[method-assign]


def _bounded(answer: Any, stream: Callable[..., Iterator[bytes]], *arguments: Any, **options: Any) -> Iterator[bytes]:
    length = 0
    for chunk in stream(*arguments, **options):
        length += len(chunk)
        if length > MOST_BYTES:
            answer.close()
            raise ProtocolError(f"The registry's answer is longer than {MOST_BYTES} bytes; broken off.")
        yield chunk
