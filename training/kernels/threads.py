"""Thread pools and scratch memory for compiled loops, which release the interpreter lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import scipy.linalg.blas  # noqa: F401  # SciPy's own OpenBLAS: a limit reaches loaded libraries alone
import threadpoolctl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Map:
    """A `map` over threads, and their number."""

    threads: int
    run: Callable[..., Iterator[Any]]

    def __call__(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Return the results of `function` in the order of `items`."""
        return self.run(function, items)

    def each(self, function: Callable[[T], None], items: Iterable[T]) -> None:
        """Call `function` with each of `items` and wait for all calls."""
        for _ in self.run(function, items):
            pass


class _Thread(threading.local):
    is_worker = False  # one of several threads of a pool, beside which there is no core to spare


_this_thread = _Thread()


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def thread_map(threads: int = 0) -> Iterator[Map]:
    """Yield a parallel `map` over `threads` threads (0: one per processor); BLAS starts no threads of its own.

    In a thread of such a pool, `map` is that thread's own: its siblings keep the processors busy. What has not begun
    when the block raises is never done.
    """
    threads = threads or cores()
    if _this_thread.is_worker:
        yield Map(1, map)
        return
    enter = partial(setattr, _this_thread, "is_worker", threads > 1)
    with one_blas_thread(), ThreadPoolExecutor(threads, initializer=enter) as pool:
        try:
            yield Map(threads, pool.map)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _BlasLimit:
    """Keeps BLAS to one thread from the first block that asks for it to the last: the number is the whole process's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._limits: Any = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        with self._lock:
            if not self._blocks:
                _let_any_thread_set_blas()
                self._limits = threadpool_limits(1, "blas")
            self._blocks += 1
        try:
            yield
        finally:
            with self._lock:
                self._blocks -= 1
                if not self._blocks:
                    _let_any_thread_set_blas()
                    self._limits.restore_original_limits()
                    _let_any_thread_set_blas()


def _let_any_thread_set_blas() -> None:
    """Undo that threadpoolctl, from 3.8 on, silently obeys only the living thread that first set a number."""
    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


_blas_limit = _BlasLimit()


def one_blas_thread() -> AbstractContextManager[None]:
    """Return a context in which BLAS runs on one thread, also where other threads leave such a context meanwhile."""
    return _blas_limit.hold()


class Scratch(threading.local):
    """Scratch arrays that each thread reuses.

    New ones of many megabytes would be zeroed by the system each time.
    """

    def __init__(self) -> None:
        self._blocks: dict[str, NDArray[np.float32]] = {}

    def block(self, name: str, rows: int, columns: int) -> NDArray[np.float32]:
        """Return an array (rows, columns) of undefined content, valid until the next call with this name."""
        block = self._blocks.get(name)
        if block is None or block.size < rows * columns:
            block = self._blocks[name] = np.empty(rows * columns, dtype=np.float32)
        return block[: rows * columns].reshape(rows, columns)
