"""Plain threads for loops that release the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")


class Map(Protocol):
    """`map`, as a pool of threads offers it."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Results of `function` in the order of `items`."""
        ...


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def thread_map(threads: int = 0) -> Iterator[Map]:
    """A `map` over `threads` threads (0: one per processor) in which BLAS starts no threads of its own."""
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads or cores()) as pool:
        yield pool.map
